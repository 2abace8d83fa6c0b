"""Where the stages meet: pixels or keypoints in, a moving horse and its files out."""

from kinequimation.pipeline.animate import AnimateResult, animate
from kinequimation.pipeline.options import AnimateOptions

__all__ = ["AnimateOptions", "AnimateResult", "animate"]
