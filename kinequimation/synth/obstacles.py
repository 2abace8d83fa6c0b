"""What is built or stands about: fences, jumps, poles, letters, vehicles, buildings, other animals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.ground import tint
from kinequimation.synth.scene import OBJECT_ID

if TYPE_CHECKING:
    from kinequimation.synth.meshes import Props

_UP = np.array([0.0, 0.0, 1.0])
_WOODS = ((112, 88, 66), (150, 128, 104), (96, 82, 72), (128, 122, 114), (70, 58, 50))
_WHITE = (228, 227, 222)
_WALLS = ((196, 188, 174), (160, 92, 72), (128, 62, 50), (206, 200, 190), (124, 106, 88), (148, 148, 146), (98, 74, 56))
_ROOFS = ((92, 60, 50), (74, 74, 78), (120, 80, 60), (140, 140, 142), (64, 56, 52))
_PAINTS = ((222, 222, 222), (58, 60, 66), (134, 34, 34), (58, 76, 112), (168, 170, 174), (40, 62, 50), (190, 180, 150))
FENCES: tuple[str, ...] = ("rails", "white rails", "pipes", "wire", "tape", "pvc")


def _along(along_rad: float) -> np.ndarray:
    return np.array([np.cos(along_rad), np.sin(along_rad), 0.0])


def _turned(along_rad: float) -> np.ndarray:
    c, s = np.cos(along_rad), np.sin(along_rad)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def _rods(props: Props, a: np.ndarray, b: np.ndarray, radius: np.ndarray | float, rgb: np.ndarray) -> None:
    """Add straight tubes from the points ``a`` to ``b`` [n, 3], all at once."""
    along = b - a
    length = np.linalg.norm(along, axis=1, keepdims=True)
    z = along / np.maximum(length, 1e-9)
    x = np.where(np.abs(z[:, 2:]) < 0.9, np.stack([z[:, 1], -z[:, 0], 0 * z[:, 0]], -1), [1.0, 0.0, 0.0])
    x -= z * (x * z).sum(1, keepdims=True)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    r = np.broadcast_to(np.reshape(radius, (-1, 1)), (len(a), 1))
    props.add("tube", np.stack([x * r, np.cross(z, x) * r, along / 2], -1), (a + b) / 2, rgb, OBJECT_ID)


def add_trunk(props: Props, foot: np.ndarray, top: np.ndarray, radius: float, rgb: np.ndarray) -> None:
    """Add a tree's trunk, wider where it comes out of the ground."""
    share = np.array([0.0, 0.02, 0.06, 1.0])
    at = foot + share[:, None] * (top - foot)
    for a, b, r0, r1 in zip(at[:-1], at[1:], (1.9, 1.25, 1.0), (1.25, 1.0, 0.75), strict=True):
        along = b - a
        z = along / np.linalg.norm(along)
        x = np.array([z[2], 0.0, -z[0]]) / np.hypot(z[0], z[2])
        axes = np.stack([x * radius * r0, np.cross(z, x) * radius * r0, along / 2], -1)
        props.add("tube", axes, (a + b) / 2, rgb, OBJECT_ID, "soil", 1.2, 0.9, r1 / r0)


def _boxes(
    props: Props, centre: np.ndarray, half: object, along_rad: float, rgb: np.ndarray,
    texture: str | None = None, scale: float = 1.0, contrast: float = 0.5,
) -> None:  # fmt: skip
    """Add upright boxes at the points ``centre`` [n, 3], all at once."""
    halves = np.broadcast_to(np.asarray(half, float), centre.shape)
    props.add("box", _turned(along_rad) * halves[:, None, :], centre, rgb, OBJECT_ID, texture, scale, contrast)


