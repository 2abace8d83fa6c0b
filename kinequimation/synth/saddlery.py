"""Saddles, bits and reins as props, and the frame on a horse's back in which a saddle and its rider are placed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from kinequimation import skeleton
from kinequimation.synth import garments
from kinequimation.synth.coat import linear
from kinequimation.synth.scene import TACK_ID
from kinequimation.synth.surface import NECK_HEIGHTS, neck_rings, skin_points, trunk_points

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.synth.garments import Fields
    from kinequimation.synth.meshes import Props
    from kinequimation.synth.parts import Parts
    from kinequimation.synth.scene import HorseInScene

Saddle = Literal["dressage", "jumping", "western", "racing", "icelandic"]
_HEAD = skeleton.JOINT_INDEX["DEF-head"]
_STATION_Y = np.array([-0.46, -0.36, -0.26, -0.16, -0.06, 0.04, 0.14, 0.24, 0.34])
_STATION_ANGLE = np.radians([0.0, 15, 30, 45, 60, 75, 90, 105, 120, 135])


@dataclass(frozen=True)
class SaddleFrame:
    """A horse's back as a saddle sees it.

    Attributes:
        origin: [3] point on the topline under the middle of the seat, world.
        axes: [3, 3] unit columns: forwards, to the left, upwards.
        centre_y: the origin's place on the template.
        size: withers height in 1.6 m.
        barrel: [2, 9, 10, 3] skin of the left and of the right side in this frame: forwards, outwards, upwards;
            stations from front to back, then from the topline down.
    """

    origin: Float[np.ndarray, " 3"]
    axes: Float[np.ndarray, "3 3"]
    centre_y: float
    size: float
    barrel: Float[np.ndarray, "2 9 10 3"]

    def world(self, forward: float, left: float, up: float) -> Float[np.ndarray, " 3"]:
        """Return the world point at some metres forwards, to the left and upwards of the origin."""
        return self.origin + self.axes @ np.array([forward, left, up])

    def half_width(self, is_right: int, forward: float, up: float) -> float:
        """Return how far out the skin lies on one side; below the belly, how far it lies at its widest, nearly."""
        stations = self._stations[is_right]
        i = next((n for n in range(1, len(stations) - 1) if stations[n][0] < forward), len(stations) - 1)
        ahead, behind = stations[i - 1], stations[i]
        share = min(max((ahead[0] - forward) / (ahead[0] - behind[0]), 0.0), 1.0)
        return (1 - share) * _out_at(ahead, up) + share * _out_at(behind, up)

    @cached_property
    def _stations(self) -> list[list[tuple[float, list[float], list[float]]]]:
        """For each side and station: its place, and heights and half widths from the topline down."""
        at = self.barrel[..., 0].mean(-1)
        return [
            [(float(at[s, i]), self.barrel[s, i, :, 2].tolist(), self.barrel[s, i, :, 1].tolist()) for i in range(9)]
            for s in range(2)
        ]


def _out_at(station: tuple[float, list[float], list[float]], up: float) -> float:
    _, heights, widths = station
    widest = max(widths)
    if up >= heights[0]:
        return 0.0
    inside = 0.0
    for i in range(1, len(heights)):
        if heights[i] <= up:
            share = (heights[i - 1] - up) / (heights[i - 1] - heights[i] + 1e-9)
            inside = widths[i - 1] + share * (widths[i] - widths[i - 1])
            break
    return max(inside, 0.85 * widest) if up < heights[widths.index(widest)] else inside


def saddle_frame(horse: HorseInScene, centre_y: float) -> SaddleFrame:
    """Return the frame of a saddle whose seat's middle lies at template ``centre_y`` behind the withers."""
    angle = np.stack([_STATION_ANGLE, -_STATION_ANGLE])
    skin = trunk_points(horse, (centre_y + 0.06 + _STATION_Y)[None, :, None], angle[:, None, :])
    front, back = skin[0, 2, 0], skin[0, 6, 0]
    forward = front - back
    forward /= np.linalg.norm(forward)
    left = skin[0, 4, 5] - skin[1, 4, 5]
    left -= (left @ forward) * forward
    left /= np.linalg.norm(left)
    up = np.cross(forward, left)
    axes = np.stack([forward, left, up], -1)
    middle = 0.5 * (front + back)
    top = max(float((skin[0, i, 0] - middle) @ up) for i in (3, 4, 5, 6))
    origin = middle + top * up
    barrel = (skin - origin) @ axes
    barrel[1, :, :, 1] *= -1
    return SaddleFrame(origin, axes, centre_y, horse.body.shape.withers_height_m / 1.6, barrel)


