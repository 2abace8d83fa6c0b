"""The horse that is labelled: an armature and the meshes on it, as evaluated at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from kinequimation import skeleton
from kinequimation.blender.bones import Pose, RestBones, read_pose, read_rest
from kinequimation.blender.skin import LANDMARK_PREFIX
from kinequimation.body.horse import load_template
from kinequimation.dataset.visibility import NO_SEGMENT
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, Int32, UInt8

    from kinequimation.geometry.camera import Camera


@dataclass(frozen=True)
class Subject:
    """The labelled horse.

    Attributes:
        armature: its armature.
        rest: the armature's bones.
        meshes: the meshes that the armature deforms; the horse is all of them.
        withers_m: its height at the withers, metres.
    """

    armature: bpy.types.Object
    rest: RestBones
    meshes: tuple[bpy.types.Object, ...]
    withers_m: float


@dataclass(frozen=True)
class SubjectNow:
    """The labelled horse at one moment, in the world.

    Attributes:
        pose: its bones.
        parts: its meshes, evaluated.
        landmark_names: names of ``skeleton.LANDMARKS``, in their order.
        landmark_xyz: [L, 3] metres.
        withers_m: as in ``Subject``.
    """

    pose: Pose
    parts: tuple[_Part, ...]
    landmark_names: tuple[str, ...]
    landmark_xyz: Float[np.ndarray, "l 3"]
    withers_m: float

    @cached_property
    def vertices_world(self) -> Float[np.ndarray, "v 3"]:
        """Every vertex, metres."""
        return np.concatenate([p.vertices_world for p in self.parts])

    def segments_at(self, xyz_world: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, " n"]:
        """Return the bone with the largest weight at points of the skin, an index into ``skeleton.JOINTS``."""
        best = np.full(len(xyz_world), np.inf)
        segments = np.full(len(xyz_world), NO_SEGMENT, np.uint8)
        for part in self.parts:
            for i, xyz in enumerate(xyz_world):
                distance, vertex = part.nearest(xyz)
                if distance < best[i]:
                    best[i], segments[i] = distance, part.topology.segments[vertex]
        return segments

    def box(self, camera: Camera) -> Float[np.ndarray, " 4"]:
        """Return the tight box of the horse (x, y, width, height; pixels), hidden parts too, clipped to the image.

        The box covers whole pixels: one that fills the image is (−0.5, −0.5, width, height).
        """
        uv = camera.project(self.vertices_world)
        uv = uv[np.isfinite(uv).all(1)]
        if not len(uv):
            return np.zeros(4)
        top = np.array([camera.width, camera.height]) - 0.5
        low, high = np.clip(uv.min(0), -0.5, top), np.clip(uv.max(0), -0.5, top)
        return np.concatenate([low, high - low])


@dataclass(frozen=True, eq=False)
class _Topology:
    """What of an evaluated mesh no pose changes.

    Attributes:
        segments: [V] as in ``SubjectNow.segments_at``.
        landmarks: the vertex of each landmark that the mesh has.
        corners: [C] the vertices of all faces, one face after the other.
        face_start: [F] where each face's begin.
    """

    segments: UInt8[np.ndarray, " v"]
    landmarks: dict[str, int]
    corners: Int32[np.ndarray, " c"]
    face_start: Int32[np.ndarray, " f"]

    def corners_of(self, face: int) -> Int32[np.ndarray, " k"]:
        """Return the vertices of a face."""
        end = self.face_start[face + 1] if face + 1 < len(self.face_start) else len(self.corners)
        return self.corners[self.face_start[face] : end]


@dataclass(frozen=True, eq=False)
class _Part:
    """One evaluated mesh.

    Attributes:
        to_world: [4, 4].
        vertices_world: [V, 3] metres.
        topology: what no pose changes.
        tree: its faces, in its own axes.
    """

    to_world: Float[np.ndarray, "4 4"]
    vertices_world: Float[np.ndarray, "v 3"]
    topology: _Topology
    tree: BVHTree

    def nearest(self, xyz_world: Float[np.ndarray, " 3"]) -> tuple[float, int]:
        """Return how far a point is from the surface, and the nearest vertex of the face that it is nearest to."""
        xyz = np.linalg.solve(self.to_world, [*xyz_world, 1.0])[:3]
        found, _, face, _ = self.tree.find_nearest(Vector(xyz))
        if found is None:
            return np.inf, 0
        found_world = self.to_world[:3, :3] @ np.array(found) + self.to_world[:3, 3]
        corners = self.topology.corners_of(face)
        at = np.argmin(np.linalg.norm(self.vertices_world[corners] - found_world, axis=1))
        return float(np.linalg.norm(found_world - xyz_world)), int(corners[at])


class SubjectReader:
    """Reads the labelled horse, frame after frame; what no pose changes is read once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._topology: dict[tuple[str, int], _Topology] = {}

    def read(self, depsgraph: bpy.types.Depsgraph) -> SubjectNow:
        """Return the horse as evaluated at the present frame."""
        parts, landmarks = [], {}
        for o in self.subject.meshes:
            evaluated = o.evaluated_get(depsgraph)
            mesh = evaluated.data
            if not len(mesh.vertices):
                continue
            to_world = np.array(evaluated.matrix_world, np.float64)
            vertices = np.empty(len(mesh.vertices) * 3, np.float32)
            mesh.vertices.foreach_get("co", vertices)
            vertices_world = vertices.reshape(-1, 3) @ to_world[:3, :3].T + to_world[:3, 3]
            key = (o.name, len(mesh.vertices))
            if key not in self._topology:
                self._topology[key] = _read_topology(o, mesh)
            part = _Part(to_world, vertices_world, self._topology[key], BVHTree.FromObject(o, depsgraph))
            parts.append(part)
            landmarks |= {name: vertices_world[v] for name, v in part.topology.landmarks.items()}
        names = tuple(n for n in skeleton.LANDMARKS if n in landmarks)
        return SubjectNow(
            pose=read_pose(self.subject.armature, self.subject.rest, depsgraph),
            parts=tuple(parts),
            landmark_names=names,
            landmark_xyz=np.array([landmarks[n] for n in names]).reshape(-1, 3),
            withers_m=self.subject.withers_m,
        )


