"""What people call the points of a horse, and which of our 103 slots each is.

Whose names a file has is told by all of them together:

    ours        any of ``skeleton.KEYPOINTS`` (horse68 and our landmarks)
    AP-10K      ``left_eye`` ... ``right_back_paw``, told by its paws or ``root_of_tail``: its elbows and knees are not
                a horse's, so that the same words mean other points elsewhere
    Horse-10    ``Nearknee``, ``Offhindfoot`` ...: near is the side that faces the camera
    plain       everything else, word by word: a side (left, right, L, R), a pair (front, fore, hind, back, rear), and a
                part; in any order and spelling (``left_front_hoof``, ``LFHoof``, ``hock.R``, ``fetlock_LH``). The parts
                are those of ``PARTS`` and ``PAIRED``; a *knee* without a pair, or of the front, is the carpus.

SuperAnimal-Quadruped's names are plain ones, but for those in ``_ELSEWHERE``, which lie at no point of ours that we are
sure of. A file of one's own says the rest: ``{"their name": "our name", "a name to leave out": null}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.io.whole_file import read_whole

MAX_MAP_BYTES = 1 << 20
_AP10K_ONLY = {name for name in skeleton.AP10K if name.endswith("_paw")} | {"root_of_tail"}
_SIDES = {"left": "L", "l": "L", "right": "R", "r": "R"}
_PAIRS = {
    **dict.fromkeys(("front", "fore", "forelimb", "foreleg", "thoracic"), "fore"),
    **dict.fromkeys(("hind", "rear", "back", "hindlimb", "hindleg", "pelvic"), "hind"),
}
_LIMBS = {
    "lf": ("L", "fore"), "rf": ("R", "fore"), "lh": ("L", "hind"), "rh": ("R", "hind"),
    "fl": ("L", "fore"), "fr": ("R", "fore"), "hl": ("L", "hind"), "hr": ("R", "hind"),
    "bl": ("L", "hind"), "br": ("R", "hind"),
}  # fmt: skip
PARTS: dict[str, str] = {
    **dict.fromkeys(("nose", "muzzle", "nostril", "snout"), "nose"),
    **dict.fromkeys(("chin", "lowerjaw", "lowerlip"), "chin"),
    **dict.fromkeys(("poll", "headtop", "topofhead"), "poll"),
    **dict.fromkeys(("withers", "wither"), "withers"),
    **dict.fromkeys(("neckbase", "baseofneck"), "neck_base"),
    **dict.fromkeys(("back", "midback", "backmiddle", "backmid"), "back"),
    **dict.fromkeys(("croup", "rump", "tubersacrale", "sacrum"), "croup"),
    **dict.fromkeys(("tailbase", "tailhead", "tailroot", "roottail", "rootoftail", "baseoftail", "dock"), "tail_base"),
    **dict.fromkeys(("tailend", "tailtip", "tipoftail", "endoftail"), "tail_end"),
    **dict.fromkeys(("girth", "sternum"), "girth"),
    **dict.fromkeys(("ischium", "buttock", "pointofbuttock", "tuberischiadicum", "tuberischii"), "ischium"),
}
"""Parts without a side, their words joined."""
PAIRED: dict[tuple[str, str], str] = {
    ("", "eye"): "eye",
    **{("", word): "ear_tip" for word in ("ear", "eartip", "earend", "tipofear")},
    **{("", word): "DEF-ear" for word in ("earbase", "baseofear")},
    **{(pair, word): "point_of_shoulder" for pair in ("", "fore") for word in ("shoulder", "pointofshoulder")},
    **{(pair, "elbow"): "elbow" for pair in ("", "fore")},
    **{(pair, word): "carpus" for pair in ("", "fore") for word in ("knee", "carpus", "carpal", "wrist")},
    **{("", word): "point_of_hip" for word in ("hip", "pointofhip", "tubercoxae", "tubercoxa")},
    ("hind", "hip"): "point_of_hip",
    **{(pair, "stifle"): "stifle" for pair in ("", "hind")},
    **{(pair, word): "hock" for pair in ("", "hind") for word in ("hock", "pointofhock", "tarsus", "tarsal", "ankle")},
    **{(pair, "fetlock"): f"{pair}_fetlock" for pair in ("fore", "hind")},
    **{(pair, word): f"{pair}_toe" for pair in ("fore", "hind") for word in ("hoof", "toe", "foot", "paw", "hooftip")},
}
"""Parts with a side: the pair of limbs, if it is said, and the words joined."""
_ELSEWHERE = re.compile(r"_thai$|^(neck|throat|back)_(base|end)$|^back_(left|right)_knee$|antler|^mouth_end")
"""SuperAnimal-Quadruped's points that may lie elsewhere on a horse."""


