"""2D keypoints of a horse in a box: the network, its training, and inference."""

from kinequimation.pose2d.clean_clip import CleanClip, clean_clip
from kinequimation.pose2d.crop import box_of_points, crop_box
from kinequimation.pose2d.estimator import Estimator, load_estimator
from kinequimation.pose2d.infer import PoseEstimator
from kinequimation.pose2d.sides import steady_sides

__all__ = [
    "CleanClip",
    "Estimator",
    "PoseEstimator",
    "box_of_points",
    "clean_clip",
    "crop_box",
    "load_estimator",
    "steady_sides",
]
