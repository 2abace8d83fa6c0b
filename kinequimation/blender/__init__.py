"""What runs inside Blender; the only part of the project that may import ``bpy``.

Code that imports ``bpy`` is a work based on Blender, so this folder is licensed GPL-3.0-or-later (see its LICENSE),
while the rest of the project is Apache-2.0. Nothing outside this folder imports it: commands that need Blender start
it as a process of its own. It may import skeleton, geometry, body, motion, synth, dataset and io, never the networks.
Only sampled scenes and painted coats import ``synth``, which wants scipy, Pillow and OpenGL: the rest runs in any
Blender.

The way in: ``__main__``, ``commands`` (which there are, and how their errors end).

The horse as an asset::

    assets         the command: a .blend with everything below
    rig            armatures: Rigify's horse on a body's joints, and a plain one
    rig_additions  what Rigify's horse lacks to follow a motion exactly
    rolls          which way bones are rolled
    skin           the mesh, its weights, landmarks and UV map
    charts         the pieces of the UV map, and how they are packed
    materials      plain colours, or a coat painted on the UV map
    actions        motions as keys on the bones
    controls       motions as keys on Rigify's FK and IK controls
    control_keys   where these shall be, and the keys that put them there
    blend_file     opens and writes .blend files
    fbx            the command: the horse for Unity and Unreal
    motion_files   the command: a motion, with a horse of its own shape, as .blend and .fbx
    plain_copy     meshes, plain rig and baked actions for it, of anybody's Rigify horse
    skeleton_meta  the command: names and edges of the bones

Rendering, of a file's actions or of sampled scenes::

    render           the command
    render_settings  what is asked for, what comes of it: the units of work
    batches          shares them out to fresh processes, and goes on with what was stopped
    worker           such a process
    engine           which engine on which device
    shoot            one frame seen by one camera: images, mask, label
    bones            where the deforming bones are: what a label says of them
    first_surfaces   what is seen first in each pixel: masks and visibility
    holes            materials with holes, which must not be seen by chance
    flat             the variant in plain colours
    compositor       nodes that work on what was rendered
    png              masks, and images without what differs from run to run

A file's actions::

    stage          the file made ready, and its frames one after the other
    subject        the labelled horse: the armature's meshes at one moment
    action_frames  which actions and frames there are, and how one is shown
    cameras        the ring around the horse, and Blender's cameras as ours
    daylight       sun, sky and ground where the file has none

Sampled scenes (``--random``), built of what ``synth.sample`` draws::

    random_frames  their frames one after the other
    scenery        a scene of all that follows, and how it is forgotten
    sampled_horse  the labelled horse, with an armature in its pose
    props          people, saddles, fences, grass, trees, water, dust
    ground         the ground
    sky            light, fog and what lies behind
    shading        shader trees written as formulas
    development    from light to pixels, as the scene's camera shows them

``quiet`` keeps Blender from talking on standard output.
"""