def add_fence(
    props: Props, rng: np.random.Generator, centre_xy: np.ndarray, along_rad: float, length_m: float,
    kind: str | None = None, height_m: float | None = None,
) -> str:  # fmt: skip
    """Add a fence through a point.

    Args:
        props: where to add.
        rng: source of randomness.
        centre_xy: a point of it, metres.
        along_rad: where it runs, from +x towards +y.
        length_m: how long it is.
        kind: one of ``FENCES``; random if not given.
        height_m: of its top; random if not given.

    Returns:
        its kind.
    """
    kind = kind or FENCES[rng.choice(len(FENCES), p=[0.3, 0.22, 0.12, 0.14, 0.12, 0.1])]
    along, centre = _along(along_rad), np.array([*centre_xy, 0.0])
    top = rng.uniform(0.4, 1.6) if height_m is None else height_m
    n_rails = int(rng.integers(1, 5))
    spacing = rng.uniform(1.8, 4.0) if kind != "tape" else rng.uniform(3, 7)
    half = rng.uniform(0.03, 0.075)
    wood = tint(rng, _WOODS[rng.integers(len(_WOODS))], 0.2)
    rgb = wood
    if kind in ("white rails", "pvc"):
        rgb = linear(np.array(_WHITE) * rng.uniform(0.85, 1.0))
    elif kind == "pipes":
        rgb = linear(np.array((150, 152, 152) if rng.random() < 0.6 else (66, 74, 66)) * rng.uniform(0.7, 1.1))
    elif rng.random() < 0.1:
        rgb = random_colour(rng)
    at = np.arange(-length_m / 2, length_m / 2 + spacing, spacing) + rng.uniform(0, spacing)
    foot = centre + at[:, None] * along
    lean = rng.normal(0, 0.015, (len(at), 3)) * [1, 1, 0] * top
    round_posts = rng.random() < 0.4 or kind in ("pipes", "tape")
    post_half = half if kind not in ("tape", "wire") else 0.03
    high = top * rng.uniform(1.0, 1.15)
    if round_posts:
        post_rgb = rgb if kind != "tape" else linear(np.array(_WHITE) * 0.9) if rng.random() < 0.5 else wood
        _rods(props, foot, foot + high * _UP + lean, post_half, post_rgb)
    else:
        _boxes(props, foot + high / 2 * _UP, (post_half, post_half, high / 2), along_rad, rgb, "planks", 0.7, 0.4)
    z = np.linspace(top * 0.95, top * 0.95 / n_rails * 0.6, n_rails)
    middle = centre + z[:, None] * _UP
    ends = along * length_m / 2
    if kind in ("wire", "tape"):
        radius = 0.004 if kind == "wire" else rng.uniform(0.006, 0.02)
        line = linear((120, 120, 118)) if kind == "wire" else linear(np.array(_WHITE) * rng.uniform(0.8, 1))
        # lines hang a little between the posts
        for height in z:
            sag = np.stack([foot[:-1], 0.5 * (foot[:-1] + foot[1:]), foot[1:]], 1) + height * _UP
            sag[:, 1, 2] -= 0.01 * spacing * rng.random()
            _rods(props, sag[:, :2].reshape(-1, 3), sag[:, 1:].reshape(-1, 3), radius, line)
    elif kind == "pipes" or (kind == "rails" and round_posts):
        _rods(props, middle - ends, middle + ends, half * 0.8, rgb)
    else:
        _boxes(props, middle, (length_m / 2, 0.018, half * rng.uniform(1.0, 1.6)), along_rad, rgb, "planks", 0.6, 0.4)
    return kind


def _poles(
    props: Props, rng: np.random.Generator, middle: np.ndarray, along: np.ndarray, half_m: float, a: np.ndarray,
    b: np.ndarray,
) -> None:  # fmt: skip
    """Add painted poles with their middles at the points ``middle`` [n, 3]."""
    bands = int(rng.integers(3, 8))
    t = np.linspace(-1, 1, bands + 1) * half_m
    start = (middle[:, None] + t[None, :-1, None] * along).reshape(-1, 3)
    end = (middle[:, None] + t[None, 1:, None] * along).reshape(-1, 3)
    rgb = np.stack([(a, b)[i % 2] for i in range(bands)])
    _rods(props, start, end, 0.05, np.tile(rgb, (len(middle), 1)))


