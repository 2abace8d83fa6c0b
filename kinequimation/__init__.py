"""KinEquiMation: a video of a horse in, an animated, rigged 3D horse out."""

from __future__ import annotations

__version__ = "0.1.0"
