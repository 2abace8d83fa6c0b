"""Label files: what Blender's renders show, one JSON file for each frame and camera.

A dataset's folder, with variants of an image that share one label::

    DIR/render.json                              how it was rendered: whoever goes on must ask for the same
    DIR/<action>/images/<variant>/f00012_c03.png the image
    DIR/<action>/masks/f00012_c03.png            255 where the horse itself is seen, else 0
    DIR/<action>/labels/f00012_c03.json          the label, written last: where it is, the rest is

A label, with lengths in metres, angles in radians, quaternions as w, x, y, z, matrices as rows, pixels with (0, 0) at
the *centre* of the top-left one, and null for what is not a number (a point behind the camera)::

    {"format": 1, "action", "clip", "frame", "camera", "fps", "variants": ["flat", "materials"],
     "image_size": [width, height],
     "camera_intrinsics": {"width", "height", "fx", "fy", "cx", "cy", "K"},
     "camera_extrinsics": {"matrix_world"},          camera to world; Blender's camera: x right, y up, looks along -z
     "armature", "root_matrix",                      the armature's root bone in the world
     "bbox_xywh", "area_px",                         tight box with its hidden parts, clipped; pixels of the mask
     "bones": [{"name", "parent", "head", "tail",    in the world
                "uv", "uv_tail", "in_frame", "in_frame_tail",
                "visibility",                        0 out of the frame, 1 hidden, 2 seen, of the head
                "occluded",                          visibility is 1
                "depth",                             of the head along the camera's axis
                "roll",                              Blender's bone roll at rest
                "quaternion",                        the bone's rotation in the world
                "matrix_world", "matrix_rel_root", "matrix_basis"}],
     "landmarks": [{"name", "xyz", "uv", "in_frame", "visibility", "occluded", "depth"}],   may be empty
     "scene": {...}}                                 what else is known: coat, shape, light, gait, seed; may be empty

``bones`` are the deforming bones, in the order of ``skeleton.BONES``; horse68 is there in full, a rig may lack the
mane. ``matrix_rel_root`` is root_matrix⁻¹ · matrix_world, ``matrix_basis`` Blender's: the pose against the rest. Frames
of one clip are moments of one movement: they must not be spread over training and test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kinequimation.dataset.frame_label import BONE_ARRAYS, Bones, FrameLabel, FramePlace, Landmarks
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.io.whole_file import read_whole

FORMAT = 1
MAX_LABEL_BYTES = 8 << 20
_MAY_BE_NULL = ("uv", "uv_tail")
_DECIMALS = {"uv": 4, "uv_tail": 4}
_USUAL_DECIMALS = 7


def find_labels(root: Path) -> Iterator[FramePlace]:
    """Yield the place of every label file under a dataset's folder, by action, frame and camera.

    Raises:
        InputError: the folder is not there, or holds no labels.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder made by 'dataset render', found none")
    places = []
    for path in root.glob("*/labels/*.json"):
        place = FramePlace.of_file(root, path.parent.parent.name, path.stem)
        if place is not None:
            places.append(place)
    if not places:
        raise InputError(f"{root}: expected <action>/labels/f00000_c00.json made by 'dataset render', found none")
    yield from sorted(places, key=lambda p: (p.action, p.frame, p.camera))