def add_jump(props: Props, rng: np.random.Generator, xy: np.ndarray, along_rad: float) -> None:
    """Add a show jump: two stands and painted poles, perhaps a plank or a wall below."""
    along, centre = _along(along_rad), np.array([*xy, 0.0])
    a = random_colour(rng)
    b = linear(_WHITE) if rng.random() < 0.8 else random_colour(rng)
    width, height = rng.uniform(1.2, 1.9), rng.uniform(0.5, 1.4)
    wing = rng.uniform(0.15, 0.4)
    for sign in (-1, 1):
        tall = rng.uniform(0.5, 0.85)
        stand = centre + along * sign * (width + wing) + tall * _UP
        solid = rng.random() < 0.4
        if solid:
            _boxes(props, stand[None], (wing, 0.04, tall), along_rad, a, "stripes" if rng.random() < 0.4 else None, 1.0)
        else:
            posts = np.stack([stand - along * wing, stand + along * wing])
            _boxes(props, posts, (0.05, 0.05, tall), along_rad, b)
            rails = stand + np.linspace(-0.8, 0.8, 4)[:, None] * tall * _UP
            _rods(props, rails - along * wing, rails + along * wing, 0.025, b)
    z = np.linspace(height, 0.25, int(rng.integers(2, 5)))
    _poles(props, rng, centre + z[:, None] * _UP, along, width, a, b)
    if rng.random() < 0.35:
        low = rng.uniform(0.12, 0.35)
        paint, surface = (b, "panels") if rng.random() < 0.4 else (a, None)
        _boxes(props, (centre + low * _UP)[None], (width * 0.95, 0.1, low), along_rad, paint, surface, 0.5, 0.7)


def add_ground_poles(props: Props, rng: np.random.Generator, xy: np.ndarray, along_rad: float) -> None:
    """Add poles on the ground or cavaletti, one behind the other."""
    along = _along(along_rad)
    across = np.array([-along[1], along[0], 0.0])
    n = int(rng.integers(1, 6))
    gap, height = rng.uniform(0.8, 1.5), 0.05 if rng.random() < 0.6 else rng.uniform(0.15, 0.4)
    middle = np.array([*xy, height]) + (np.arange(n) - (n - 1) / 2)[:, None] * gap * across
    a = random_colour(rng) if rng.random() < 0.7 else tint(rng, _WOODS[rng.integers(5)])
    _poles(props, rng, middle, along, 1.5, a, linear(_WHITE))
    if height > 0.1:
        for sign in (-1, 1):
            end = middle + along * 1.4 * sign
            for tilt in (-1, 1):
                _rods(props, end - height * _UP + across * 0.2 * tilt, end + 0.1 * _UP - across * 0.1 * tilt, 0.03, a)


def add_letter(props: Props, rng: np.random.Generator, xy: np.ndarray, facing_rad: float) -> None:
    """Add a dressage letter or a cone."""
    foot = np.array([*xy, 0.0])
    if rng.random() < 0.3:
        rgb = linear((226, 104, 40)) if rng.random() < 0.7 else random_colour(rng)
        axes = np.diag([0.16, 0.16, 0.22])
        props.add("tube", axes, foot + 0.22 * _UP, rgb, OBJECT_ID, taper=0.15)
        return
    half, tall = rng.uniform(0.12, 0.25), rng.uniform(0.25, 0.5)
    board = linear(np.array(_WHITE) * rng.uniform(0.85, 1))
    _boxes(props, (foot + tall * _UP)[None], (half, 0.03 if rng.random() < 0.6 else half, tall), facing_rad, board)
    ink = linear((24, 24, 26)) if rng.random() < 0.7 else random_colour(rng)
    front = _turned(facing_rad)[:, 1] * -0.036
    middle = foot + 1.25 * tall * _UP + front
    side = _along(facing_rad)
    for sign in (-1, 1):
        _boxes(props, (middle + side * sign * half * 0.35)[None], (half * 0.12, 0.008, half * 0.6), facing_rad, ink)
    height = rng.uniform(-0.5, 0.5) * half
    _boxes(props, (middle + height * _UP)[None], (half * 0.4, 0.008, half * 0.12), facing_rad, ink)