def sample_centre_y(rng: np.random.Generator, kind: str) -> float:
    """Return where along the template's back the middle of a seat lies: behind the withers, at y = -0.44."""
    middle = {"racing": -0.24, "icelandic": -0.10, "western": -0.14, "bareback": -0.22}.get(kind, -0.17)
    return middle + float(rng.uniform(-0.025, 0.025))


def add_saddle(
    rng: np.random.Generator, props: Props, parts: Parts, fields: Fields, frame: SaddleFrame, kind: Saddle
) -> float:
    """Put a saddle on: the seat as props, flaps and girth as garments.

    Returns:
        the height of the seat's lowest point over the frame's origin, metres.
    """
    k = float(np.clip(frame.size, 0.62, 1.08))
    leather = fields["leather"][:3]
    y = frame.centre_y
    length, wide, tall = {
        "dressage": (0.245, 0.155, 0.075),
        "jumping": (0.245, 0.15, 0.06),
        "icelandic": (0.25, 0.155, 0.06),
        "western": (0.27, 0.185, 0.095),
        "racing": (0.17, 0.11, 0.03),
    }[kind]
    length, wide, tall = length * k, wide * k, tall * k
    seat = max(0.055 if kind != "racing" else 0.035, 0.9 * tall) * (0.6 + 0.4 * k)
    forward, left, up = frame.axes.T
    shape = np.stack([left * wide, -forward * length, up * tall], -1)
    props.add("saddle", shape, frame.world(0.02 * k, 0.0, seat), leather, TACK_ID)
    if kind == "western":
        post = frame.world(0.02 * k + 0.82 * length, 0.0, seat + 0.4 * tall)
        swell = np.stack([forward * 0.055, left * 0.125, up * 0.06], -1) * k
        parts.ball(post, swell, leather, TACK_ID)
        parts.rod(post, post + (0.11 * up + 0.015 * forward) * k, 0.024 * k, 0.018 * k, leather, TACK_ID)
        horn = np.stack([forward * 0.035, left * 0.035, up * 0.012], -1) * k
        parts.ball(post + (0.12 * up + 0.018 * forward) * k, horn, leather, TACK_ID)
        garments.add_flap(fields, leather, (y + 0.02, 0.31, 1.42, 0.15), (0.0, 0.0, 0.06))
    else:
        flap, more = {
            "dressage": ((y - 0.04, 0.145, 1.32, 0.32), (0.06, 0.30, 0.09)),
            "jumping": ((y - 0.06, 0.165, 1.35, 0.28), (0.34, 0.25, 0.11)),
            "icelandic": ((y - 0.05, 0.15, 1.33, 0.28), (0.12, 0.28, 0.09)),
            "racing": ((y - 0.04, 0.12, 1.42, 0.18), (0.40, 0.2, 0.08)),
        }[kind]
        garments.add_flap(fields, leather, flap, more)
    low = fields["flap_shape"][2] - 0.8 * fields["flap_shape"][3]
    garments.add_girth(rng, fields, low, rng.uniform(0.035, 0.05))
    return seat


