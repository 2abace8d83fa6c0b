"""horse68 and the surface landmarks: the one place where points and bones have names and numbers.

Keypoints are numbered 0–67 for horse68 (the *heads* of the 68 ``DEF-`` bones of Blender's Rigify horse rig, less
its 12 mane bones, in alphabetical order) and 68–102 for the surface landmarks, points fixed on the body's skin.

Joints are what a ``Motion`` stores: ``root``, then horse68 in the same order, then the 12 mane bones; so
``JOINT_INDEX[name] == KEYPOINT_INDEX[name] + 1`` for every horse68 bone.

World axes at rest: right-handed, metres, Z up, the horse faces −Y, its left is +X. Left and right are the horse's own.
The rest positions were read off Blender 4.5.15's generated Rigify horse.
"""

from __future__ import annotations

import itertools
import json
from functools import lru_cache
from importlib.resources import files

import numpy as np

_TABLE = json.loads(files("kinequimation").joinpath("skeleton.json").read_text(encoding="utf-8"))
_BONES = _TABLE["bones"]

BONES: tuple[str, ...] = tuple(b["name"] for b in _BONES)
"""The 80 deforming bones: horse68, then the mane."""
HORSE68: tuple[str, ...] = BONES[:68]
MANE_BONES: tuple[str, ...] = BONES[68:]
LANDMARKS: tuple[str, ...] = tuple(p["name"] for p in _TABLE["landmarks"])
KEYPOINTS: tuple[str, ...] = HORSE68 + LANDMARKS
"""All 103 slots: 68 joints, then 35 landmarks."""
KEYPOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(KEYPOINTS)}
NUM_JOINTS68 = len(HORSE68)
NUM_KEYPOINTS = len(KEYPOINTS)

ROOT = "root"
SACRUM = "DEF-spine.001"
"""The bone that the lifter's and the file formats' coordinates are relative to."""
JOINTS: tuple[str, ...] = (ROOT, *BONES)
"""What a Motion rotates, in its order: the root, horse68, the mane."""
JOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
NUM_JOINTS = len(JOINTS)

PARENT: dict[str, str | None] = {ROOT: None} | {b["name"]: b["parent"] or ROOT for b in _BONES}
JOINT_PARENTS: np.ndarray = np.array([-1 if (p := PARENT[j]) is None else JOINT_INDEX[p] for j in JOINTS])
"""[81] index of each joint's parent in ``JOINTS``; −1 for the root."""

ANATOMY: dict[str, str] = {b["name"]: b["anatomy"] for b in _BONES} | {
    p["name"]: p["where"] for p in _TABLE["landmarks"]
}
MIRROR: dict[str, str] = {b["name"]: b["mirror"] for b in _BONES} | {
    p["name"]: p["mirror"] for p in _TABLE["landmarks"]
}
MIRROR_KEYPOINTS: np.ndarray = np.array([KEYPOINT_INDEX[MIRROR[k]] for k in KEYPOINTS])
"""[103] the slot that each slot becomes in a mirrored image."""
MIRROR_JOINTS: np.ndarray = np.array([0, *(JOINT_INDEX[MIRROR[b]] for b in BONES)])
"""[81] the joint that each joint becomes when the horse is mirrored left to right."""

REST_HEAD_XYZ: np.ndarray = np.array([[0.0, 0.0, 0.0], *(b["head"] for b in _BONES)])
"""[81, 3] bone heads of the Rigify rest pose, metres; the root lies on the ground under the horse."""
REST_TAIL_XYZ: np.ndarray = np.array([[0.0, 0.3, 0.0], *(b["tail"] for b in _BONES)])
"""[81, 3] bone tails of the Rigify rest pose, metres."""

COINCIDENT: tuple[tuple[str, ...], ...] = (
    ("DEF-spine.001", "DEF-pelvis.L", "DEF-pelvis.R"),
    ("DEF-skull", "DEF-skull.L", "DEF-skull.R"),
)
"""Keypoints that share a point; the sided ones say nothing about left and right."""
SIDED_KEYPOINTS: np.ndarray = np.array(
    [i for i, k in enumerate(KEYPOINTS) if MIRROR[k] != k and not any(k in group for group in COINCIDENT)]
)
"""Slots that can be swapped left for right."""