def add_vehicle(props: Props, rng: np.random.Generator, xy: np.ndarray, yaw_rad: float) -> None:
    """Add a car, a horse trailer, a lorry or a tractor's worth of boxes on wheels."""
    kind = ("car", "trailer", "lorry")[rng.choice(3, p=[0.5, 0.3, 0.2])]
    length, width, height, clear = {
        "car": (4.3, 1.75, 0.75, 0.3), "trailer": (3.4, 1.9, 2.1, 0.35), "lorry": (7.0, 2.4, 2.7, 0.6)
    }[kind]  # fmt: skip
    length, height = length * rng.uniform(0.85, 1.2), height * rng.uniform(0.9, 1.15)
    paint = tint(rng, _PAINTS[rng.integers(len(_PAINTS))], 0.15) if rng.random() < 0.85 else random_colour(rng)
    glass, tyre = linear((34, 38, 44)), linear((24, 24, 24))
    turn = _turned(yaw_rad)
    base = np.array([*xy, 0.0])

    def put(offset: tuple[float, float, float], half: tuple[float, float, float], rgb: np.ndarray) -> None:
        _boxes(props, (base + turn @ np.array(offset))[None], half, yaw_rad, rgb)

    put((0, 0, clear + height / 2), (length / 2, width / 2, height / 2), paint)
    if kind == "car":
        cabin = rng.uniform(0.25, 0.42) * length
        put((-0.05 * length, 0, clear + height + 0.26), (cabin, width * 0.44, 0.28), glass)
        put((-0.05 * length, 0, clear + height + 0.55), (cabin * 0.9, width * 0.42, 0.03), paint)
    else:
        stripe = random_colour(rng)
        put((0, 0, clear + height * 0.35), (length / 2 + 0.01, width / 2 + 0.01, height * 0.06), stripe)
        for sign in (-1, 1):
            put((0.2 * length * sign, 0, clear + height * 0.78), (0.3, width / 2 + 0.015, 0.16), glass)
        if kind == "lorry":
            put((length * 0.53, 0, clear + 0.8), (length * 0.09, width * 0.46, 0.9), tint(rng, (200, 200, 200)))
            put((length * 0.57, 0, clear + 1.2), (length * 0.06, width * 0.42, 0.35), glass)
    radius = 0.33 if kind != "lorry" else 0.48
    wheels = np.array([[x, y, radius] for x in (-0.3, 0.32) for y in (-0.5, 0.5)]) * [length, width, 1.0]
    hubs = base + wheels @ turn.T
    axle = turn[:, 1] * 0.11
    _rods(props, hubs - axle, hubs + axle, radius, tyre)
    ends = np.repeat(hubs, 2, axis=0) + np.tile([[1.0], [-1.0]], (4, 1)) * axle
    discs = turn @ np.diag([radius * 0.6, 0.02, radius * 0.6])
    props.add("sphere", np.broadcast_to(discs, (8, 3, 3)), ends, linear((130, 130, 134)), OBJECT_ID)


