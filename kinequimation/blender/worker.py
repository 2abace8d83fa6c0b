"""The process that renders one batch: it is told what on standard input, and says what is done on standard output.

It ends when its standard input does, so it does not outlive the process that started it, however that ends.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.blender.quiet import end_with_input, speaker
from kinequimation.blender.render_settings import Plan, RenderSettings
from kinequimation.dataset.frame_label import FramePlace
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from kinequimation.blender.random_frames import RandomStage
    from kinequimation.blender.stage import Stage

_AT_ONCE = 16
"""So many cameras look at a frame before the first of their labels is written (judgement)."""


def work() -> int:
    """Do the job on standard input; return the exit code.

    Raises:
        InputError: there is no job, or the file does not hold what is asked for.
        OutputError: a file cannot be written.
        MissingDependencyError: the engine, the device or a library is not there.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    try:
        job = json.loads(sys.stdin.buffer.readline())
    except ValueError as error:
        raise InputError("--worker: expected a job on standard input, got none; leave this option out") from error
    end_with_input()
    say = speaker()
    settings = RenderSettings.from_json(job["settings"])
    with _open_stage(Path(job["blend"]), settings, job["threads"]) as stage:
        if job["plan"] is None:
            say({"plan": asdict(stage.plan())})
        else:
            plan = Plan.from_json(job["plan"])
            for places in _moments([FramePlace(Path(job["out"]), *unit) for unit in job["units"]]):
                for place in stage.shoot_moment(places, plan):
                    say({"done": [place.action, place.frame, place.camera]})
    say({"end": True})
    return 0


def _moments(places: list[FramePlace]) -> Iterator[list[FramePlace]]:
    """Yield the places of one frame each, not too many at once: what is cut short is begun again."""
    for _, group in groupby(places, key=lambda p: (p.action, p.frame)):
        same = list(group)
        yield from (same[i : i + _AT_ONCE] for i in range(0, len(same), _AT_ONCE))


def _open_stage(blend: Path, settings: RenderSettings, threads: int) -> AbstractContextManager[Stage | RandomStage]:
    if settings.random:
        from kinequimation.blender.random_frames import RandomStage

        return RandomStage(settings, threads)
    from kinequimation.blender.stage import Stage

    return Stage(blend, settings, threads)
