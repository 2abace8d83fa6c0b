"""Garments: cloth and leather that lies on the skin, as the numbers that ``glsl/garment.py`` reads.

Places are template coordinates, as in ``coat``; places on the head are metres along the line from poll to nose and in
front of it. A garment is as thick as it is in life, and not more than 1 % of the withers height, so that a landmark
under it still counts as seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import MATERIALS, load_template
from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.textures import texture_layer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.body import Body

    Fields = dict[str, np.ndarray]

GARMENT_FIELDS: tuple[str, ...] = (
    "thick",  # thickness on legs, trunk, head, and of the saddle's flap on top of the trunk's; metres
    "offset",  # shift of all noise
    "leather",  # rgb; shine
    "pad",  # rgb of the saddle pad; on or off
    "pad_shape",  # centre along the back (y), half length, lower edge (z), border width
    "pad_more",  # how far it leans forward a metre down, radius of its corners, quilting per metre
    "pad_trim",  # rgb of the border; texture layer (-1: none)
    "flap",  # rgb of the saddle's flap; on or off
    "flap_shape",  # centre y, half length, centre z, half height
    "flap_more",  # how far it leans forward a metre down, how much it narrows downwards, radius of its corners
    "girth",  # y, half width (0: none), upper end (z), is it cloth
    "girth_rgb",  # rgb
    "breast",  # half width, height of a level band (z), where that ends (y), kind (0 none, 1 hunting, 2 level)
    "breast_rgb",  # rgb
    "breech",  # half width, height (z), unused, on or off
    "rug",  # rgb; on or off
    "rug_shape",  # front (y), hem (z), back (y), neck cover
    "rug_more",  # height of the widest part (z), stretch of what hangs, pattern (0 to 3), surcingles
    "rug_trim",  # rgb of hem and pattern; shine
    "hang",  # half width where the cloth hangs, at y = -0.5, -0.1, 0.3, 0.65; metres of the body
    "boots",  # LF, RF, LH, RH: 0 nothing, 1 boot, 2 bandage, 3 bandage with a strip of another colour
    "boot",  # rgb; height of a bandage's turn
    "boot_shape",  # lower and upper edge on the fore cannon, lower and upper edge on the hind one
    "boot_trim",  # rgb of straps; their number
    "bells",  # overreach boots on LF, RF, LH, RH
    "bell",  # rgb; how far it flares, metres
    "poll",  # template xyz of the poll; how far back (y) the head's straps reach
    "head_axis",  # unit vector from poll to nose
    "head_front",  # unit vector in front of that line
    "eye",  # place of the eye on the head
    "mouth",  # place of the corner of the mouth; of the throat
    "bridle",  # noseband's place along the head (0: none), browband, throat lash, half width (0: nothing at all)
    "straps",  # is it a halter, flash, unused, coloured browband
    "head_rgb",  # rgb of bridle or halter; shine
    "brow",  # rgb of a coloured browband
    "mask",  # rgb of a fly mask; 0 none, 1 without ears, 2 with them
    "mask_shape",  # lower end along the head, unused, unused, how far it stands off the eyes
)
"""Names of the garments' four-vectors, in the order in which the shader has them."""

LAYERS: tuple[str, ...] = ("legs", "saddle", "harness", "rug", "head")
"""What is drawn or not as a whole: boots; pad, girth, flap and breastplate; harness; rug; what the head wears."""
_MARGIN_M = 0.03
"""More than half of the largest face."""
_WHITE, _BLACK = (236, 235, 230), (26, 25, 27)