def add_building(props: Props, rng: np.random.Generator, xy: np.ndarray, yaw_rad: float) -> None:
    """Add a house, a barn or a row of boxes: walls, roof, doors and windows."""
    length, depth, eaves = rng.uniform(4, 18), rng.uniform(3, 7), rng.uniform(2.2, 4.5)
    wall, roof = (tint(rng, c[rng.integers(len(c))], 0.15) for c in (_WALLS, _ROOFS))
    surface = ("bricks", "boards", "planks", "plaster", "metal")[rng.integers(5)]
    base, turn = np.array([*xy, 0.0]), _turned(yaw_rad)
    _boxes(props, (base + eaves / 2 * _UP)[None], (length / 2, depth / 2, eaves / 2), yaw_rad, wall, surface, 0.4, 0.5)
    pitch = rng.uniform(0.15, 0.7)
    slope = np.hypot(depth / 2 + 0.4, pitch * depth / 2)
    for sign in (-1, 1):
        lean = np.arctan2(pitch * depth / 2, depth / 2) * -sign
        c, s = np.cos(lean), np.sin(lean)
        tilt = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        centre = base + turn @ np.array([0, sign * depth / 4, eaves + pitch * depth / 4])
        axes = turn @ tilt @ np.diag([length / 2 + 0.4, slope / 2, 0.06])
        props.add("box", axes, centre, roof, OBJECT_ID, "metal" if rng.random() < 0.5 else "boards", 0.5, 0.4)
    n = int(rng.integers(2, 7))
    dark = linear(np.array((46, 44, 44)) * rng.uniform(0.6, 1.6))
    at = (np.arange(n) + 0.5) / n - 0.5
    is_door = rng.random(n) < 0.4
    half = np.stack([np.full(n, 0.3 * length / n), np.full(n, depth / 2 + 0.02), np.where(is_door, 1.05, 0.45)], -1)
    half[:, 0] = np.minimum(half[:, 0], 1.2)
    centre = base + np.stack([at * length, 0 * at, np.where(is_door, 1.05, 1.55)], -1) @ turn.T
    _boxes(props, centre, half, yaw_rad, dark, "planks", 1.0, 0.4)


def add_box(props: Props, rng: np.random.Generator, xy: np.ndarray) -> None:
    """Add a board, a crate, a bale, a muck heap or a block."""
    size = np.exp(rng.uniform(np.log(0.15), np.log(1.4), 3))
    surface = ("planks", "bricks", "panels", "letters", "checks", "stripes", "plaster", "shavings", "boards")
    yaw = rng.uniform(0, np.pi)
    name = surface[rng.choice(9, p=[0.2, 0.08, 0.06, 0.08, 0.04, 0.04, 0.2, 0.15, 0.15])]
    rgb = random_colour(rng) if rng.random() < 0.3 else tint(rng, (_WOODS + _WALLS)[rng.integers(12)], 0.2)
    props.box([*xy, size[2]], size, yaw, rgb, OBJECT_ID, name, rng.uniform(0.3, 1), rng.random())


def add_quadruped_furniture(props: Props, rng: np.random.Generator, xy: np.ndarray) -> None:
    """Add something with four legs that is no horse: a table, a bench, or a blob on sticks."""
    size = rng.uniform(0.35, 1.0) * np.array([1.0, rng.uniform(0.3, 0.7), 1.0])
    height, yaw, rgb = rng.uniform(0.5, 1.3), rng.uniform(0, np.pi), random_colour(rng)
    turn = _turned(yaw)[:2, :2]
    feet = np.array([np.array([*(xy + turn @ (size[:2] * 0.85 * [i, j])), 0.0]) for i in (-1, 1) for j in (-1, 1)])
    _rods(props, feet, feet + height * _UP, 0.05, rgb)
    if rng.random() < 0.5:
        props.box([*xy, height], (size[0], size[1], 0.04), yaw, rgb, OBJECT_ID, "planks", 1.0, 0.5)
    else:
        axes = np.eye(3) * [size[0], size[1], rng.uniform(0.2, 0.4)]
        axes[:2, :2] = turn @ axes[:2, :2]
        props.add("sphere", axes, np.array([*xy, height]), rgb, OBJECT_ID, "soil", 0.5, 0.5)