def add_stirrup(
    parts: Parts, frame: SaddleFrame, straps: list[np.ndarray], foot: np.ndarray, along: np.ndarray,
    leather: np.ndarray, kind: str,
) -> None:  # fmt: skip
    """Hang a stirrup from a point of the saddle.

    Args:
        parts: where to add.
        frame: the saddle's frame.
        straps: [3] points of the leather from the saddle downwards.
        foot: [3] middle of the tread, world.
        along: [3] unit direction of the foot's length.
        leather: its colour.
        kind: the saddle's kind; western stirrups are broad and of wood or leather.
    """
    pull = straps[-1] - foot
    pull /= np.linalg.norm(pull) + 1e-9
    across = np.cross(along, pull)
    across /= np.linalg.norm(across) + 1e-9
    k = min(1.0, 0.5 + 0.5 * frame.size)
    metal = leather if kind == "western" else linear((150, 152, 155))
    radius = 0.016 if kind == "western" else 0.007
    eye = foot + pull * 0.125 * k
    corners = [foot + across * s * 0.06 * k for s in (1.0, -1.0)]
    for corner in corners:
        shoulder = corner + pull * 0.06 * k
        parts.rod(corner, shoulder, radius, radius, metal, TACK_ID, ends="")
        parts.rod(shoulder, eye, radius, radius, metal, TACK_ID, ends="")
    parts.rod(corners[0], corners[1], 0.008, 0.008, metal, TACK_ID, flat=2.6, side=pull, ends="")
    wide = 0.045 if kind == "western" else 0.014
    for a, b in pairwise([eye, *reversed(straps)]):
        parts.rod(a, b, wide, wide, leather, TACK_ID, flat=0.004 / wide, side=along, ends="")


def mouth_corners(horse: HorseInScene) -> tuple[Float[np.ndarray, "2 3"], Float[np.ndarray, "3 3"]]:
    """Return the left and right corner of the mouth on the skin, and the head's rotation from rest."""
    return _on_head(horse, garments.place_on_head("mouth")), head_rotation(horse)


def head_rotation(horse: HorseInScene) -> Float[np.ndarray, "3 3"]:
    """Return the head's rotation from rest."""
    return horse.bone_rows[_HEAD][:, :3]


def _on_head(horse: HorseInScene, place: np.ndarray) -> np.ndarray:
    left, right = np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0])
    return skin_points(horse, [(place, left), (place, right)], farthest=True)


def add_bit(props: Props, horse: HorseInScene, *, kind: str = "snaffle") -> Float[np.ndarray, "2 3"]:
    """Put a bit's rings at the corners of the mouth.

    Returns:
        [2, 3] where the left and the right rein are buckled on.
    """
    corners, head = mouth_corners(horse)
    size = horse.body.shape.head_length * horse.body.shape.withers_height_m / 1.6
    radius = 0.036 * size
    left = head[:, 0]
    back = head @ garments.head_direction(0.45, -0.9)
    down = np.cross(left, back)
    metal = linear((165, 167, 170))
    rings = corners + np.stack([left, -left]) * 0.008 * size + back * 0.45 * radius
    axes = np.stack([back * radius, down * radius, left * radius], -1)
    for ring in rings:
        props.add("ring", axes, ring, metal, TACK_ID)
    if kind == "curb":
        drop = head @ garments.head_direction(0.75, -0.66)
        for ring in rings:
            props.add("box", np.stack([left * 0.004, back * 0.006, drop * 0.05 * size], -1), ring + drop * 0.04 * size,
                      metal, TACK_ID)  # fmt: skip
        return rings + drop * 0.085 * size
    return rings + back * 0.9 * radius


def add_reins(
    parts: Parts, horse: HorseInScene, bit: Float[np.ndarray, "2 3"], hands: Float[np.ndarray, "2 3"],
    rgb: np.ndarray, sag: float, radius: float = 0.006,
) -> None:  # fmt: skip
    """Add both reins from the bit to the hands, outside the neck.

    Args:
        parts: where to add.
        horse: the horse.
        bit: [2, 3] the reins' ends at the bit, left and right.
        hands: [2, 3] where the left and the right rein are held.
        rgb: their colour.
        sag: how far they hang down in the middle, as a share of their length; 0 is straight.
        radius: half their width, metres.
    """
    t = np.linspace(0, 1, 9)
    points = bit[:, None] + (hands - bit)[:, None] * t[:, None]
    points[..., 2] -= sag * np.linalg.norm(hands - bit, axis=1)[:, None] * 4 * t * (1 - t)
    points[:, 1:-1] = _outside_neck(horse, points[:, 1:-1])
    for side in points:
        parts.line(list(side), radius, rgb)