@lru_cache(maxsize=1)
def _places() -> dict[str, np.ndarray]:
    """Return the head's frame on the template, which follows its landmarks."""
    template = load_template()
    at = {name: template.vertices[i] for name, i in zip(skeleton.LANDMARKS, template.landmark_vertices, strict=True)}
    axis = at["nose"] - at["poll"]
    axis[0] = 0.0
    axis = axis / np.linalg.norm(axis)
    front = np.array([0.0, axis[2], -axis[1]])
    jaw_tip = skeleton.REST_HEAD_XYZ[skeleton.JOINT_INDEX["DEF-jaw.001"]]
    mouth = 0.45 * at["chin"] + 0.55 * jaw_tip + 0.03 * front

    def on_head(xyz: np.ndarray) -> tuple[float, float]:
        return float((xyz - at["poll"]) @ axis), float((xyz - at["poll"]) @ front)

    return {
        "poll": np.array([*at["poll"], at["poll"][1] + 0.11]),
        "head_axis": np.array([*axis, 0.0]),
        "head_front": np.array([*front, 0.0]),
        "eye": np.array([*on_head(at["eye.L"]), 0.0, 0.0]),
        "mouth": np.array([*on_head(mouth), 0.195, -0.235]),
    }


@dataclass(frozen=True)
class LayerFaces:
    """The template's faces that each of ``LAYERS`` can lie on.

    Attributes:
        faces: [F, 3] indices of vertices, by layer.
        middle: [F, 3] their middles in template coordinates, by layer.
    """

    faces: dict[str, Int[np.ndarray, "f 3"]]
    middle: dict[str, Float[np.ndarray, "f 3"]]

    @classmethod
    def of(
        cls, xyz: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], material: Int[np.ndarray, " f"]
    ) -> LayerFaces:
        """Sort a mesh's faces.

        Args:
            xyz: template coordinates.
            faces: indices into them.
            material: of each face, an index into ``body.MATERIALS``.
        """
        middle = xyz[faces].mean(1)
        x, y, z = middle.T
        at = _places()
        h = middle - at["poll"][:3]
        along, front = h @ at["head_axis"][:3], h @ at["head_front"][:3]
        is_tail, is_mane = material == MATERIALS.index("tail"), material == MATERIALS.index("mane")
        is_leg = (z < 0.82) & (np.abs(x) > 0.03)
        is_head = (y < at["poll"][3] + 0.05) & (along > -0.14) & (along < 0.76) & (front > -0.38) & ~is_leg
        trunk = ~is_leg & ~is_head & ~is_tail & (z > 0.6)
        on = {
            "legs": is_leg & (z < 0.64) & ~is_mane & ~is_tail,
            "saddle": trunk & ~is_mane & (y > -1.0) & (y < 0.36),
            "harness": trunk & ~is_mane & (y > -1.0),
            "rug": trunk & (~is_mane | (y < -0.4)),
            "head": is_head & ~is_mane,
        }
        return cls({k: faces[v] for k, v in on.items()}, {k: middle[v] for k, v in on.items()})

    def worn(self, array: Float[np.ndarray, "fields 4"]) -> dict[str, Int[np.ndarray, "f 3"]]:
        """Return the faces that garments can touch, for each layer in which something is worn.

        A software rasteriser shades whatever it is given, so what lies surely outside is left away.
        """
        c = dict(zip(GARMENT_FIELDS, array, strict=True))
        out = {}
        on_legs = np.maximum(c["boots"], c["bells"]) > 0
        if on_legs.any():
            x, y, z = self.middle["legs"].T
            keep = on_legs[np.where(y < 0, 0, 2) + (x < 0)]
            low = 0.0 if c["bells"].any() else min(c["boot_shape"][[0, 2]]) - _MARGIN_M
            high = max(c["boot_shape"][[1, 3]]) + _MARGIN_M if c["boots"].any() else 0.2
            out["legs"] = self.faces["legs"][keep & (z > low) & (z < high)]
        trunk = "harness" if c["breech"][3] > 0 else "saddle"
        keep = _near_saddle(c, self.middle[trunk])
        if keep.any():
            out[trunk] = self.faces[trunk][keep]
        if c["rug"][3] > 0:
            _, y, z = self.middle["rug"].T
            neck = c["rug_shape"][3] > 0
            out["rug"] = self.faces["rug"][
                (z > c["rug_shape"][1] - 0.08) & (neck | (y > c["rug_shape"][0] - _MARGIN_M))
            ]
        if c["mask"][3] > 0 or c["bridle"][3] > 0:
            out["head"] = self.faces["head"]
        return out