def add_animal(props: Props, rng: np.random.Generator, xy: np.ndarray, heading_rad: float) -> str:
    """Add a dog, a cow, a sheep or a goat of simple parts: four legs and a head, but no horse.

    Returns:
        which.
    """
    kind = ("dog", "cow", "sheep", "goat")[rng.choice(4, p=[0.45, 0.3, 0.15, 0.1])]
    withers, length, deep, wide, neck, head = {
        "dog": (0.5, 0.55, 0.2, 0.15, 0.2, 0.2), "cow": (1.35, 1.6, 0.75, 0.6, 0.45, 0.5),
        "sheep": (0.65, 0.8, 0.45, 0.4, 0.18, 0.25), "goat": (0.65, 0.75, 0.35, 0.28, 0.3, 0.22),
    }[kind]  # fmt: skip
    k = rng.uniform(0.75, 1.25)
    coats = {"cow": ((40, 32, 28), (150, 90, 56), (222, 216, 206)), "sheep": ((222, 214, 200), (60, 54, 50))}
    pool = coats.get(kind, ((36, 30, 28), (170, 128, 84), (224, 218, 208), (110, 76, 50)))
    coat = tint(rng, pool[rng.integers(len(pool))], 0.15)
    front = _along(heading_rad)
    side = np.array([-front[1], front[0], 0.0])
    foot = np.array([*xy, 0.0])
    middle = foot + (withers - deep / 2) * k * _UP
    turn = np.stack([front, side, _UP], -1)
    barrel = [(0.0, 1.0), (0.32, 0.95), (-0.32, 1.02)]
    centres = np.stack([middle + front * o * length * k for o, _ in barrel])
    axes = np.stack([turn @ np.diag([length * 0.32, wide * 0.5 * r, deep * 0.5 * r]) * k for _, r in barrel])
    patchy = kind == "cow" and rng.random() < 0.5
    props.add("sphere", axes, centres, coat, OBJECT_ID, "blobs" if patchy else "soil", 0.8, 0.9 if patchy else 0.4)
    down = rng.random() < 0.4
    poll = middle + front * (length * 0.5 + neck * 0.7) * k + _UP * k * (neck * (-0.9 if down else 0.8) + deep * 0.2)
    nose = poll + front * head * 0.75 * k - _UP * head * (0.6 if down else 0.35) * k
    chest = middle + front * length * 0.42 * k + _UP * deep * 0.15 * k
    props.limb(chest, poll, deep * 0.3 * k, deep * 0.2 * k, coat, OBJECT_ID)
    props.limb(poll, nose, head * 0.32 * k, head * 0.2 * k, coat, OBJECT_ID)
    for sign in (-1, 1):
        ear = poll + side * sign * head * 0.45 * k + _UP * head * 0.1 * k
        props.add("sphere", turn @ np.diag([0.05, head * 0.25, 0.07]) * k, ear, coat * 0.8, OBJECT_ID)
    stride = rng.normal(0, 0.12, 4) * withers * k
    legs = [(x, y) for x in (0.38, -0.42) for y in (-0.32, 0.32)]
    top = np.stack([middle + front * x * length * k + side * y * wide * k for x, y in legs])
    toe = top * [1, 1, 0] + front * stride[:, None]
    knee = 0.5 * (top + toe) + front * 0.04 * withers * k * rng.normal(0, 1, (4, 1))
    _rods(props, top, knee, 0.075 * withers * k, coat)
    _rods(props, knee, toe, 0.05 * withers * k, coat * rng.uniform(0.6, 1.0))
    rump = middle - front * length * 0.55 * k + _UP * deep * 0.25 * k
    tail = rump - front * 0.15 * k + _UP * (0.25 if kind == "dog" else -0.5) * withers * k * 0.8
    props.limb(rump, tail, 0.03 * k * withers, 0.02 * k * withers, coat, OBJECT_ID)
    return kind
