"""What ``render.json`` plans against what there is: a render that was stopped is not complete."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinequimation.dataset.check_frame import Fault
from kinequimation.dataset.frame_label import FramePlace, is_action_name
from kinequimation.io.whole_file import read_whole

PLAN_NAME = "render.json"
_MAX_BYTES = 64 << 20
_MAX_FRAMES = 10_000_000
"""Of all cameras: what a plan may ask to be looked for."""
_MAX_NAMED = 20
"""How many missing frames of one action are named one by one."""


def plan_faults(root: Path, base: Path, present: set[FramePlace]) -> Iterator[Fault]:
    """Yield the frames that a render's plan has and the folder has not; one fault if the plan cannot be read.

    Args:
        root: the folder that ``dataset render`` made; it has a plan.
        base: the folder that files are named from.
        present: frames of which there is any file.
    """
    path = root / PLAN_NAME
    name = path.relative_to(base).as_posix()
    try:
        planned = _places(root, json.loads(read_whole(path, _MAX_BYTES))["plan"])
    except OSError as error:
        yield Fault(name, f"cannot be read ({(error.strerror or str(error)).lower()})")
        return
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        yield Fault(name, f"expected the plan that 'dataset render' writes ({type(error).__name__}: {error})")
        return
    missing: Counter[str] = Counter()
    for place in planned:
        if place not in present:
            missing[place.action] += 1
            if missing[place.action] <= _MAX_NAMED:
                label = place.label.relative_to(base).as_posix()
                yield Fault(label, "the frame is missing; 'dataset render' with the same options goes on with it")
    for action, n in missing.items():
        if n > _MAX_NAMED:
            yield Fault(f"{name}", f"{n - _MAX_NAMED} more frames of {action!r} are planned and missing")


def count_missing(root: Path, present: set[FramePlace]) -> int:
    """Return how many frames a render's plan has and the folder has not; 0 where there is no plan that can be read.

    Args:
        root, present: as for ``plan_faults``.
    """
    try:
        planned = _places(root, json.loads(read_whole(root / PLAN_NAME, _MAX_BYTES))["plan"])
        return sum(place not in present for place in planned)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return 0  # 'dataset check' says what is wrong with it


def _places(root: Path, plan: dict[str, Any]) -> Iterator[FramePlace]:
    """Return the frames of a plan, whose names may become paths then.

    Raises:
        Any of ``ValueError``, ``KeyError``, ``TypeError``, ``AttributeError``, ``OverflowError``: it is no plan.
    """
    n_cameras = int(plan["n_cameras"])
    frames = [(str(action["folder"]), [int(frame) for frame in action["frames"]]) for action in plan["actions"]]
    for folder, numbers in frames:
        if not is_action_name(folder) or min(numbers, default=0) < 0:
            raise ValueError(f"no folder and frames of an action: {folder[:80]!r}")
    if n_cameras * sum(len(numbers) for _, numbers in frames) > _MAX_FRAMES:
        raise ValueError(f"more than {_MAX_FRAMES} frames")
    return (FramePlace(root, name, i, camera) for name, of in frames for i in of for camera in range(n_cameras))
