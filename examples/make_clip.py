"""Make ``examples/trot.mp4``: a rendered warmblood that trots past, so that the clip is free for any use.

    python examples/make_clip.py

Needs OpenGL (the ``render`` extra).
"""

from __future__ import annotations

from pathlib import Path

from kinequimation.body import Body, breed_shape
from kinequimation.motion.gaits import make_motion
from kinequimation.synth.clip import film, tripod
from kinequimation.video import VideoWriter

WIDTH, HEIGHT, FPS, SECONDS, SEED = 640, 360, 30.0, 4.0, 13


def main() -> None:
    """Film the motion and write the clip beside this file."""
    motion = make_motion("trot", Body(breed_shape("warmblood")), seconds=SECONDS, fps=FPS)
    path = Path(__file__).with_name("trot.mp4")
    with VideoWriter(path, WIDTH, HEIGHT, FPS) as writer:
        for i, frame in enumerate(film(motion, SEED, tripod(motion, WIDTH, HEIGHT))):
            writer.write(frame.image, float(motion.t_s[i]))


if __name__ == "__main__":
    main()
