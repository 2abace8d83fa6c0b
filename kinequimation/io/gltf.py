"""glTF 2.0 binary (``.glb``): the skinned, animated horse for game engines, browsers and Blender.

Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html. What this writer makes of it:

- metres, Y up, the horse faces +Z and its left is +X: world (x, y, z) becomes (x, z, −y);
- the scene holds an ``armature`` node, under it the joint ``root`` and under that the 80 deforming bones by their own
  names, and beside it the skinned mesh (the specification wants skinned meshes at the root of the scene);
- joints have no rotation at rest, so an inverse bind matrix is a translation, and a joint's rotation is the
  ``Motion``'s own with its axis converted;
- one primitive a material, all on the same vertices;
- one animation, named as the motion: rotations of the joints that leave their rest, and the translation of ``root``.

glTF has no bone tails. Blender's importer draws bones along their anatomy with *Bone Dir: Fortune* (its default draws
them upright; the motion is the same).
"""

from __future__ import annotations

import json
import struct
from os import PathLike
from typing import TYPE_CHECKING, Any

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
    data = _glb(motion, body or Body(motion.shape), in_place)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


class _Buffer:
    """The binary chunk as it grows, with the views and accessors that describe it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append one array [n] or [n, k] as a view and an accessor of its own; return the accessor's index."""
        component = {"f4": _FLOAT, "u1": _U8, "u2": _U16, "u4": _U32}[array.dtype.str[1:]]
        little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": little_endian.nbytes}
        if target is not None:
            view["target"] = target
        accessor: dict[str, Any] = {
            "bufferView": len(self.views),
            "componentType": component,
            "count": len(array),
            "type": kind,
        }
        if bounds:
            columns = array.reshape(len(array), -1)
            accessor |= {"min": columns.min(0).tolist(), "max": columns.max(0).tolist()}
        self.data += little_endian.tobytes()
        self.data += bytes(-len(self.data) % 4)
        self.views.append(view)
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _glb(motion: Motion, body: Body, in_place: bool) -> bytes:
    buffer = _Buffer()
    n = skeleton.NUM_JOINTS
    armature_node, mesh_node = n, n + 1  # nodes 0 to 80 are the joints, in the order of skeleton.JOINTS
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (n, 1, 1))
    inverse_bind[:, :3, 3] = -gltf_from_world_xyz(body.rest_xyz)
    materials, primitives = _mesh(buffer, body)
    document = {
        "asset": {"version": "2.0", "generator": f"KinEquiMation {__version__}"},
        "scene": 0,
        "scenes": [{"name": "Scene", "nodes": [armature_node, mesh_node]}],
        "nodes": [
            *_joint_nodes(body),
            {"name": "armature", "children": [0]},
            {"name": "horse", "mesh": 0, "skin": 0},
        ],
        "meshes": [{"name": "horse", "primitives": primitives}],
        "materials": materials,
        "skins": [
            {
                "name": "armature",
                "skeleton": 0,
                "joints": list(range(n)),
                # a matrix is stored column by column
                "inverseBindMatrices": buffer.add(inverse_bind.transpose(0, 2, 1).reshape(n, 16), "MAT4"),
            }
        ],
        "animations": [_animation(buffer, motion, in_place)],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(buffer.data), b"BIN\0")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks) + len(buffer.data)) + chunks + bytes(buffer.data)


def _joint_nodes(body: Body) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    for j, (name, parent) in enumerate(zip(skeleton.JOINTS, skeleton.JOINT_PARENTS, strict=True)):
        offset = body.rest_xyz[j] - (body.rest_xyz[parent] if parent >= 0 else 0.0)
        node: dict[str, Any] = {"name": name, "translation": [float(v) for v in gltf_from_world_xyz(offset)]}
        children = np.flatnonzero(j == skeleton.JOINT_PARENTS).tolist()
        if children:
            node["children"] = children
        nodes.append(node)
    return nodes


def _mesh(buffer: _Buffer, body: Body) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return materials and primitives: one of each for every material that has faces."""
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
    materials, primitives = [], []
    for m, name in enumerate(MATERIALS):
        faces = body.faces[body.face_material == m]
        if len(faces) == 0:
            continue
        indices = buffer.add(faces.reshape(-1).astype(index_type), "SCALAR", _INDEX_BUFFER)
        primitives.append({"attributes": attributes, "indices": indices, "material": len(materials), "mode": 4})
        materials.append(_material(name))
    return materials, primitives


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


def _animation(buffer: _Buffer, motion: Motion, in_place: bool) -> dict[str, Any]:
    times = buffer.add((motion.t_s - motion.t_s[0]).astype(np.float32), "SCALAR", bounds=True)
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def add_track(joint: int, path: str, values: np.ndarray, kind: str) -> None:
        output = buffer.add(values.astype(np.float32), kind)
        channels.append({"sampler": len(samplers), "target": {"node": joint, "path": path}})
        samplers.append({"input": times, "interpolation": "LINEAR", "output": output})

    root_xyz = motion.root_xyz_world * [0.0, 0.0, 1.0] if in_place else motion.root_xyz_world
    add_track(0, "translation", gltf_from_world_xyz(root_xyz), "VEC3")
    quat_xyzw = gltf_from_world_quat(quat_continuous(quat_normalize(motion.quat_wxyz)))
    for j in range(skeleton.NUM_JOINTS):
        if np.abs(quat_xyzw[:, j, :3]).max() > 1e-6:
            add_track(j, "rotation", quat_xyzw[:, j], "VEC4")
    return {"name": motion.name or "motion", "samplers": samplers, "channels": channels}
