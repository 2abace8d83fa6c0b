"""How Blender renders a scene: by which engine, on which device, and nothing added to what is there."""

from __future__ import annotations

import bpy

from kinequimation.errors import MissingDependencyError

_ENGINES = {
    "cycles": ("CYCLES",),
    "eevee": ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE"),
    "workbench": ("BLENDER_WORKBENCH",),
}


def choose_engine(scene: bpy.types.Scene, engine: str, device: str) -> None:
    """Have a scene rendered by an engine, on a device.

    Raises:
        MissingDependencyError: Blender lacks the engine, or there is no such device.
    """
    for name in _ENGINES[engine]:
        try:
            scene.render.engine = name
            break
        except TypeError:  # another version's name
            continue
    else:
        raise MissingDependencyError(f"--engine: Blender {bpy.app.version_string} has no {engine}; use cycles")
    if device == "gpu" and engine == "cycles":
        _use_gpu()
    scene.cycles.device = device.upper()


def _use_gpu() -> None:
    """Let Cycles use every graphics card of the first kind that there is."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    for kind in ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL"):
        try:
            preferences.compute_device_type = kind
        except TypeError:  # not in this build
            continue
        preferences.get_devices()
        found = [d for d in preferences.devices if d.type == kind]
        for d in preferences.devices:
            d.use = d in found
        if found:
            return
    raise MissingDependencyError("--device gpu: Cycles finds no graphics card here; use --device cpu")


def plain_render_settings(scene: bpy.types.Scene, threads: int) -> None:
    """Take from a scene what comes between its geometry and its pixels: crops, blur, layers, effects, stamps."""
    render = scene.render
    render.resolution_percentage = 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    render.use_border = render.use_motion_blur = render.use_multiview = False
    render.use_sequencer = render.use_compositing = False
    render.use_stamp = False
    render.film_transparent = False
    if hasattr(render.image_settings, "media_type"):  # Blender 5: a file set to write a video takes no image's format
        render.image_settings.media_type = "IMAGE"
    render.metadata_input = "SCENE"
    for name in dir(render):
        if name.startswith("use_stamp_"):  # what Blender would write into a PNG: times, which differ from run to run
            setattr(render, name, False)
    render.frame_map_old = render.frame_map_new = 100
    render.use_persistent_data = True
    render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        render.threads = threads
    for layer in list(scene.view_layers)[1:]:
        scene.view_layers.remove(layer)
    scene.view_layers[0].use = True