def slots_of(names: Sequence[str], own: Mapping[str, str | None] | None = None, near_side: str = "L") -> list[int]:
    """Return the slot of each name of a file; −1 for one that is left out.

    Args:
        names: all names of the file.
        own: what some of them are, by our names; None leaves one out.
        near_side: the horse's own side that faces the camera, for Horse-10's near and off.

    Raises:
        InputError: none is known, or two are one point.
    """
    own = own or {}
    left = [name for name in names if name not in own]
    if is_ap10k(left):
        known: Mapping[str, str] = skeleton.AP10K
    elif is_horse10(left):
        known = skeleton.horse10_names(near_side)
    else:
        known = {name: ours for name in left if (ours := plain_name(name)) is not None}
    ours = [own[name] if name in own else known.get(name) for name in names]
    slots = [-1 if name is None else skeleton.KEYPOINT_INDEX[name] for name in ours]
    if max(slots, default=-1) < 0:
        shown = ", ".join(repr(name[:40]) for name in names[:6])
        raise InputError(
            f"names of points: expected ours, AP-10K's, Horse-10's or such as left_front_fetlock, got {shown}"
            f"{' ...' if len(names) > 6 else ''}; say what they are with --map FILE"
        )
    seen: dict[int, str] = {}
    for name, slot in zip(names, slots, strict=True):
        if slot >= 0 and slot in seen:
            raise InputError(
                f"names of points: {seen[slot][:40]!r} and {name[:40]!r} both mean {skeleton.KEYPOINTS[slot]}; leave"
                " one out with --map FILE (null)"
            )
        seen[slot] = name
    return slots


def is_ap10k(names: Sequence[str]) -> bool:
    """Return whether names are AP-10K's, of which some are said nowhere else."""
    return set(names) <= skeleton.AP10K.keys() and not _AP10K_ONLY.isdisjoint(names)


def is_horse10(names: Sequence[str]) -> bool:
    """Return whether names are Horse-10's, with its near and off."""
    return set(names) <= skeleton.HORSE10.keys() and any(name.startswith(("Near", "Off")) for name in names)


def plain_name(name: str) -> str | None:
    """Return our name of a point that is called in plain words; None if they say none, or not which of two."""
    if name in skeleton.KEYPOINT_INDEX:
        return name
    if _ELSEWHERE.search(name):
        return None
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    side, pair, rest = "", "", []
    for word in words:
        if word in _LIMBS and not side and not pair:
            side, pair = _LIMBS[word]
        elif word in _SIDES and not side:
            side = _SIDES[word]
        elif word in _PAIRS and not pair and len(words) > 1:
            pair = _PAIRS[word]
        elif word not in ("leg", "limb", "the", "horse"):
            rest.append(word)
    part = "".join(rest)
    if not side:
        whole = "".join(words)
        return PARTS.get(whole, PARTS.get(part) if not pair else None)
    stem = PAIRED.get((pair, part))
    return None if stem is None else f"{stem}.{side}"


def read_name_map(path: Path) -> dict[str, str | None]:
    """Read what some names mean: ``{"theirs": "ours", "left out": null}``.

    Raises:
        InputError: the file cannot be read, or is no such object, or names a point that we do not have.
    """
    try:
        data = json.loads(read_whole(path, MAX_MAP_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, got something unreadable ({error})") from error
    if not isinstance(data, dict) or not all(isinstance(v, str) or v is None for v in data.values()):
        raise InputError(f'{path}: expected an object such as {{"their name": "our name", "left out": null}}')
    for theirs, ours in data.items():
        if ours is not None and ours not in skeleton.KEYPOINT_INDEX:
            raise InputError(
                f"{path}: {theirs[:40]!r}: expected one of our points or null, got {ours[:40]!r}; 'kinequimation"
                " predict' writes all our names into keypoints.json"
            )
    return data
