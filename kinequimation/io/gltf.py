"""glTF 2.0 binary (``.glb``): the skinned, animated horse for game engines, browsers and Blender.

Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html. What this writer makes of it:

- metres, Y up, the horse faces +Z and its left is +X: world (x, y, z) becomes (x, z, −y);
- the scene holds an ``armature`` node, under it the joint ``root`` and under that the 80 deforming bones by their own
  names, and beside it the skinned mesh (the specification wants skinned meshes at the root of the scene);
- joints have no rotation at rest, so an inverse bind matrix is a translation, and a joint's rotation is the
  ``Motion``'s own with its axis converted;
- one primitive a material, all on the same vertices;
- one animation, named as the motion: rotations of the joints that leave their rest, and the translation of ``root``;
- several horses stand in one scene, each with an armature and a mesh of its own, and share one animation.

A motion is written joint by joint: nothing is made that grows with its frames but one joint's track.

glTF has no bone tails. Blender's importer draws bones along their anatomy with *Bone Dir: Fortune* (its default draws
them upright; the motion is the same).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from kinequimation import __version__, skeleton
from kinequimation.body import MATERIALS, Body
from kinequimation.geometry.rotation import quat_continuous, quat_normalize
from kinequimation.io.atomic import replacing
from kinequimation.motion import Motion

if TYPE_CHECKING:
    from jaxtyping import Float

_FLOAT, _U8, _U16, _U32 = 5126, 5121, 5123, 5125
_VERTEX_BUFFER, _INDEX_BUFFER = 34962, 34963
_MAX_INFLUENCES = 4
_MOVES_FROM = 1e-6
"""Sine of half the angle by which a joint must leave its rest to get a track."""

_LOOKS: dict[str, tuple[tuple[int, int, int], float]] = {
    "coat": ((92, 55, 33), 0.55),
    "mane": ((24, 20, 18), 0.65),
    "tail": ((24, 20, 18), 0.65),
    "hoof": ((52, 46, 42), 0.45),
    "muzzle": ((70, 65, 63), 0.75),
    "eye": ((14, 9, 7), 0.08),
    "feather": ((34, 26, 22), 0.65),
}
"""A bay horse: colour (sRGB, 0–255) and roughness of each material. Chosen by eye."""


def gltf_from_world_xyz(xyz_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Convert points or vectors from the world (Z up, facing −Y) to glTF's axes (Y up, facing +Z)."""
    x, y, z = np.moveaxis(np.asarray(xyz_world), -1, 0)
    return np.stack([x, z, -y], axis=-1)


def gltf_from_world_quat(quat_wxyz: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Convert rotations from the world's axes to glTF's axes and to its order of components, x, y, z, w."""
    w, x, y, z = np.moveaxis(np.asarray(quat_wxyz), -1, 0)
    return np.stack([x, z, -y, w], axis=-1)


def write_glb(path: str | PathLike[str], motion: Motion, body: Body | None = None, in_place: bool = False) -> None:
    """Write a motion as one skinned, animated horse.

    Args:
        path: the ``.glb`` to write.
        motion: what the horse does. The clip starts at time 0 and keeps the distances between ``motion.t_s``.
        body: the horse; ``Body(motion.shape)`` if it is not given.
        in_place: hold ``root`` over the origin and keep only its height, for engines that move the horse themselves.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(path, [_Horse(motion, body or Body(motion.shape), motion.t_s[0], in_place)], motion.name or "motion")


def write_scene_glb(path: str | PathLike[str], horses: Mapping[str, Motion], name: str = "scene") -> None:
    """Write several motions in one world as one scene with one animation.

    Args:
        path: the ``.glb`` to write.
        horses: the motions by the names of their horses, at least one. The earliest of their times becomes time 0.
        name: of the animation.

    Raises:
        OutputError: the file cannot be written.
    """
    first_s = min(float(motion.t_s[0]) for motion in horses.values())
    _write(path, [_Horse(m, Body(m.shape), first_s, suffix=f"_{key}") for key, m in horses.items()], name)


@dataclass(frozen=True)
class _Horse:
    """One horse of a scene; ``suffix`` ends the names of its armature and its mesh."""

    motion: Motion
    body: Body
    zero_s: float
    in_place: bool = False
    suffix: str = ""


class _Buffer:
    """The binary chunk as it grows, with the views and accessors that describe it.

    What is large is made when it is written.
    """

    def __init__(self) -> None:
        self.n_bytes = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self._parts: list[tuple[Callable[[], np.ndarray], int]] = []

    def add(self, array: np.ndarray, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append one array [n] or [n, k] as a view and an accessor of its own; return the accessor's index."""
        accessor = self.add_later(lambda: array, array.dtype, array.shape, kind, target)
        if bounds:
            columns = array.reshape(len(array), -1)
            self.accessors[accessor] |= {"min": columns.min(0).tolist(), "max": columns.max(0).tolist()}
        return accessor

    def add_later(
        self,
        make: Callable[[], np.ndarray],
        dtype: np.dtype,
        shape: tuple[int, ...],
        kind: str,
        target: int | None = None,
    ) -> int:
        """Append an array of this type and shape that ``make`` returns when it is written."""
        n_bytes = dtype.itemsize * math.prod(shape)
        component = {"f4": _FLOAT, "u1": _U8, "u2": _U16, "u4": _U32}[dtype.str[1:]]
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.n_bytes, "byteLength": n_bytes}
        if target is not None:
            view["target"] = target
        self.accessors.append(
            {"bufferView": len(self.views), "componentType": component, "count": shape[0], "type": kind}
        )
        self.views.append(view)
        self._parts.append((make, -n_bytes % 4))
        self.n_bytes += n_bytes + -n_bytes % 4
        return len(self.accessors) - 1

    def write(self, file: BinaryIO) -> None:
        """Write all bytes."""
        for make, padding in self._parts:
            array = make()
            file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
            file.write(bytes(padding))


def _write(path: str | PathLike[str], horses: list[_Horse], name: str) -> None:
    buffer = _Buffer()
    document = _document(buffer, horses, name)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + buffer.n_bytes))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", buffer.n_bytes, b"BIN\0"))
        buffer.write(file)