def _topological_order() -> np.ndarray:
    order: list[int] = []
    pending = list(range(NUM_JOINTS))
    while pending:
        ready = [j for j in pending if JOINT_PARENTS[j] < 0 or JOINT_PARENTS[j] in order]
        order += ready
        pending = [j for j in pending if j not in ready]
    return np.array(order)


TOPOLOGICAL_ORDER: np.ndarray = _topological_order()
"""[81] joint indices, every parent before its children."""

LIMBS: tuple[str, ...] = ("LF", "RF", "LH", "RH")
"""The order of hoof contacts everywhere: left fore, right fore, left hind, right hind."""


@lru_cache(maxsize=4)
def limb_joints(limb: str) -> tuple[str, ...]:
    """Return the bones of one limb from trunk to hoof, middle bones included.

    Args:
        limb: one of ``LIMBS``.
    """
    side = limb[0]
    if limb[1] == "F":
        chain = ("shoulder", "upper_arm", "upper_arm.001", "forearm", "forearm.001")
        chain += ("forefoot", "forefoot.001", "f_toe", "f_hoof")
    else:
        chain = ("pelvis", "thigh", "thigh.001", "lower_leg", "lower_leg.001")
        chain += ("hind_foot", "hind_foot.001", "r_toe", "r_hoof")
    names = []
    for part in chain:
        stem, dot, number = part.partition(".")
        names.append(f"DEF-{stem}.{side}{dot}{number}")
    return tuple(names)


def limb_toe(limb: str) -> str:
    """Return the landmark at the toe of a limb (``fore_toe.L`` for ``LF``)."""
    return f"{'fore' if limb[1] == 'F' else 'hind'}_toe.{limb[0]}"


def unsided(name: str) -> str:
    """Return what a keypoint and its mirror image are called together: its name without the side."""
    if MIRROR[name] == name:
        return name
    both = name.replace(".L", "").replace(".R", "")
    return f"{both}.LR" if both in KEYPOINT_INDEX else both  # DEF-skull is a point of its own between the two


def _limb_edges(side: str) -> list[tuple[str, str]]:
    fore = [f"DEF-{b}.{side}" for b in ("shoulder", "upper_arm", "forearm", "forefoot", "f_toe", "f_hoof")]
    hind = [f"DEF-{b}.{side}" for b in ("thigh", "lower_leg", "hind_foot", "r_toe", "r_hoof")]
    fore.append(f"fore_toe.{side}")
    hind.append(f"hind_toe.{side}")
    return [*itertools.pairwise(fore), ("DEF-spine.001", hind[0]), *itertools.pairwise(hind)]


_MIDLINE = (
    *(f"DEF-spine.00{i}" for i in range(1, 7)),
    *(f"DEF-neck.00{i}" for i in range(1, 5)),
    "DEF-head",
    "nose",
)
_TAIL = ("DEF-spine.001", *(f"DEF-tail.00{i}" for i in range(1, 6)), "tail_end")

EDGES: tuple[tuple[str, str], ...] = (
    *itertools.pairwise(_MIDLINE),
    *itertools.pairwise(_TAIL),
    ("DEF-head", "DEF-jaw"),
    ("DEF-jaw", "chin"),
    *(edge for side in "LR" for edge in _limb_edges(side)),
    *(
        edge
        for side in "LR"
        for edge in (
            ("DEF-spine.006", f"DEF-shoulder.{side}"),
            ("DEF-head", f"DEF-ear.{side}"),
            (f"DEF-ear.{side}", f"ear_tip.{side}"),
            ("DEF-head", f"DEF-eye.{side}"),
        )
    ),
)
"""Pairs of keypoints to draw a line between."""