def _near_saddle(c: dict[str, np.ndarray], middle: Float[np.ndarray, "f 3"]) -> Bool[np.ndarray, " f"]:
    """Return which faces lie near pad, flap, girth, breastplate or breeching."""
    _, y, z = middle.T
    keep = np.zeros(len(y), bool)
    for name, lean in (("pad", c["pad_more"][0]), ("flap", c["flap_more"][0])):
        if c[name][3] > 0:
            shape = c[f"{name}_shape"]
            low = shape[2] if name == "pad" else shape[2] - shape[3]
            centre = shape[0] - lean * (shape[2] - z)
            keep |= (np.abs(y - centre) < shape[1] + _MARGIN_M) & (z > low - _MARGIN_M)
    if c["girth"][1] > 0:
        girth = np.abs(y - c["girth"][0] - 0.12 * (z - 0.85)) < c["girth"][1] + _MARGIN_M
        keep |= girth & (z < c["girth"][2] + _MARGIN_M)
    if c["breast"][3] > 0:
        keep |= y < -0.28
    return keep | (c["breech"][3] > 0)


def no_garments() -> Fields:
    """Return four-vectors that draw nothing, to be filled by the functions below."""
    fields = {name: np.zeros(4) for name in GARMENT_FIELDS}
    fields |= {name: at.copy() for name, at in _places().items()}
    fields["pad_trim"][3] = -1.0
    return fields


def garment_array(fields: Fields) -> Float[np.ndarray, "fields 4"]:
    """Return the four-vectors in the shader's order."""
    return np.stack([fields[name] for name in GARMENT_FIELDS])


def sample_leather(rng: np.random.Generator) -> np.ndarray:
    """Return a colour of leather, linear: black, havana, or tan."""
    rgb = ((28, 25, 25), (58, 38, 28), (104, 62, 34), (140, 92, 54))[rng.choice(4, p=[0.45, 0.27, 0.2, 0.08])]
    return linear(np.array(rgb) * np.exp(rng.normal(0, 0.12)))


def begin(rng: np.random.Generator, body: Body) -> Fields:
    """Return empty four-vectors with what all garments of one horse share: noise, leather, thickness."""
    fields = no_garments()
    k = body.shape.withers_height_m / 1.6
    fields["offset"][:3] = rng.uniform(0, 10, 3)
    fields["leather"][:] = (*sample_leather(rng), rng.uniform(0.08, 0.35))
    fields["thick"][:] = np.array([0.006, 0.006, 0.004, 0.008]) * k
    return fields


def add_pad(rng: np.random.Generator, fields: Fields, centre_y: float, kind: str) -> None:
    """Lay a saddle pad on: ``square``, ``shaped``, ``number`` (racing), ``blanket`` (western) or ``harness``."""
    rgb = linear(_WHITE) * rng.uniform(0.75, 1.0) if rng.random() < 0.45 else random_colour(rng)
    trim = rgb * 0.55 if rng.random() < 0.5 else random_colour(rng)
    length, low, lean, radius = {
        "square": (rng.uniform(0.27, 0.34), rng.uniform(1.0, 1.12), 0.16, 0.05),
        "shaped": (rng.uniform(0.26, 0.3), rng.uniform(1.0, 1.1), 0.30, 0.13),
        "number": (rng.uniform(0.24, 0.3), rng.uniform(1.08, 1.2), 0.05, 0.04),
        "blanket": (rng.uniform(0.36, 0.42), rng.uniform(1.14, 1.24), 0.0, 0.03),
        "harness": (0.06, 1.22, 0.0, 0.03),
    }[kind]
    fields["pad"][:] = (*rgb, 1.0)
    fields["pad_shape"][:] = (centre_y, length, low, rng.uniform(0.008, 0.022))
    fields["pad_more"][:3] = (lean, radius, rng.uniform(12, 30))
    fields["pad_trim"][:3] = trim
    if kind == "number":
        fields["pad_trim"][3] = texture_layer("letters") if rng.random() < 0.7 else -1.0
    elif kind == "blanket" and rng.random() < 0.8:
        fields["pad_trim"][3] = texture_layer("stripes")
    fields["thick"][1] *= 1.5


