"""MMPose's config files, read as data.

MMPose runs a config as a Python program. To infer with a network of somebody else that is more than needed, so here the
file is only parsed: literals, ``dict(...)``, names assigned before, items of these, sums and products of numbers, and
``_base_`` files beside it. Anything else has the value "unknown", which is an error only where it is asked for.
"""

from __future__ import annotations

import ast
import operator
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinequimation.errors import InputError
from kinequimation.text import one_line

MAX_BYTES = 1 << 20
MAX_FILES = 32
"""Largest file and most ``_base_`` files that are read; real ones have 10 KB and a handful."""
_MAX_ITEMS = 100_000
"""Longest list or text that an expression may make, and most items of a whole config; MMPose's longest has 3,000."""
_BASE, _DELETE = "_base_", "_delete_"
_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


class _Unknown:
    def __repr__(self) -> str:
        return "a computed value"


UNKNOWN = _Unknown()
"""The value of an expression that is not read."""


def read_values(path: Path) -> dict[str, Any]:
    """Return the assignments of a config file and of its ``_base_`` files.

    Raises:
        InputError: the file is missing, too large, or no Python.
    """
    return _read(path, [])


def parse_values(text: str, name: str) -> dict[str, Any]:
    """Return the assignments of a config that is one text, all ``_base_`` files merged.

    Args:
        text: the config.
        name: what to call it in messages.

    Raises:
        InputError: as ``read_values``.
    """
    return _parse(text, name, None, [])


def _read(path: Path, before: list[Path]) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if not path.is_file() or size > MAX_BYTES:
            raise InputError(f"{path}: expected a config of MMPose of at most 1 MB, got another file")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: expected a config of MMPose, found nothing; check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected a config of MMPose, got a file that is no text") from error
    return _parse(text, str(path), path, before)


def _parse(text: str, name: str, path: Path | None, before: list[Path]) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise InputError(f"{name}: expected a config of at most 1 MB, got {len(text)} characters")
    try:
        module = ast.parse(text)
        reader = _Reader(_bases(module, name, path, before))
        for statement in module.body:
            reader.read(statement)
        return reader.values
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        reason = one_line(str(error))[:120]
        raise InputError(f"{name}: expected a config of MMPose in Python, got something else ({reason})") from error


