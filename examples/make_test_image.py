"""Make ``data/images/test_horse.png`` again: one frame of a walking horse, drawn by our renderer.

    python examples/make_test_image.py [--out data/images/test_horse.png]

The picture follows from the code alone, to the last bits that an OpenGL driver rounds its own way. It shows no real
horse and may be used as freely as the rest of the repository.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

from PIL import Image

from kinequimation.body import Body
from kinequimation.io.atomic import replacing
from kinequimation.motion import make_motion
from kinequimation.synth.clip import film, tripod

ROOT = Path(__file__).resolve().parent.parent
SEED, FRAME = 2, 5
"""A dark bay with white socks on a dry meadow, one fore leg lifted: chosen by eye among twelve seeds."""
WIDTH, HEIGHT = 640, 480


def main() -> None:
    """Draw the frame and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "images" / "test_horse.png", metavar="FILE")
    args = parser.parse_args()
    motion = make_motion("walk", Body(), seconds=1.6, fps=10)
    frame = next(islice(film(motion, SEED, tripod(motion, WIDTH, HEIGHT, hfov_rad=0.62)), FRAME, None))
    with replacing(args.out) as temporary:
        Image.fromarray(frame.image).save(temporary, optimize=True)


if __name__ == "__main__":
    main()