def write_label(path: Path, label: FrameLabel) -> None:
    """Write a label file whole.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(label_to_json(label), allow_nan=False), encoding="utf-8")


def read_label(path: Path) -> FrameLabel:
    """Read a label file.

    Raises:
        InputError: it is not there, or not such a file; the text names it and what is wrong.
    """
    try:
        text = read_whole(path, MAX_LABEL_BYTES).decode("utf-8")
        data = json.loads(text, parse_constant=_refuse_constant)
        return label_from_json(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: expected a label file, got {reason}") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected a label file (JSON), got something unreadable ({error})") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: expected the fields of a label, got something else ({reason})") from error


def _refuse_constant(name: str) -> float:
    raise InputError(f"holds {name}, which is not JSON; expected null or a number")


def label_to_json(label: FrameLabel) -> dict[str, Any]:
    """Return a label as the file holds it."""
    bones, points, K = label.bones, label.landmarks, label.K
    bone_rows = []
    for i, name in enumerate(bones.names):
        row: dict[str, Any] = {"name": name, "parent": bones.parents[i] or None}
        row |= {key: _plain(getattr(bones, key)[i], _DECIMALS.get(key, _USUAL_DECIMALS)) for key in BONE_ARRAYS}
        row |= _seen(bones.in_frame[i], bones.visibility[i]) | {"in_frame_tail": bool(bones.in_frame_tail[i])}
        bone_rows.append(row)
    landmark_rows = [
        {
            "name": name,
            "xyz": _plain(points.xyz[i]),
            "uv": _plain(points.uv[i], 4),
            "depth": _plain(points.depth[i]),
            **_seen(points.in_frame[i], points.visibility[i]),
        }
        for i, name in enumerate(points.names)
    ]
    return {
        "format": FORMAT,
        "action": label.action,
        "clip": label.clip,
        "frame": label.frame,
        "camera": label.camera,
        "fps": float(label.fps),
        "variants": list(label.variants),
        "image_size": [label.width, label.height],
        "camera_intrinsics": {
            "width": label.width,
            "height": label.height,
            **{k: _plain(K[at]) for k, at in (("fx", (0, 0)), ("fy", (1, 1)), ("cx", (0, 2)), ("cy", (1, 2)))},
            "K": _plain(K),
        },
        "camera_extrinsics": {"matrix_world": _plain(label.camera_matrix_world, 9)},
        "armature": label.armature,
        "root_matrix": _plain(label.root_matrix),
        "bbox_xywh": _plain(label.bbox_xywh, 4),
        "area_px": int(label.area_px),
        "bones": bone_rows,
        "landmarks": landmark_rows,
        "scene": label.scene,
    }


def _seen(in_frame: Any, visibility: Any) -> dict[str, Any]:
    return {"in_frame": bool(in_frame), "visibility": int(visibility), "occluded": int(visibility) == 1}


def _plain(value: Any, decimals: int = _USUAL_DECIMALS) -> Any:
    """Return an array as lists of rounded numbers, NaN as null."""
    array = np.round(np.asarray(value, np.float64), decimals) + 0.0  # no -0.0
    if np.isfinite(array).all():
        return array.tolist()
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


def label_from_json(data: dict[str, Any]) -> FrameLabel:
    """Return the label that ``label_to_json`` made.

    Raises:
        InputError: a value is out of its range or not a number. Other errors: the fields are not those of a label.
    """
    if data["format"] != FORMAT:
        raise InputError(f"format: expected {FORMAT}, got {data['format']!r}")
    rows, points = data["bones"], data["landmarks"]
    bones = Bones(
        names=tuple(str(r["name"]) for r in rows),
        parents=tuple(str(r["parent"] or "") for r in rows),
        in_frame=_flags(rows, "in_frame"),
        in_frame_tail=_flags(rows, "in_frame_tail"),
        visibility=_visibility(rows),
        **{key: _column(rows, key, shape, may_be_null=key in _MAY_BE_NULL) for key, shape in BONE_ARRAYS.items()},
    )
    landmarks = Landmarks()
    if points:
        landmarks = Landmarks(
            names=tuple(str(p["name"]) for p in points),
            xyz=_column(points, "xyz", (3,)),
            uv=_column(points, "uv", (2,), may_be_null=True),
            in_frame=_flags(points, "in_frame"),
            visibility=_visibility(points),
            depth=_column(points, "depth", ()),
        )
    width, height = (_whole(v, "image_size") for v in data["image_size"])
    intrinsics = data["camera_intrinsics"]
    if (intrinsics["width"], intrinsics["height"]) != (width, height):
        raise InputError("camera_intrinsics: expected the size of the image")
    K = _array(intrinsics, "K", (3, 3))
    named = [float(intrinsics[k]) for k in ("fx", "fy", "cx", "cy")]
    if not np.allclose(named, [K[0, 0], K[1, 1], K[0, 2], K[1, 2]], atol=1e-6):
        raise InputError("camera_intrinsics: expected fx, fy, cx, cy to be those of K")
    if not isinstance(data["scene"], dict):
        raise InputError("scene: expected an object")
    return FrameLabel(
        action=str(data["action"]),
        clip=str(data["clip"]),
        frame=_whole(data["frame"], "frame"),
        camera=_whole(data["camera"], "camera"),
        fps=float(_array(data, "fps", ())),
        variants=tuple(str(v) for v in data["variants"]),
        width=width,
        height=height,
        K=K,
        camera_matrix_world=_array(data["camera_extrinsics"], "matrix_world", (4, 4)),
        armature=str(data["armature"]),
        root_matrix=_array(data, "root_matrix", (4, 4)),
        bbox_xywh=_array(data, "bbox_xywh", (4,)),
        area_px=_whole(data["area_px"], "area_px"),
        bones=bones,
        landmarks=landmarks,
        scene=data["scene"],
    )


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{name}: expected a whole number from 0, got {str(value)[:40]}")
    return value


def _flags(rows: list[dict[str, Any]], key: str) -> np.ndarray:
    values = [r[key] for r in rows]
    if not all(isinstance(v, bool) for v in values):
        raise InputError(f"{key}: expected true or false")
    return np.array(values, bool)


def _visibility(rows: list[dict[str, Any]]) -> np.ndarray:
    for row in rows:
        if row["visibility"] not in (0, 1, 2) or row["occluded"] != (row["visibility"] == 1):
            raise InputError(f"{row['name']}: expected a visibility of 0, 1 or 2, and occluded where it is 1")
    return np.array([r["visibility"] for r in rows], np.uint8)


def _column(rows: list[dict[str, Any]], key: str, shape: tuple[int, ...], *, may_be_null: bool = False) -> np.ndarray:
    """Return a field of all rows as one array; see ``_array``."""
    with suppress(TypeError, ValueError):  # a row that is to blame is found row by row, and so is one that holds null
        value = np.array([r[key] for r in rows], np.float64)
        if value.shape == (len(rows), *shape) and np.isfinite(value).all():
            return value
    return np.stack([_array(r, key, shape, may_be_null=may_be_null) for r in rows])


def _array(row: dict[str, Any], key: str, shape: tuple[int, ...], *, may_be_null: bool = False) -> np.ndarray:
    """Return a field as an array of the shape.

    Raises:
        InputError: another shape, or not finite numbers (or, where it may be, null for all of them).
    """
    value = np.array(row[key], np.float64)  # None becomes NaN
    if value.shape != shape:
        raise InputError(f"{row.get('name', 'label')}: expected {key} of shape {shape}, got {value.shape}")
    if not np.isfinite(value).all() and not (may_be_null and np.isnan(value).all()):
        raise InputError(f"{row.get('name', 'label')}: expected {key} to be finite numbers, got {row[key]}")
    return value