def _bases(module: ast.Module, name: str, path: Path | None, before: list[Path]) -> dict[str, Any]:
    """Return the merged assignments of the ``_base_`` files; those of an installed MMPose are left out."""
    merged: dict[str, Any] = {}
    for statement in module.body:
        if not (isinstance(statement, ast.Assign) and _names(statement.targets[0]) == [_BASE]):
            continue
        value = _Reader({}).value(statement.value)
        for base in [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []:
            if path is None or not isinstance(base, str) or ":" in base or not base.endswith(".py"):
                continue
            file = (path.parent / base).resolve()
            if file in before or len(before) >= MAX_FILES:
                raise InputError(f"{name}: expected at most {MAX_FILES} _base_ files, each once; it names {base} again")
            before.append(file)
            if file.is_file():  # a config copied out of MMPose lacks those that say nothing of the network
                merged = _merged(merged, _read(file, before))
    return merged


def _merged(base: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``new`` laid over ``base``, dictionaries item by item, as MMEngine does.

    Raises:
        ValueError: there is no end of items: dictionaries that hold one another many times over.
    """
    left = _MAX_ITEMS

    def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal left
        left -= len(below) + len(above) + 1
        if left < 0:
            raise ValueError(f"more than {_MAX_ITEMS} items")
        result = dict(below)
        for key, value in above.items():
            if isinstance(value, Mapping):
                old = result.get(key)
                keep = isinstance(old, Mapping) and value.get(_DELETE) is not True
                clean = {k: v for k, v in value.items() if k != _DELETE}
                result[key] = merge(old if keep and isinstance(old, Mapping) else {}, clean)
            else:
                result[key] = value
        return result

    return merge(base, new)


class _Reader:
    """Follows assignments from top to bottom.

    Args:
        base: assignments of the base files.
    """

    def __init__(self, base: dict[str, Any]) -> None:
        self._base = base
        self._own: dict[str, Any] = {}

    @property
    def values(self) -> dict[str, Any]:
        """All assignments: the base's, this file's laid over them."""
        return _merged(self._base, self._own)

    def read(self, statement: ast.stmt) -> None:
        """Take note of what a statement assigns."""
        if isinstance(statement, ast.Assign):
            value = self.value(statement.value)
            for target in statement.targets:
                self._assign(target, value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            self._assign(statement.target, self.value(statement.value))
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:  # type=HRNet after an import stands for type="HRNet"
                self._own[alias.asname or alias.name] = alias.name
        else:
            # A loop, a call such as model.update(...): whatever it may have changed is unknown from here on.
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and (isinstance(node.ctx, ast.Store | ast.Del) or node.id in self._own):
                    self._forget(node.id)

    def value(self, node: ast.expr) -> Any:
        """Return an expression's value, ``UNKNOWN`` where reading is not enough."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._own.get(node.id, UNKNOWN)
        if isinstance(node, ast.List | ast.Tuple):
            items = [self.value(item) for item in node.elts]
            return items if isinstance(node, ast.List) else tuple(items)
        if isinstance(node, ast.Dict):
            return self._pairs(zip(node.keys, node.values, strict=True))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
                names = [None if word.arg is None else ast.Constant(word.arg) for word in node.keywords]
                return self._pairs(zip(names, (word.value for word in node.keywords), strict=True))
            return UNKNOWN
        if isinstance(node, ast.Subscript):
            return _item(self.value(node.value), self.value(node.slice))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == _BASE:
            return self._base.get(node.attr, UNKNOWN)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = self.value(node.operand)
            return -number if is_number(number) else UNKNOWN
        if isinstance(node, ast.BinOp):
            return _combined(node.op, self.value(node.left), self.value(node.right))
        return UNKNOWN

    def _pairs(self, pairs: Any) -> Any:
        result: dict[Any, Any] = {}
        for key_node, value_node in pairs:
            value = self.value(value_node)
            if key_node is None:  # **other
                if not isinstance(value, dict):
                    return UNKNOWN
                result.update(value)
                continue
            key = self.value(key_node)
            if not isinstance(key, str | int | float):
                return UNKNOWN
            result[key] = value
        return result

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self._own[target.id] = value
        elif isinstance(target, ast.Subscript):
            holder, key = self.value(target.value), self.value(target.slice)
            if isinstance(holder, dict) and isinstance(key, str | int):
                holder[key] = value
            else:
                for name in _names(target):
                    self._forget(name)
        else:
            for name in _names(target):
                self._forget(name)

    def _forget(self, name: str) -> None:
        known = self._own.get(name)
        if isinstance(known, dict | list):
            known.clear()  # others may hold it too
        self._own[name] = UNKNOWN


def _names(node: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def shown(value: object) -> str:
    """Return a value for a message: one line, and short however much it holds."""
    return one_line(reprlib.repr(value))[:100]


def is_number(value: object) -> bool:
    """Whether a value is a number that arithmetic keeps small."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _item(holder: Any, key: Any) -> Any:
    # no other keys: a tuple of tuples of the same tuple takes for ever to hash
    if isinstance(holder, dict) and isinstance(key, str | int | float):
        return holder.get(key, UNKNOWN)
    if isinstance(holder, list | tuple) and isinstance(key, int) and -len(holder) <= key < len(holder):
        return holder[key]
    return UNKNOWN


def _combined(op: ast.operator, left: Any, right: Any) -> Any:
    function = _OPERATORS.get(type(op))
    if function is None:
        return UNKNOWN
    if is_number(left) and is_number(right):
        return UNKNOWN if isinstance(op, ast.Div | ast.FloorDiv) and right == 0 else function(left, right)
    if isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, str | list | tuple):
        return left + right if len(left) + len(right) <= _MAX_ITEMS else UNKNOWN  # pyright: ignore[reportOperatorIssue]
    if isinstance(op, ast.Mult) and isinstance(left, list | tuple) and isinstance(right, int):
        return left * right if len(left) * max(right, 0) <= _MAX_ITEMS else UNKNOWN
    return UNKNOWN
