"""What a rendering is asked for, and what comes of it: the units of work. Needs no Blender."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinequimation.dataset.frame_label import FramePlace, is_action_name
from kinequimation.errors import InputError, OutputError
from kinequimation.io.atomic import replacing
from kinequimation.io.whole_file import read_whole

FORMAT = 1
MANIFEST = "render.json"
_MAX_BYTES, _MAX_CAMERAS, _MAX_FRAMES = 256 << 20, 9999, 100_000_000
RANDOM = "random"
"""The action that sampled scenes are filed under."""
SCENE_CAMERAS = 0
"""In place of a number of cameras: those of the file."""


@dataclass(frozen=True)
class RenderSettings:
    """What decides what the files hold: who goes on with a rendering must ask for the same.

    Attributes:
        blend_sha256: of the file with the horse; "" for sampled scenes.
        armature: its name; "" for the only one that fits.
        actions: names as given; none stands for all.
        frames: which frames of an action: "" for all, "A:B" or a list.
        step: every so many of them.
        cameras: how many around the horse; 0 for the file's own.
        width, height: of the images, pixels.
        engine: "cycles", "eevee" or "workbench".
        samples: a pixel.
        variants: names of ``frame_label.VARIANTS``.
        device: "cpu" or "gpu".
        random: how many sampled scenes; 0 where a file is rendered.
        seed: of cameras, light and sampled scenes.
    """

    blend_sha256: str
    armature: str
    actions: tuple[str, ...]
    frames: str
    step: int
    cameras: int
    width: int
    height: int
    engine: str
    samples: int
    variants: tuple[str, ...]
    device: str
    random: int
    seed: int

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RenderSettings:
        """Return the settings that ``asdict`` gave."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


@dataclass(frozen=True)
class ActionPlan:
    """What is rendered of one action.

    Attributes:
        folder: its name as a folder's and a label's.
        action: its name in the file.
        start: Blender's number of the label's frame 0.
        frames: the label's frames, rising.
        fps: frames a second.
        shots: what the cameras of the ring are made of, see ``cameras.Shot``; none for the file's own.
    """

    folder: str
    action: str
    start: int
    frames: tuple[int, ...]
    fps: float
    shots: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Plan:
    """What is rendered.

    Attributes:
        armature: its name in the file.
        actions: what of each.
        cameras: names of the file's cameras; none for the ring.
        n_cameras: how many there are.
        ground_z: height of the ground, metres.
        blender: the version that made the plan.
    """

    armature: str
    actions: tuple[ActionPlan, ...]
    cameras: tuple[str, ...]
    n_cameras: int
    ground_z: float
    blender: str

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Return the plan that ``asdict`` gave."""
        actions = [
            ActionPlan(**{k: tuple(v) if isinstance(v, list) else v for k, v in a.items()}) for a in data["actions"]
        ]
        return cls(**{**data, "actions": tuple(actions), "cameras": tuple(data["cameras"])})

    def check(self) -> None:
        """Refuse a plan that somebody else wrote: its names become paths, its numbers files.

        Raises:
            ValueError, TypeError: it is no plan of a rendering.
        """
        frames = [frame for action in self.actions for frame in action.frames]
        if not self.actions or not all(is_action_name(a.folder) for a in self.actions):
            raise ValueError("folders")
        if not all(type(f) is int and 0 <= f <= _MAX_FRAMES for f in frames):
            raise ValueError("frames")
        if type(self.n_cameras) is not int or not 1 <= self.n_cameras <= _MAX_CAMERAS:
            raise ValueError("cameras")
        if not 1 <= len(frames) * self.n_cameras <= _MAX_FRAMES:
            raise ValueError("number of frames")

    def places(self, root: Path) -> list[FramePlace]:
        """Return the frame and camera of every label, in the order in which they are rendered."""
        return [
            FramePlace(root, a.folder, frame, camera)
            for a in self.actions
            for frame in a.frames
            for camera in range(self.n_cameras)
        ]


def read_manifest(root: Path) -> tuple[RenderSettings, Plan] | None:
    """Return how a dataset is being rendered; None where nothing began yet.

    Raises:
        InputError: the manifest is not readable.
    """
    path = root / MANIFEST
    if not path.exists():
        return None
    try:
        data = json.loads(read_whole(path, _MAX_BYTES))
        if data["format"] != FORMAT:
            raise InputError(f"{path}: expected format {FORMAT}, got {str(data['format'])[:80]!r}")
        plan = Plan.from_json(data["plan"])
        plan.check()
        return RenderSettings.from_json(data["settings"]), plan
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: expected what 'dataset render' wrote there, got something else; choose another --out"
        ) from error


def write_manifest(root: Path, settings: RenderSettings, plan: Plan) -> None:
    """Write how a dataset is being rendered.

    Raises:
        OutputError: it cannot be written.
    """
    data = {"format": FORMAT, "settings": asdict(settings), "plan": asdict(plan)}
    try:
        with replacing(root / MANIFEST) as temporary:
            temporary.write_text(json.dumps(data, indent=1), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {root / MANIFEST}: {error}") from error


def check_same(root: Path, before: RenderSettings, now: RenderSettings) -> None:
    """Refuse to go on with other settings.

    Raises:
        InputError: they differ; says in what.
    """
    names = {"blend_sha256": "blend (another file)", "width": "res", "height": "res", "variants": "variant"}
    differing = []
    for key, old in asdict(before).items():
        new = getattr(now, key)
        if key == "cameras":
            old, new = old or "scene", new or "scene"
        if old != new:
            text = f"--{names.get(key, key)}"
            differing.append(text if key == "blend_sha256" else f"{text} was {_text(old)}, is {_text(new)}")
    if differing:
        raise InputError(
            f"{root}: expected the settings that its rendering began with, but {'; '.join(dict.fromkeys(differing))};"
            " repeat those, or choose another --out"
        )


def _text(value: Any) -> str:
    return ",".join(map(str, value)) or "all" if isinstance(value, (tuple, list)) else str(value) or "all"
