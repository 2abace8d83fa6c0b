"""A scene's compositor: nodes that work on what was rendered, before it is written."""

from __future__ import annotations

from typing import Any

import bpy

IS_GROUP = bpy.app.version >= (5, 0, 0)
"""Since Blender 5 a compositor is a node group like any other, which several scenes may share."""


def empty_compositor(scene: bpy.types.Scene) -> tuple[bpy.types.NodeTree, bpy.types.Node]:
    """Return a scene's compositor, which is used from now on, emptied, and the node whose input it writes."""
    scene.render.use_compositing = True
    if IS_GROUP:
        tree = bpy.data.node_groups.new(scene.name, "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        return tree, tree.nodes.new("NodeGroupOutput")
    scene.use_nodes = True
    scene.node_tree.nodes.clear()
    return scene.node_tree, scene.node_tree.nodes.new("CompositorNodeComposite")


def remove_compositor(scene: bpy.types.Scene) -> None:
    """Remove a compositor of ``empty_compositor``, where it would outlive its scene."""
    if IS_GROUP:
        bpy.data.node_groups.remove(scene.compositing_node_group)


def math_node(tree: bpy.types.NodeTree, operation: str) -> Any:
    """Add a node of a compositor that works out a number."""
    node = tree.nodes.new("ShaderNodeMath" if IS_GROUP else "CompositorNodeMath")
    node.operation = operation
    return node
