"""What a person looks at: the skeleton drawn on the frame, and the 3D horse beside it, without a GPU."""

from kinequimation.viz.overlay import Overlay
from kinequimation.viz.view import SecondView

__all__ = ["Overlay", "SecondView"]