def _document(buffer: _Buffer, horses: list[_Horse], name: str) -> dict[str, Any]:
    n = skeleton.NUM_JOINTS
    materials: dict[str, int] = {}
    nodes: list[dict[str, Any]] = []
    meshes, skins, roots = [], [], []
    animation: dict[str, Any] = {"name": name, "samplers": [], "channels": []}
    for number, horse in enumerate(horses):
        first = len(nodes)  # of its joints, in the order of skeleton.JOINTS
        inverse_bind = np.tile(np.eye(4, dtype=np.float32), (n, 1, 1))
        inverse_bind[:, :3, 3] = -gltf_from_world_xyz(horse.body.rest_xyz)
        nodes += [
            *_joint_nodes(horse.body, first),
            {"name": f"armature{horse.suffix}", "children": [first]},
            {"name": f"horse{horse.suffix}", "mesh": number, "skin": number},
        ]
        roots += [first + n, first + n + 1]
        meshes.append({"name": f"horse{horse.suffix}", "primitives": _primitives(buffer, horse.body, materials)})
        skins.append(
            {
                "name": f"armature{horse.suffix}",
                "skeleton": first,
                "joints": list(range(first, first + n)),
                # a matrix is stored column by column
                "inverseBindMatrices": buffer.add(inverse_bind.transpose(0, 2, 1).reshape(n, 16), "MAT4"),
            }
        )
        _animate(buffer, animation, horse, first)
    return {
        "asset": {"version": "2.0", "generator": f"KinEquiMation {__version__}"},
        "scene": 0,
        "scenes": [{"name": "Scene", "nodes": roots}],
        "nodes": nodes,
        "meshes": meshes,
        "materials": [_material(material) for material in materials],
        "skins": skins,
        "animations": [animation],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
        "buffers": [{"byteLength": buffer.n_bytes}],
    }


def _joint_nodes(body: Body, first: int) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    for j, (name, parent) in enumerate(zip(skeleton.JOINTS, skeleton.JOINT_PARENTS, strict=True)):
        offset = body.rest_xyz[j] - (body.rest_xyz[parent] if parent >= 0 else 0.0)
        node: dict[str, Any] = {"name": name, "translation": [float(v) for v in gltf_from_world_xyz(offset)]}
        children = (first + np.flatnonzero(j == skeleton.JOINT_PARENTS)).tolist()
        if children:
            node["children"] = children
        nodes.append(node)
    return nodes