def add_flap(fields: Fields, rgb: np.ndarray, shape: tuple[float, ...], more: tuple[float, float, float]) -> None:
    """Lay the saddle's flap on both sides of the barrel: see ``flap_shape`` and ``flap_more``."""
    fields["flap"][:] = (*rgb, 1.0)
    fields["flap_shape"][:] = shape
    fields["flap_more"][:3] = more


def add_girth(rng: np.random.Generator, fields: Fields, top_z: float, half_width: float) -> None:
    """Fasten a girth behind the elbows."""
    girth_y = float(load_template().vertices[load_template().landmark_vertices[skeleton.LANDMARKS.index("girth")], 1])
    is_cloth = rng.random() < 0.4
    fields["girth"][:] = (girth_y + rng.uniform(0.0, 0.05), half_width, top_z, float(is_cloth))
    fields["girth_rgb"][:3] = random_colour(rng) if is_cloth else fields["leather"][:3]


def add_bridle(rng: np.random.Generator, fields: Fields, *, flash: bool, noseband: bool = True) -> None:
    """Put a bridle on; the bit and the reins are props."""
    noseband_at = rng.uniform(0.375, 0.415) if noseband else 0.0
    fields["bridle"][:] = (noseband_at, 1.0, 1.0, rng.uniform(0.009, 0.014))
    fields["straps"][:] = (0.0, float(flash and noseband), 0.0, float(rng.random() < 0.2))
    fields["head_rgb"][:] = fields["leather"]
    fields["brow"][:3] = random_colour(rng)


def add_halter(rng: np.random.Generator, fields: Fields) -> None:
    """Put a halter on: of nylon in any colour, of leather, or of rope."""
    is_nylon = rng.random() < 0.7
    width = rng.uniform(0.006, 0.009) if rng.random() < 0.15 else rng.uniform(0.011, 0.017)
    fields["bridle"][:] = (rng.uniform(0.33, 0.38), 0.0, 1.0, width)
    fields["straps"][:] = (1.0, 0.0, 0.0, 0.0)
    rgb = random_colour(rng) if is_nylon else fields["leather"][:3]
    fields["head_rgb"][:] = (*rgb, 0.05 if is_nylon else fields["leather"][3])


def add_boots(rng: np.random.Generator, fields: Fields, kind: str, on: np.ndarray) -> None:
    """Put boots or bandages on the cannons.

    Args:
        rng: source of randomness.
        fields: the garments, changed.
        kind: ``boots``, ``bandages`` or ``polo``.
        on: [4] bool for LF, RF, LH, RH.
    """
    white = linear(_WHITE) * rng.uniform(0.75, 1.0)
    rgb = white if rng.random() < (0.75 if kind == "polo" else 0.25) else random_colour(rng)
    number = {"boots": 1.0, "bandages": 2.0, "polo": 2.0}[kind]
    if kind == "bandages" and rng.random() < 0.4:
        number = 3.0
    fields["boots"][:] = number * on
    fields["boot"][:] = (*rgb, rng.uniform(0.035, 0.06))
    low = rng.uniform(0.235, 0.265) if kind == "boots" else rng.uniform(0.19, 0.225)
    fields["boot_shape"][:] = (low, rng.uniform(0.42, 0.45), low, rng.uniform(0.52, 0.58))
    fields["boot_trim"][:] = (*(rgb * 0.5 if rng.random() < 0.5 else random_colour(rng)), rng.integers(2, 5))
    fields["thick"][0] *= rng.uniform(1.0, 1.5) if kind == "boots" else rng.uniform(0.7, 1.3)


def add_bell_boots(rng: np.random.Generator, fields: Fields) -> None:
    """Put overreach boots round the fore pasterns."""
    fields["bells"][:2] = 1.0
    fields["bell"][:] = (*random_colour(rng), rng.uniform(0.006, 0.014))


