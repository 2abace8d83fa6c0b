"""The record of a frame: everything that was drawn for it, as JSON holds it, and the way back."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from kinequimation.synth.scene import Scene

GENERATOR = 2
"""Version of the generator: grows whenever the same seed and index would give another scene."""

_T = TypeVar("_T")


def to_json(value: Any) -> Any:
    """Return a value as JSON has it: arrays as lists, dataclasses as objects, what is not a finite number as null.

    Raises:
        InputError: a value of another type.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, np.ndarray):
        whole = value.dtype.kind in "biu" or (value.dtype.kind == "f" and bool(np.isfinite(value).all()))
        return value.tolist() if whole else to_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, dict):
        return {str(k): to_json(v) for k, v in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    raise InputError(f"record: expected numbers, texts, arrays or dataclasses, got {type(value).__name__}")


def scene_record(scene: Scene) -> dict[str, object]:
    """Return what a scene was made of: what its makers wrote down, and its horses, light and camera in numbers.

    A horse's pose is the root's place with each joint's world rotation, from which ``body.kinematics`` finds the rest.
    """
    horses = [
        {
            "shape": horse.body.shape,
            "root_xyz_world": horse.xyz_world[0],
            "rotation_world": np.round(horse.rotation_world, 6),
            "coat": np.round(horse.coat, 6),
            "gait": horse.gait,
            "phase": horse.phase,
            "contact": horse.contact,
            "object_id": horse.object_id,
        }
        for horse in scene.horses
    ]
    camera = scene.camera
    numbers = {
        "horses": horses,
        "rows": np.round(scene.rows, 6),
        "n_props": {name: len(rows) for name, rows in scene.props.items() if len(rows)},
        "sun_shadow": scene.sun_shadow,
        "shutter_s": scene.shutter_s,
        "camera": {
            "K": camera.K,
            "T_cam_world": camera.T_cam_world,
            "width": camera.width,
            "height": camera.height,
        },
    }
    return to_json({**scene.record, "scene": numbers})


def changed_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from its defaults, nested ones too, as JSON has them.

    Args:
        value: of a dataclass whose fields all have defaults; None counts as its defaults.
    """
    if value is None:
        return {}
    default = type(value)()
    changes = {}
    for f in fields(value):
        here, there = getattr(value, f.name), getattr(default, f.name)
        if is_dataclass(here) and type(here) is type(there):
            inner = changed_fields(here)
            if inner:
                changes[f.name] = inner
        elif here != there:
            changes[f.name] = to_json(here)
    return changes


def with_changes(default: _T, changes: dict[str, Any]) -> _T:
    """Return a dataclass with ``changed_fields``'s changes made to it.

    Raises:
        InputError: the changes name a field that it does not have, or are none.
    """
    known = {f.name for f in fields(default)}  # pyright: ignore[reportArgumentType]
    if not isinstance(changes, dict) or not set(changes) <= known:
        names = ", ".join(sorted(set(changes) - known)) if isinstance(changes, dict) else type(changes).__name__
        raise InputError(f"{type(default).__name__}: expected fields {', '.join(sorted(known))}, got {names}")
    values = {}
    for name, change in changes.items():
        here = getattr(default, name)
        values[name] = with_changes(here, change) if is_dataclass(here) else _tuples(change)
    return replace(default, **values)  # pyright: ignore[reportArgumentType]


def _tuples(value: Any) -> Any:
    """Return a JSON value with its lists as tuples: frozen dataclasses hold no lists."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