def _outside_neck(horse: HorseInScene, points: Float[np.ndarray, "2 n 3"]) -> Float[np.ndarray, "2 n 3"]:
    """Push points of the left and the right rein sideways out of the neck."""
    crest, throat, sides = neck_rings(horse)
    middle = 0.5 * (crest + throat)
    nearest = np.argmin(((points[:, :, None] - middle) ** 2).sum(-1), axis=-1)
    tall = (crest - throat)[nearest]
    height = 2 * ((points - middle[nearest]) * tall).sum(-1) / (tall**2).sum(-1)
    wide = sides[:, :, 0] - sides[:, :, 1]
    across = wide.mean(1)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    half = np.einsum("sha,sa->sh", 0.5 * wide, across)
    rows = half[nearest]  # [2, n, heights]
    at = np.clip((height[..., None] - NECK_HEIGHTS[:-1]) / np.diff(NECK_HEIGHTS), 0, 1)
    needed = rows[..., 0] + (at * np.diff(rows, axis=-1)).sum(-1) + 0.022
    needed *= np.clip(5.0 - 4 * np.abs(height), 0, 1)  # nothing to keep clear of above the crest and under the throat
    outwards = across[nearest] * np.array([1.0, -1.0])[:, None, None]
    out = ((points - sides.mean((1, 2))[nearest]) * outwards).sum(-1)
    return points + outwards * np.maximum(needed - out, 0.0)[..., None]


def add_loose_reins(parts: Parts, horse: HorseInScene, bit: np.ndarray, rgb: np.ndarray) -> None:
    """Lay the reins over the neck of a horse that nobody rides."""
    y, angle = np.array([-0.66, -0.60, -0.57, -0.56]), np.radians([62.0, 34.0, 12.0, 0.0])
    over = trunk_points(horse, np.stack([y, y]), np.stack([angle, -angle]))
    away = over - over.mean((0, 1))
    lifted = over + away / np.linalg.norm(away, axis=-1, keepdims=True) * 0.012
    t = np.linspace(0, 1, 7)
    hang = bit[:, None] + (lifted[:, 0] - bit)[:, None] * t[:, None]
    hang[..., 2] -= 0.10 * np.linalg.norm(lifted[:, 0] - bit, axis=1)[:, None] * 4 * t * (1 - t)
    hang[:, 1:-1] = _outside_neck(horse, hang[:, 1:-1])
    for i in range(2):
        parts.line([*hang[i], *lifted[i, 1:]], 0.006, rgb)


def hang_stirrups(
    rng: np.random.Generator, parts: Parts, horse: HorseInScene, frame: SaddleFrame, leather: np.ndarray, kind: str
) -> None:
    """Let the stirrups of an empty saddle hang, or run them up their leathers."""
    length = 0.12 if rng.random() < 0.5 and kind != "western" else rng.uniform(0.4, 0.6)
    k = float(np.clip(frame.size, 0.62, 1.08))
    for is_right, sign in enumerate((1.0, -1.0)):
        forward, up = 0.10 * k, -0.08 * k
        heights = np.linspace(up, up - length * k, 4)
        straps = [frame.world(forward, sign * (frame.half_width(is_right, forward, z) + 0.03), z) for z in heights]
        foot = straps[-1] - frame.axes[:, 2] * 0.13 * min(1.0, 0.5 + 0.5 * k)
        add_stirrup(parts, frame, straps, foot, frame.axes[:, 0], leather, kind)


def halter_ring(horse: HorseInScene, fields: Fields) -> Float[np.ndarray, " 3"]:
    """Return the place under the jaw where a lead rope is clipped on, world."""
    noseband = fields["bridle"][0] or 0.36
    origin = garments.place_on_head((float(np.round(noseband, 2)), -0.06))  # inside the head
    down = garments.head_direction(0.0, -1.0)
    head = horse.bone_rows[_HEAD][:, :3]
    return skin_points(horse, [(origin, down)])[0] + 0.02 * (head @ down)
