"""Holes in materials: where a surface lets through what lies behind it, by its alpha or by a mix with nothing.

A picture may show a lock of hair as half there. What is seen first at a pixel must not be left to chance, though a ray
ends at such a surface as often as that is opaque: so numbers are rendered of surfaces that are there wholly or not at
all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_OR_NOTHING = "kinequimation_all_or_nothing"
"""Property of a scene: 1 where a surface that is less than half there is not there, and any other wholly."""


def cover_of(node: bpy.types.Node) -> tuple[bpy.types.NodeSocket, bool] | None:
    """Return the input of a surface's node that makes holes, and whether 1 is solid; None where it has no holes."""
    alpha = node.inputs.get("Alpha")
    if alpha is not None and alpha.type == "VALUE":
        return None if not alpha.is_linked and alpha.default_value >= 1 else (alpha, True)
    if node.type == "MIX_SHADER":
        for k in (1, 2):
            if any(link.from_node.type == "BSDF_TRANSPARENT" for link in node.inputs[k].links):
                return node.inputs[0], k == 1
    return None


def decide_holes() -> None:
    """Let every material obey ``ALL_OR_NOTHING``; where that is not set it looks as before."""
    for tree in _surface_trees():
        if any(n.type == "ATTRIBUTE" and n.attribute_name == ALL_OR_NOTHING for n in tree.nodes):
            continue
        for cover in [cover_of(node) for node in tree.nodes]:
            if cover is not None:
                _decide(tree, cover[0])


def _surface_trees() -> Iterator[bpy.types.NodeTree]:
    yield from (m.node_tree for m in bpy.data.materials if m.use_nodes and m.node_tree is not None)
    yield from (group for group in bpy.data.node_groups if group.type == "SHADER")


def _decide(tree: bpy.types.NodeTree, share: bpy.types.NodeSocket) -> None:
    """Let an input be 0 or 1, whichever is nearer, where ``ALL_OR_NOTHING`` is set."""
    switch = tree.nodes.new("ShaderNodeAttribute")
    switch.attribute_type, switch.attribute_name = "VIEW_LAYER", ALL_OR_NOTHING
    whole, change, decided = (tree.nodes.new("ShaderNodeMath") for _ in range(3))
    whole.operation, change.operation, decided.operation = "GREATER_THAN", "SUBTRACT", "MULTIPLY_ADD"
    whole.inputs[1].default_value = 0.5
    for socket in (whole.inputs[0], change.inputs[1], decided.inputs[2]):
        if share.is_linked:
            tree.links.new(share.links[0].from_socket, socket)
        else:
            socket.default_value = share.default_value
    tree.links.new(whole.outputs[0], change.inputs[0])
    tree.links.new(switch.outputs["Fac"], decided.inputs[0])
    tree.links.new(change.outputs[0], decided.inputs[1])
    tree.links.new(decided.outputs[0], share)