def _primitives(buffer: _Buffer, body: Body, materials: dict[str, int]) -> list[dict[str, Any]]:
    """Return a primitive for every material that has faces; ``materials`` collects their indices."""
    joints, weights = _influences(body.weights)
    normals = vertex_normals(body.rest_vertices, body.faces)
    positions = gltf_from_world_xyz(body.rest_vertices).astype(np.float32)
    attributes = {
        "POSITION": buffer.add(positions, "VEC3", _VERTEX_BUFFER, bounds=True),
        "NORMAL": buffer.add(gltf_from_world_xyz(normals).astype(np.float32), "VEC3", _VERTEX_BUFFER),
        "JOINTS_0": buffer.add(joints, "VEC4", _VERTEX_BUFFER),
        "WEIGHTS_0": buffer.add(weights, "VEC4", _VERTEX_BUFFER),
    }
    index_type = np.uint16 if len(positions) < 65535 else np.uint32
    primitives = []
    for m, name in enumerate(MATERIALS):
        faces = body.faces[body.face_material == m]
        if len(faces) == 0:
            continue
        indices = buffer.add(faces.reshape(-1).astype(index_type), "SCALAR", _INDEX_BUFFER)
        material = materials.setdefault(name, len(materials))
        primitives.append({"attributes": attributes, "indices": indices, "material": material, "mode": 4})
    return primitives


def look(material: str) -> tuple[Float[np.ndarray, " 3"], float]:
    """Return the colour (linear RGB, 0 to 1) and roughness that a material of ``body.MATERIALS`` has without a coat."""
    colour_srgb, roughness = _LOOKS[material]
    srgb = np.array(colour_srgb) / 255.0
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4), roughness  # IEC 61966-2-1


def _material(name: str) -> dict[str, Any]:
    linear, roughness = look(name)
    return {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*(round(float(c), 5) for c in linear), 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": roughness,
        },
    }


def vertex_normals(vertices: Float[np.ndarray, "v 3"], faces: np.ndarray) -> Float[np.ndarray, "v 3"]:
    """Return smooth unit normals: the mean of the normals of a vertex's faces, weighted by their areas.

    A vertex that no face with an area uses gets +Z.
    """
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(normals, faces[:, i], face_normals)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-20, normals / np.maximum(length, 1e-20), [0.0, 0.0, 1.0])


def _influences(weights: Float[np.ndarray, "v 81"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the four strongest joints of each vertex and their weights, which sum to 1 in 32 bits."""
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :_MAX_INFLUENCES]
    values = np.take_along_axis(weights, strongest, axis=1)
    values = (values / values.sum(1, keepdims=True)).astype(np.float32)
    values[:, 0] = 1.0 - values[:, 1:].sum(1, dtype=np.float64)
    return np.where(values > 0, strongest, 0).astype(np.uint8), values


def _animate(buffer: _Buffer, animation: dict[str, Any], horse: _Horse, first: int) -> None:
    """Add a horse's tracks to an animation; ``first`` is the node of its first joint."""
    motion, n = horse.motion, len(horse.motion)
    times = buffer.add((motion.t_s - horse.zero_s).astype(np.float32), "SCALAR", bounds=True)

    def add_track(joint: int, path: str, make: Callable[[], np.ndarray], width: int) -> None:
        output = buffer.add_later(make, np.dtype(np.float32), (n, width), f"VEC{width}")
        node = {"node": first + joint, "path": path}
        animation["channels"].append({"sampler": len(animation["samplers"]), "target": node})
        animation["samplers"].append({"input": times, "interpolation": "LINEAR", "output": output})

    add_track(0, "translation", lambda: _root_track(motion, horse.in_place), 3)
    for joint in range(skeleton.NUM_JOINTS):
        if np.abs(motion.quat_wxyz[:, joint, 1:]).max() > _MOVES_FROM:
            add_track(joint, "rotation", partial(_joint_track, motion, joint), 4)


def _root_track(motion: Motion, in_place: bool) -> Float[np.ndarray, "frames 3"]:
    root_xyz = motion.root_xyz_world * [0.0, 0.0, 1.0] if in_place else motion.root_xyz_world
    return gltf_from_world_xyz(root_xyz).astype(np.float32)


def _joint_track(motion: Motion, joint: int) -> Float[np.ndarray, "frames 4"]:
    quat_wxyz = quat_continuous(quat_normalize(motion.quat_wxyz[:, joint]))
    return gltf_from_world_quat(quat_wxyz).astype(np.float32)
