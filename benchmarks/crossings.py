"""Two rendered horses that pass each other, with the truth of who is who: what identities are measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body import Body, Shape
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_rotate
from kinequimation.metrics import box_iou
from kinequimation.motion.gaits import make_motion
from kinequimation.synth.coat import sample_coat
from kinequimation.synth.labels import horse_box
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import OTHER_HORSE_ID, HorseInScene
from kinequimation.synth.studio import studio_scene
from kinequimation.video import Frame, FrameSource

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

WIDTH, HEIGHT, FPS = 480, 270, 25.0
WIDE_M = 9.0
"""What the picture's width shows where the horses pass."""


@dataclass(frozen=True)
class Crossing:
    """How two horses pass.

    Attributes:
        seed: chooses coats and sizes.
        gaits: what the two do; the second is the one farther from the camera.
        same_way: the nearer one overtakes, rather than meets, the other.
        seconds: length.
    """

    seed: int
    gaits: tuple[str, str] = ("trot", "walk")
    same_way: bool = False
    seconds: float = 4.0
    fps: float = FPS


class FilmedCrossing(FrameSource):
    """The frames of a crossing, and the true boxes of both horses.

    Attributes:
        image: [T] the frames.
        bbox_xywh: [T, 2, 4] the box of each horse.
    """

    def __init__(self, crossing: Crossing) -> None:
        rows = list(_film(crossing))
        super().__init__(f"crossing {crossing.seed}", WIDTH, HEIGHT, crossing.fps, len(rows))
        self._fps = crossing.fps
        self.image = [image for image, _ in rows]
        self.bbox_xywh = np.array([box for _, box in rows])

    def __iter__(self) -> Iterator[Frame]:
        for i, image in enumerate(self.image):
            yield Frame(i, i / self._fps, image)

    def count_switches(self, bbox_xywh: Float[np.ndarray, "frames 4"]) -> int:
        """Return how often one horse's boxes change their owner, frames aside in which both overlap a box."""
        owner = self.owners(bbox_xywh)
        apart = box_iou_pairs(self.bbox_xywh) < 0.1
        clear = owner[(owner >= 0) & apart]
        return int((np.diff(clear) != 0).sum())

    def owners(self, bbox_xywh: Float[np.ndarray, "frames 4"]) -> np.ndarray:
        """Return whose box each is, by the greater overlap: 0 or 1, and -1 where there is none or it is nobody's."""
        owner = np.full(len(bbox_xywh), -1)
        for i, box in enumerate(bbox_xywh):
            if np.isfinite(box).all():
                overlap = box_iou(box, self.bbox_xywh[i])[0]
                owner[i] = int(overlap.argmax()) if overlap.max() >= 0.3 else -1
        return owner


def box_iou_pairs(bbox_xywh: Float[np.ndarray, "frames 2 4"]) -> Float[np.ndarray, " frames"]:
    """Return the overlap of the two boxes of each frame."""
    return np.array([box_iou(a, b)[0, 0] for a, b in bbox_xywh])


def _film(crossing: Crossing) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "2 4"]]]:
    rng = np.random.default_rng(crossing.seed)
    horses = []
    for i, gait in enumerate(crossing.gaits):
        body = Body(Shape(float(rng.uniform(1.35, 1.70))))
        motion = make_motion(gait, body, seconds=crossing.seconds, fps=crossing.fps)  # type: ignore[arg-type]
        xyz, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
        yaw = 0.0 if i == 0 or crossing.same_way else np.pi
        turn = quat_from_axis_angle((0.0, 0.0, 1.0), yaw)
        xyz, rotation = quat_rotate(turn, xyz), quat_multiply(np.broadcast_to(turn, rotation.shape), rotation)
        middle = xyz[len(xyz) // 2].mean(0)  # half-way both are at the middle of the picture
        xyz = xyz - [middle[0] - (0.9 if i == 0 else -0.9), middle[1] + rng.uniform(-0.4, 0.4), 0.0]
        horses.append((body, xyz, rotation, sample_coat(rng)[0]))
    draw = renderer()
    for t in range(len(horses[0][1])):
        posed = [
            HorseInScene(body, xyz[t], rotation[t], coat, OTHER_HORSE_ID + i)
            for i, (body, xyz, rotation, coat) in enumerate(horses)
        ]
        scene = studio_scene(
            posed[0], WIDTH, HEIGHT, 0.0, span_m=WIDE_M, target=np.array([0.0, 0.0, 1.0]), others=posed[1:]
        )
        buffers = draw.render(scene, 1)
        boxes = np.array([horse_box(scene, horse) for horse in posed])
        yield np.ascontiguousarray(buffers.rgb), boxes