GROUPS: dict[str, tuple[str, ...]] = {
    "head": tuple(
        k
        for k in KEYPOINTS
        if any(s in k for s in ("ear", "eye", "jaw", "nose", "skull", "head", "chin", "poll")) and "forearm" not in k
    ),
    "neck": tuple(k for k in KEYPOINTS if "neck" in k),
    "trunk": tuple(
        k
        for k in KEYPOINTS
        if k in ("withers", "back", "croup", "girth", "ischium")
        or any(s in k for s in ("spine", "pelvis", "chest", "breast", "point_of_hip"))
    ),
    "upper limb": tuple(
        k
        for k in KEYPOINTS
        if any(s in k for s in ("shoulder", "upper_arm", "forearm", "elbow", "thigh", "lower_leg", "stifle"))
    ),
    "lower limb": tuple(
        k
        for k in KEYPOINTS
        if any(s in k for s in ("forefoot", "hind_foot", "carpus", "hock", "fetlock", "f_toe", "r_toe"))
    ),
    "hoof": tuple(k for k in KEYPOINTS if any(s in k for s in ("hoof", "fore_toe", "hind_toe"))),
    "tail": tuple(k for k in KEYPOINTS if "tail" in k),
}
"""A partition of the 103 keypoints by body region, for tables of errors."""


def _sigma(name: str) -> float:
    if any(s in name for s in ("eye", "nose", "ear", "hoof", "toe", "chin", "poll", "fetlock", "jaw")):
        return 0.035
    if any(s in name for s in ("carpus", "hock", "forefoot", "hind_foot", "head", "skull")):
        return 0.05
    return 0.09


OKS_SIGMAS: np.ndarray = np.array([_sigma(k) for k in KEYPOINTS])
"""[103] per-point falloff of the object keypoint similarity. A guess in the range of COCO's and AP-10K's values
(0.025–0.107), sharper where an annotator sees an edge, softer where a joint lies under skin."""

AP10K: dict[str, str] = {
    "left_eye": "eye.L",
    "right_eye": "eye.R",
    "nose": "nose",
    "neck": "neck_base",
    "root_of_tail": "tail_base",
    "left_shoulder": "point_of_shoulder.L",
    "left_elbow": "carpus.L",
    "left_front_paw": "fore_toe.L",
    "right_shoulder": "point_of_shoulder.R",
    "right_elbow": "carpus.R",
    "right_front_paw": "fore_toe.R",
    "left_hip": "point_of_hip.L",
    "left_knee": "hock.L",
    "left_back_paw": "hind_toe.L",
    "right_hip": "point_of_hip.R",
    "right_knee": "hock.R",
    "right_back_paw": "hind_toe.R",
}
"""AP-10K's 17 points in its own order, and the landmark that each is compared with. Its elbow and knee were named
across species; on horses they are taken here to sit at carpus and hock, which has not been checked on its images."""

HORSE10: dict[str, str] = {
    "Nose": "nose",
    "Eye": "eye.L",
    "Nearknee": "carpus.L",
    "Nearfrontfetlock": "fore_fetlock.L",
    "Nearfrontfoot": "fore_toe.L",
    "Offknee": "carpus.R",
    "Offfrontfetlock": "fore_fetlock.R",
    "Offfrontfoot": "fore_toe.R",
    "Shoulder": "point_of_shoulder.L",
    "Midshoulder": "DEF-shoulder.L",
    "Elbow": "elbow.L",
    "Girth": "girth",
    "Wither": "withers",
    "Nearhindhock": "hock.L",
    "Nearhindfetlock": "hind_fetlock.L",
    "Nearhindfoot": "hind_toe.L",
    "Hip": "point_of_hip.L",
    "Stifle": "stifle.L",
    "Offhindhock": "hock.R",
    "Offhindfetlock": "hind_fetlock.R",
    "Offhindfoot": "hind_toe.R",
    "Ischium": "ischium",
}
"""Horse-10's 22 points for a horse that shows its left side: *near* is then left. Use ``horse10_names`` for either."""


def horse10_names(near_side: str = "L") -> dict[str, str]:
    """Return Horse-10's 22 points by their name here.

    Args:
        near_side: the horse's own side that faces the camera, ``L`` or ``R``. Horse-10 names limbs near and off.
    """
    if near_side == "L":
        return dict(HORSE10)
    return {theirs: MIRROR[ours] for theirs, ours in HORSE10.items()}
