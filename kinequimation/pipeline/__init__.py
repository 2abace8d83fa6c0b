"""Where the stages meet: pixels or keypoints in, a moving horse and its files out."""

from kinequimation.pipeline.animate import AnimateResult, animate, animate_all
from kinequimation.pipeline.options import AnimateOptions
from kinequimation.pipeline.seen import SeenHorse

__all__ = ["AnimateOptions", "AnimateResult", "SeenHorse", "animate", "animate_all"]
