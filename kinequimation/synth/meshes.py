"""The base meshes that props are made of, and the instances that place them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.textures import texture_layer

if TYPE_CHECKING:
    from jaxtyping import Float, Int

VEIL = "veil"
CARD_MESHES: tuple[str, ...] = ("blade", "card", VEIL)
"""Flat things, which cast no shadow."""
MESHES: tuple[str, ...] = ("sphere", "tube", "box", "ring", "saddle", *CARD_MESHES)
"""Unit shapes: a sphere of radius 1; an open tube of radius 1 and a box, both from −1 to 1; a ring and a saddle's
seat, as below; a blade of grass; a card from
x = −1 to 1 and z = 0 to 1 that shows a picture with holes; and a card that is seen through."""
INSTANCE_WIDTH = 20


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a, b = (i * columns + j).ravel(), (i * columns + j + 1).ravel()
    c, d = ((i + 1) * columns + j).ravel(), ((i + 1) * columns + j + 1).ravel()
    return np.concatenate([np.stack([a, b, d], -1), np.stack([a, d, c], -1)])


def _surface(xyz: np.ndarray) -> tuple[Float[np.ndarray, "v 6"], Int[np.ndarray, "f 3"]]:
    """Return a grid of points [rows, columns, 3] as a mesh, with normals from its differences."""
    normal = np.cross(np.gradient(xyz, axis=0), np.gradient(xyz, axis=1))
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    return np.concatenate([xyz, normal], -1).reshape(-1, 6), _grid_faces(*xyz.shape[:2])


def _ring() -> np.ndarray:
    """Return a ring of radius 1 in the plane z = 0, an eighth as thick."""
    around, across = np.meshgrid(np.linspace(0, 2 * np.pi, 25), np.linspace(0, 2 * np.pi, 6), indexing="ij")
    r = 1 + 0.125 * np.cos(across)
    return np.stack([r * np.cos(around), r * np.sin(around), 0.125 * np.sin(across)], -1)


def _saddle() -> np.ndarray:
    """Return a saddle's seat: x across and y along it (the pommel at −1), both −1 to 1; its lowest point at z = 0.

    Seen from the side it dips between pommel and cantle, which stand at z = 0.55 and 1; seen from above it is narrow in
    front and wide behind. The skirt ends at z = −2.2. The profiles are drawn after photographs.
    """
    y = np.array([-1.0, -0.97, -0.85, -0.6, -0.3, 0.0, 0.3, 0.6, 0.85, 0.97, 1.0])
    top = np.interp(y, [-1, -0.85, -0.5, 0.05, 0.5, 0.85, 1], [0.2, 0.55, 0.2, 0.0, 0.22, 0.95, 0.75])
    wide = np.interp(y, [-1, -0.85, -0.5, 0.1, 0.6, 0.9, 1], [0.2, 0.42, 0.46, 0.7, 1.0, 0.8, 0.35])
    turn = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 9)
    across, drop = np.sin(turn), 1 - np.cos(turn) ** 0.7
    z = top[:, None] - (top[:, None] + 2.2) * drop
    z[[0, -1]] = np.minimum(z[[0, -1]], -2.2 + 0.5 * (1 - drop))  # rounded ends close it
    return np.stack([wide[:, None] * across * (1 + 0.2 * drop), y[:, None] + 0 * across, z], -1)


@lru_cache(maxsize=len(MESHES))
def mesh(name: str) -> tuple[Float[np.ndarray, "v 6"], Int[np.ndarray, "f 3"]]:
    """Return positions with normals, and faces, of a base mesh."""
    if name in ("ring", "saddle"):
        return _surface(_ring() if name == "ring" else _saddle())
    if name in ("sphere", "tube"):
        around = np.linspace(0, 2 * np.pi, 11)
        if name == "sphere":
            polar = np.linspace(0, np.pi, 7)[:, None]
            xyz = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar) + 0 * around])
            xyz = np.moveaxis(xyz, 0, -1)
            normal = xyz
        else:
            ring = np.stack([np.cos(around), np.sin(around), 0 * around], -1)
            up = np.array([0.0, 0.0, 1.0])
            xyz = np.stack([ring - up, ring + up])
            normal = np.stack([ring, ring])
        vertices = np.concatenate([xyz, normal], -1)
        return vertices.reshape(-1, 6), _grid_faces(*vertices.shape[:2])
    if name == "box":
        sides = []
        for axis in range(3):
            for sign in (-1.0, 1.0):
                corners = np.zeros((4, 6))
                corners[:, axis] = corners[:, 3 + axis] = sign
                corners[:, (axis + 1) % 3] = [-1, 1, 1, -1]
                corners[:, (axis + 2) % 3] = [-1, -1, 1, 1]
                sides.append(corners)
        faces = np.concatenate([np.array([[0, 1, 2], [0, 2, 3]]) + 4 * i for i in range(6)])
        return np.concatenate(sides), faces
    if name in ("card", VEIL):
        card = np.array([[-1, 0, 0, 0, -1, 0], [1, 0, 0, 0, -1, 0], [1, 0, 1, 0, -1, 0], [-1, 0, 1, 0, -1, 0]], float)
        return card, np.array([[0, 1, 2], [0, 2, 3]])
    blade = np.array([[-1, 0, 0, 0, 0.5, 1], [1, 0, 0, 0, 0.5, 1], [0.3, 0.3, 1, 0, 0.5, 1]], float)
    return blade, np.array([[0, 1, 2]])


class Props:
    """Instances collected while a scene is built, by base mesh.

    Each instance is a 3×4 placement, a linear colour with a taper, and a look: texture layer (−1 for none, −2 for
    grass), texture scale per metre, texture contrast, object id. A card's look is −10 minus the number of its picture,
    how light its foot is, and how much of its light comes from its own direction; a veil's opacity stands second.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[np.ndarray]] = {name: [] for name in MESHES}

    def add(
        self,
        name: str,
        axes: Float[np.ndarray, "*n 3 3"],
        centre: Float[np.ndarray, "*n 3"],
        rgb: Float[np.ndarray, "*n 3"],
        object_id: int,
        texture: str | None = None,
        scale: float = 1.0,
        contrast: float = 0.6,
        taper: float = 1.0,
        *,
        as_ground: bool = False,
    ) -> None:
        """Add one instance, or n of them; the columns of ``axes`` are the unit shape's axes in the world, metres.

        Something plain that is ``as_ground`` is lit as level ground is, not by its own slopes.
        """
        axes, centre = np.atleast_3d(axes).reshape(-1, 3, 3), np.asarray(centre, float).reshape(-1, 3)
        n = len(centre)
        plain = -2.0 if as_ground or name == "blade" else -1.0
        look = np.array([plain if texture is None else texture_layer(texture), scale, contrast, object_id])
        row = np.empty((n, INSTANCE_WIDTH))
        row[:, :12] = np.concatenate([np.broadcast_to(axes, (n, 3, 3)), centre[:, :, None]], -1).reshape(n, 12)
        row[:, 12:15] = rgb
        row[:, 15] = taper
        row[:, 16:] = look
        self._rows[name].append(row)

    def cards(
        self,
        pictures: Int[np.ndarray, " n"],
        foot: Float[np.ndarray, "n 3"],
        right: Float[np.ndarray, "n 3"],
        up: Float[np.ndarray, "n 3"],
        rgb: Float[np.ndarray, "*n 3"],
        object_id: int,
        second: float | Float[np.ndarray, " n"] = 0.7,
        third: float = 0.0,
        name: str = "card",
    ) -> None:
        """Add upright pictures.

        Args:
            pictures: numbers of ``cards.CARDS``.
            foot: middle of the lower edges.
            right: half the width, as a vector.
            up: the height, as a vector.
            rgb: what the picture's colour is multiplied with.
            object_id: number in the id buffer.
            second: how light the foot is (cards), or the opacity (veils).
            third: how much of the light comes from the card's own direction instead of from above.
            name: base mesh, a card or a veil.
        """
        n = len(foot)
        row = np.empty((n, INSTANCE_WIDTH))
        axes = np.stack([right, np.cross(up, right), up], -1)
        row[:, :12] = np.concatenate([axes, foot[:, :, None]], -1).reshape(n, 12)
        row[:, 12:15] = rgb
        row[:, 15] = 1.0
        row[:, 16] = -10.0 - np.asarray(pictures)
        row[:, 17], row[:, 18], row[:, 19] = second, third, object_id
        self._rows[name].append(row)

    def water(
        self, axes: np.ndarray, centre: np.ndarray, rgb: np.ndarray, layer: int, opacity: float, scale: float,
        object_id: int,
    ) -> None:  # fmt: skip
        """Add a level sheet of water; ``layer`` is the texture of its waves, ``scale`` how many go to a metre."""
        vertices = np.array(axes, float).reshape(3, 3)
        row = np.empty((1, INSTANCE_WIDTH))
        # a veil stands upright, from 0 to 1: laid down and centred
        turned = np.stack([vertices[:, 0], vertices[:, 2], 2 * vertices[:, 1]], -1)
        row[0, :12] = np.concatenate([turned, (centre - vertices[:, 1])[:, None]], -1).ravel()
        row[0, 12:15], row[0, 15] = rgb, 1.0
        row[0, 16:] = (layer, opacity, scale, object_id)
        self._rows[VEIL].append(row)

    def limb(self, a: np.ndarray, b: np.ndarray, r0: float, r1: float, rgb: np.ndarray, object_id: int) -> None:
        """Add a round-ended rod from ``a`` to ``b`` with the radii at its ends."""
        along = np.asarray(b, float) - a
        length = float(np.sqrt(along @ along))
        z = along / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
        # any perpendicular, and the third axis; np.cross is slow on single vectors
        x = np.array([z[1], -z[0], 0.0] if abs(z[2]) < 0.9 else [-z[2], 0.0, z[0]])
        x /= np.sqrt(x @ x)
        y = np.array([z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]])
        axes = np.stack([x * r0, y * r0, z * length / 2], -1)
        self.add("tube", axes, (np.asarray(a) + b) / 2, rgb, object_id, taper=r1 / r0)
        self.add("sphere", np.eye(3) * r0, a, rgb, object_id)
        self.add("sphere", np.eye(3) * r1, b, rgb, object_id)

    def box(
        self, centre: object, half: object, yaw_rad: float, rgb: np.ndarray, object_id: int,
        texture: str | None = None, scale: float = 1.0, contrast: float = 0.6,
    ) -> None:  # fmt: skip
        """Add an upright box turned about the vertical."""
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) * np.asarray(half, float)
        self.add("box", axes, np.asarray(centre, float), rgb, object_id, texture, scale, contrast)

    def arrays(self) -> dict[str, Float[np.ndarray, "n 20"]]:
        """Return the instances of each base mesh."""
        return {k: np.concatenate(v) if v else np.empty((0, INSTANCE_WIDTH)) for k, v in self._rows.items()}
