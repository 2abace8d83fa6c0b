"""What runs inside Blender; the only part of the project that may import ``bpy``.

Code that imports ``bpy`` is a work based on Blender, so this folder is licensed GPL-3.0-or-later (see its LICENSE),
while the rest of the project is Apache-2.0. Nothing outside this folder imports it: commands that need Blender start
it as a process of its own. It may import skeleton, geometry, body, motion, synth, dataset and io, never the networks.
"""
