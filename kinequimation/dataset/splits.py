"""Parts of a dataset to train on, to choose by and to test on, which share no clip.

Frames of one clip look alike: whoever tests on neighbours of what was trained on measures memory. Clips go by their
names, which is what makes two renders of one movement one clip, in whatever folders they lie.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kinequimation.errors import InputError

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
SplitBy = Literal["clip", "action"]
SPLIT_BY: tuple[str, ...] = get_args(SplitBy)
_LARGE = 0.4  # of all frames


@dataclass(frozen=True)
class Split:
    """How a dataset is parted.

    Attributes:
        train, val, test: shares of the clips, in any unit; a part of share 0 is left out, any other gets a clip or
            more.
        by: ``action`` keeps all clips of an action together as well: what is tested is then a movement that training
            has never seen.

    Raises:
        InputError: a share is negative or not a number, or training gets nothing.
    """

    train: float = 80.0
    val: float = 10.0
    test: float = 10.0
    by: SplitBy = "clip"

    def __post_init__(self) -> None:
        shares = self.shares
        if not (np.isfinite(shares).all() and (shares >= 0).all() and shares[0] > 0):
            raise InputError(f"split: expected shares from 0, that of train above it, got {self}")
        if self.by not in SPLIT_BY:
            raise InputError(f"split-by: expected {' or '.join(SPLIT_BY)}, got {self.by!r}")

    @property
    def shares(self) -> np.ndarray:
        """[3] the shares, in the order of ``PARTS``."""
        return np.array([self.train, self.val, self.test], float)

    def __str__(self) -> str:
        return f"{self.train:g},{self.val:g},{self.test:g}"

    @classmethod
    def from_text(cls, text: str, by: SplitBy = "clip") -> Split:
        """Return the split that ``80,10,10`` means.

        Raises:
            InputError: it is not three numbers, or a share is out of range.
        """
        try:
            train, val, test = (float(word) for word in text.split(","))
        except ValueError as error:
            raise InputError(f"split: expected three shares as in 80,10,10, got {text!r}") from error
        return cls(train, val, test, by)


def parts_of(clips: Iterable[tuple[str, str]], split: Split | None = None) -> dict[str, Part]:
    """Return the part of each clip.

    Clips are put in the order of a hash of their names and cut by the shares, so that the parts depend on nothing but
    the names, and a clip that is added moves one or two others at most. But one that holds more than 40 % of all frames
    (a judgement) is trained on wherever there is another one to test on.

    Args:
        clips: clip and action of each frame; with ``by="action"`` an action is placed as one.
        split: how; 80 : 10 : 10 by clips.

    Raises:
        InputError: there are fewer clips (or actions) than parts.
    """
    split = split or Split()
    actions_of: dict[str, set[str]] = {}
    n_frames: Counter[str] = Counter()
    for clip, action in clips:
        actions_of.setdefault(clip, set()).add(action)
        n_frames[clip] += 1
    group_of = {clip: clip for clip in actions_of}
    if split.by == "action":
        group_of = _joined_by_action(actions_of)
    groups = sorted(set(group_of.values()), key=_hash)
    shares = split.shares / split.shares.sum()
    wanted = int((shares > 0).sum())
    if len(groups) < wanted:
        got = f"{len(groups)} ({', '.join(sorted(groups)[:3])})"
        raise InputError(
            f"split: expected {wanted} {split.by}s or more, for parts that share none, got {got}: render more actions, "
            "or put everything into one part with --split 100,0,0"
        )
    counts = [max(1, round(len(groups) * share)) if share > 0 else 0 for share in shares]
    counts[0] = len(groups) - counts[1] - counts[2]
    while counts[0] < 1:  # few clips, and a small share of them for training
        counts[int(np.argmax(counts))] -= 1
        counts[0] += 1
    sizes: Counter[str] = Counter()
    for clip, n in n_frames.items():
        sizes[group_of[clip]] += n
    large = [g for g in groups if sizes[g] > _LARGE * sizes.total()]
    kept = sorted(large, key=lambda g: -sizes[g])[: counts[0]]
    rest = [g for g in groups if g not in kept]
    # validation from one end, test from the other: a clip that is added moves one clip over each border at most
    part_of_group: dict[str, Part] = dict.fromkeys(groups, "train")
    part_of_group |= dict.fromkeys(rest[: counts[1]], "val")
    part_of_group |= dict.fromkeys(rest[len(rest) - counts[2] :], "test")
    return {clip: part_of_group[group] for clip, group in group_of.items()}


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def _joined_by_action(actions_of: dict[str, set[str]]) -> dict[str, str]:
    """Return a group for each clip: clips that share an action are one, also by way of others."""
    leader = {action: action for actions in actions_of.values() for action in actions}

    def find(action: str) -> str:
        while leader[action] != action:
            action = leader[action]
        return action

    for actions in actions_of.values():
        first, *rest = sorted(actions)
        for action in rest:
            low, high = sorted((find(first), find(action)))
            leader[high] = low
    return {clip: find(min(actions)) for clip, actions in actions_of.items()}
