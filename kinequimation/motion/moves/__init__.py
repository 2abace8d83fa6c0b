"""What a horse does besides its gaits."""

from kinequimation.motion.moves.move import MOVE_NAMES, make_move, sample_move

__all__ = ["MOVE_NAMES", "make_move", "sample_move"]