def find_subject(armature: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> Subject:
    """Return the horse on an armature: every mesh in the view layer that is rendered and that it deforms.

    Its withers height is that of the landmark at rest, above the armature's origin; without landmarks, that of the
    reference horse, scaled as its bones are.

    Raises:
        InputError: the armature is no Rigify horse's, or deforms no mesh.
    """
    rest = read_rest(armature)
    meshes = tuple(o for o in rendered_objects(view_layer) if o.type == "MESH" and _is_on(o, armature))
    if not meshes:
        raise InputError(
            f"armature {armature.name!r}: expected a mesh that it deforms (an Armature modifier) and that is rendered,"
            " found none"
        )
    _show_collections(view_layer.layer_collection)
    for o in meshes:
        o.hide_viewport = False  # Blender works out for Python what the viewport shows
        o.hide_set(False, view_layer=view_layer)
        for modifier in o.modifiers:  # what Python reads is the viewport's mesh: make it the rendered one
            modifier.show_viewport = modifier.show_render
            if hasattr(modifier, "render_levels"):
                modifier.levels = modifier.render_levels
    return Subject(armature, rest, meshes, _withers_height(armature, rest, meshes))


def _withers_height(armature: bpy.types.Object, rest: RestBones, meshes: tuple[bpy.types.Object, ...]) -> float:
    """Return the height of the withers above the armature's own ground at rest, metres."""
    to_world = np.array(armature.matrix_world, np.float64)
    for o in meshes:
        vertex = _landmark_vertices(o, o.data).get("withers")
        if vertex is not None:
            return float((o.matrix_world @ o.data.vertices[vertex].co).z - to_world[2, 3])
    template = load_template()
    reference = template.vertices[template.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
    return float(reference * rest.size * np.cbrt(abs(np.linalg.det(to_world[:3, :3]))))


def _read_topology(o: bpy.types.Object, mesh: bpy.types.Mesh) -> _Topology:
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    face_start = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_start", face_start)
    return _Topology(_segments(o, mesh), _landmark_vertices(o, mesh), corners, face_start)


def rendered_objects(view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    """Return the objects of a view layer that are rendered, by name."""
    found: dict[str, bpy.types.Object] = {}
    pending = [view_layer.layer_collection]
    while pending:
        layer = pending.pop()
        if layer.exclude or layer.collection.hide_render:
            continue
        found |= {o.name: o for o in layer.collection.objects if not o.hide_render}
        pending += layer.children
    return [found[name] for name in sorted(found)]


def _show_collections(layer: bpy.types.LayerCollection) -> None:
    """Show in the viewport every collection that is rendered."""
    if not layer.exclude and not layer.collection.hide_render:
        layer.hide_viewport = layer.collection.hide_viewport = False
        for below in layer.children:
            _show_collections(below)


def _is_on(o: bpy.types.Object, armature: bpy.types.Object) -> bool:
    """Return whether an armature deforms or carries a mesh."""
    by_modifier = any(m.type == "ARMATURE" and m.object == armature and m.show_render for m in o.modifiers)
    return by_modifier or (o.parent == armature and o.parent_type in ("ARMATURE", "BONE"))


def _segments(o: bpy.types.Object, mesh: bpy.types.Mesh) -> UInt8[np.ndarray, " v"]:
    """Return the bone with the largest weight at each vertex, an index into ``skeleton.JOINTS``."""
    if o.parent_type == "BONE" and not any(m.type == "ARMATURE" for m in o.modifiers):
        return np.full(len(mesh.vertices), skeleton.JOINT_INDEX.get(o.parent_bone, NO_SEGMENT), np.uint8)
    joints = [skeleton.JOINT_INDEX.get(g.name, NO_SEGMENT) for g in o.vertex_groups]
    segments = np.full(len(mesh.vertices), NO_SEGMENT, np.uint8)
    for i, vertex in enumerate(mesh.vertices):
        weights = [(g.weight, joints[g.group]) for g in vertex.groups if joints[g.group] != NO_SEGMENT]
        if weights:
            segments[i] = max(weights)[1]
    return segments


def _landmark_vertices(o: bpy.types.Object, mesh: bpy.types.Mesh) -> dict[str, int]:
    """Return the vertex of each landmark that a mesh's vertex groups name."""
    groups = {
        g.index: g.name.removeprefix(LANDMARK_PREFIX)
        for g in o.vertex_groups
        if g.name.removeprefix(LANDMARK_PREFIX) in skeleton.LANDMARKS and g.name.startswith(LANDMARK_PREFIX)
    }
    best: dict[str, tuple[float, int]] = {}
    if groups:
        for i, vertex in enumerate(mesh.vertices):
            for g in vertex.groups:
                name = groups.get(g.group)
                if name and g.weight > best.get(name, (0.0, 0))[0]:
                    best[name] = (g.weight, i)
    return {name: i for name, (_, i) in best.items()}
