"""Surfaces that are half there are in the mask wholly or not at all, whichever way a material says so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

_CARDS = """
import json, os, sys
sys.path.insert(0, sys.argv[-2])
import bpy
import numpy as np
from kinequimation.blender.first_surfaces import SurfaceScene
from kinequimation.blender.flat import FlatScene
from kinequimation.blender.quiet import quiet

def mixed(tree, share):
    mix, hole, body = (tree.nodes.new(f"ShaderNode{k}") for k in ("MixShader", "BsdfTransparent", "BsdfDiffuse"))
    mix.inputs[0].default_value = share
    tree.links.new(hole.outputs[0], mix.inputs[1])
    tree.links.new(body.outputs[0], mix.inputs[2])
    return mix.outputs[0]

def material(kind, share):
    made = bpy.data.materials.new(kind)
    made.use_nodes = True
    tree = made.node_tree
    principled = next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED")
    output = tree.get_output_node("CYCLES").inputs["Surface"]
    if kind == "constant":
        principled.inputs["Alpha"].default_value = share
    elif kind == "picture":
        image = bpy.data.images.new("hair", 4, 4, alpha=True, float_buffer=True)
        image.pixels.foreach_set(np.full(64, share, np.float32))
        picture = tree.nodes.new("ShaderNodeTexImage")
        picture.image = image
        tree.links.new(picture.outputs["Alpha"], principled.inputs["Alpha"])
    elif kind == "mix":
        tree.links.new(mixed(tree, share), output)
    else:
        group = bpy.data.node_groups.new("hair", "ShaderNodeTree")
        group.interface.new_socket("Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
        group.links.new(mixed(group, share), group.nodes.new("NodeGroupOutput").inputs[0])
        node = tree.nodes.new("ShaderNodeGroup")
        node.node_tree = group
        tree.links.new(node.outputs[0], output)
    return made

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
camera.data.type, camera.data.ortho_scale, camera.location.z = "ORTHO", 8.0, 5.0
scene.collection.objects.link(camera)
kinds, shares = ("constant", "picture", "mix", "group"), (0.4, 0.6)
for row, share in enumerate(shares):
    for column, kind in enumerate(kinds):
        card = bpy.data.meshes.new(kind)
        x, y = 2.0 * column - 4.0, 2.0 * row - 2.0
        card.from_pydata([(x, y, 1), (x + 2, y, 1), (x + 2, y + 2, 1), (x, y + 2, 1)], [], [(0, 1, 2, 3)])
        card.materials.append(material(kind, share))
        placed = bpy.data.objects.new(kind, card)
        placed.pass_index = 1
        scene.collection.objects.link(placed)
FlatScene(scene)
with quiet(), SurfaceScene(scene, 1) as surfaces:
    number, _ = surfaces.render(camera, 0, 32, 32)
cards = number[8:24].reshape(2, 8, 4, 8)[::-1]
print(json.dumps({kind: cards[:, :, k].mean((1, 2)).tolist() for k, kind in enumerate(kinds)}))
sys.stdout.flush()
os._exit(0)
"""


def test_what_is_seen_is_not_left_to_chance(blender_python: Path) -> None:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([blender_python, "-c", _CARDS, str(root), ""], check=True, capture_output=True, text=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {kind: [0.0, 1.0] for kind in ("constant", "picture", "mix", "group")}