def add_rug(rng: np.random.Generator, fields: Fields, body: Body, kind: str) -> None:
    """Lay a rug over the trunk: ``rug``, ``fly`` (a light net) or ``cooler``."""
    rgb, trim = random_colour(rng), random_colour(rng)
    pattern = rng.choice(3, p=[0.7, 0.2, 0.1])
    if kind == "fly":
        pale = ((230, 230, 226), (150, 190, 215), (196, 200, 150), (170, 172, 176))[rng.integers(4)]
        rgb, pattern = linear(pale) * rng.uniform(0.7, 1.0), 3 if rng.random() < 0.15 else 0
        if pattern == 3:
            rgb, trim = linear(_WHITE), linear(_BLACK)
    has_neck = rng.random() < (0.6 if kind == "fly" else 0.25)
    hem = rng.uniform(0.86, 1.02) if kind != "cooler" else rng.uniform(0.95, 1.1)
    fields["rug"][:] = (*rgb, 1.0)
    fields["rug_shape"][:] = (rng.uniform(-0.86, -0.74), hem, 0.8 if rng.random() < 0.25 else 1.05, float(has_neck))
    fields["rug_more"][:] = (1.22, rng.uniform(0.0, 0.4), pattern, float(kind != "cooler" and rng.random() < 0.7))
    fields["rug_trim"][:] = (*trim, 0.02 if kind == "cooler" else rng.uniform(0.02, 0.15))
    fields["thick"][1] = max(fields["thick"][1], 0.009 * body.shape.withers_height_m / 1.6)
    template, rest = load_template().vertices, body.rest_vertices
    is_trunk = (template[:, 2] > 1.1) & (template[:, 2] < 1.45)
    for i, y in enumerate((-0.5, -0.1, 0.3, 0.65)):
        near = is_trunk & (np.abs(template[:, 1] - y) < 0.08)
        fields["hang"][i] = np.abs(rest[near, 0]).max()


def add_breastplate(rng: np.random.Generator, fields: Fields) -> str:
    """Fasten a breastplate to the saddle.

    Returns:
        ``hunting``, a yoke with a strap between the legs, or ``band``, level round the chest.
    """
    hunting = rng.random() < 0.65
    rgb = fields["leather"][:3] if hunting or rng.random() < 0.6 else random_colour(rng)
    fields["breast"][:] = (rng.uniform(0.009, 0.014), 1.16, -0.3, 1.0) if hunting else (0.022, 1.17, -0.3, 2.0)
    fields["breast_rgb"][:3] = rgb
    return "hunting" if hunting else "band"


def add_fly_mask(rng: np.random.Generator, fields: Fields, body: Body, *, bonnet: bool = False) -> None:
    """Put a fly mask over the eyes, and perhaps over the ears; or a bonnet over ears and brow."""
    if bonnet:
        fields["mask"][:] = (*random_colour(rng), 2.0)
        fields["mask_shape"][:] = (rng.uniform(0.10, 0.16), 0.0, 0.0, 0.0)
        return
    rgb = ((30, 30, 34), (150, 152, 150), (70, 92, 150), (200, 198, 190))[rng.integers(4)]
    fields["mask"][:] = (*(linear(rgb) * np.exp(rng.normal(0, 0.2))), 2.0 if rng.random() < 0.55 else 1.0)
    fields["mask_shape"][:] = (rng.uniform(0.33, 0.43), 0.0, 0.0, 0.006 * body.shape.withers_height_m / 1.6)


def eye_on_head() -> tuple[float, float]:
    """Return the eye's place on the head: metres along it, and in front of its line."""
    return float(_places()["eye"][0]), float(_places()["eye"][1])


def place_on_head(place: str | tuple[float, float]) -> Float[np.ndarray, " 3"]:
    """Return the template xyz, on the plane of symmetry, of a place on the head: ``mouth``, ``eye``, or two metres."""
    at = _places()
    along, front = at[place][:2] if isinstance(place, str) else place
    return at["poll"][:3] + along * at["head_axis"][:3] + front * at["head_front"][:3]


def head_direction(along: float, front: float) -> Float[np.ndarray, " 3"]:
    """Return a direction on the template's head: along it from poll to nose, and in front of it."""
    at = _places()
    return along * at["head_axis"][:3] + front * at["head_front"][:3]
