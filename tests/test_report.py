"""``report.html``: what the page holds, and in a browser that it plays and turns without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, breed_shape
from kinequimation.errors import InputError
from kinequimation.geometry.camera import look_at
from kinequimation.io.gltf import gltf_from_world_xyz, write_glb
from kinequimation.motion import Motion, make_motion
from kinequimation.video import VideoWriter
from kinequimation.viz import report
from kinequimation.viz.report import FilmingCamera, ReportFacts, spans_s, write_report

HOSTILE = 'a</title><script>alert(1)</script>&"quotes"<img src=x onerror=alert(2)>'


@pytest.fixture(scope="module")
def trot() -> Motion:
    return make_motion("trot", Body(breed_shape("arabian")), seconds=1.0, fps=25.0)


@pytest.fixture(scope="module")
def files(trot: Motion, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("report")
    write_glb(folder / "horse.glb", trot)
    with VideoWriter(folder / "overlay.mp4", 128, 64, trot.fps) as writer:
        for i, t_s in enumerate(trot.t_s):
            writer.write(np.full((64, 128, 3), 4 * i, np.uint8), float(t_s))
    return folder / "horse.glb", folder / "overlay.mp4"


def _camera(motion: Motion) -> FilmingCamera:
    eye = np.array([7.0, -1.0, 1.4])
    T = np.stack([look_at(eye, at + [0.0, 0.0, 1.0]) for at in motion.root_xyz_world])
    return FilmingCamera(T, motion.t_s, 0.5, 16 / 9)


def _facts(motion: Motion, **more) -> ReportFacts:
    stances = [spans_s(contact > 0.5, motion.t_s) for contact in motion.contact.T]
    return ReportFacts("trot.mp4", "usable 25 of 25 frames", fps=motion.fps, stances_s=stances, **more)


def _embedded(page: str, kind: str) -> bytes:
    pieces = re.findall(rf'<script type="text/plain" data-of="{kind}">([^<]*)</script>', page)
    return b"".join(base64.b64decode(piece) for piece in pieces)


def test_the_page_holds_its_files_and_loads_nothing(trot: Motion, files: tuple[Path, Path], tmp_path: Path) -> None:
    glb, film = files
    write_report(tmp_path / "report.html", glb, film, _facts(trot, camera=_camera(trot)))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert _embedded(page, "motion") == glb.read_bytes()
    assert _embedded(page, "film") == film.read_bytes()
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:|//)""", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and "default-src 'none'" in policy[1] and "http" not in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) > 3 and all(f"'sha256-{value}'" in policy[1] for value in hashes)
    assert "{{" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_texts_from_outside_stay_texts(trot: Motion, files: tuple[Path, Path], tmp_path: Path) -> None:
    glb = tmp_path / "a<b>&\u2028.glb"
    shutil.copy(files[0], glb)
    facts = ReportFacts(HOSTILE, HOSTILE, rows=[(HOSTILE, HOSTILE)], warnings=[HOSTILE, "\udcff\x1b[31m"])
    write_report(tmp_path / "report.html", glb, None, facts)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "alert(" in page and "<script>alert" not in page and "<img src=x" not in page and "\x1b" not in page
    data = re.search(r'<script type="application/json" id="facts-data">(.*?)</script>', page, flags=re.S)
    assert data is not None and not set("<>&\u2028") & set(data[1])
    assert json.loads(data[1])["motion"] == "a<b>& .glb"


def test_what_is_too_large_is_left_out_and_linked(
    trot: Motion, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "long <film> 100%.mp4"
    film.write_bytes(bytes(files[0].stat().st_size + 1))
    monkeypatch.setattr(report, "MAX_EMBEDDED_BYTES", files[0].stat().st_size)
    write_report(tmp_path / "report.html", files[0], film, _facts(trot))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'data-of="film"' not in page.replace('data-of="${', "") and _embedded(page, "motion")
    assert 'href="./long%20%3Cfilm%3E%20100%25.mp4"' in page and "long &lt;film&gt; 100%.mp4" in page


def test_files_that_cannot_be_shown_leave_the_page_before_as_it_was(
    trot: Motion, files: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text("before")
    with pytest.raises(InputError, match=r"\.mp4"):
        write_report(page, files[0], tmp_path / "film.avi", _facts(trot))
    with pytest.raises(InputError, match="cannot read"):
        write_report(page, tmp_path / "none.glb", files[1], _facts(trot))
    assert page.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_spans_reach_half_a_frame_beyond_their_frames() -> None:
    t_s = np.array([0.0, 0.1, 0.2, 0.4, 0.5])
    spans = spans_s(np.array([True, True, False, True, True]), t_s)
    assert spans == pytest.approx(np.array([[-0.05, 0.15], [0.3, 0.55]]))
    assert spans_s(np.zeros(5, bool), t_s).shape == (0, 2)
    assert spans_s(np.array([True]), np.zeros(1)) == pytest.approx(np.array([[-0.5, 0.5]]))


def test_a_browser_plays_the_page_in_step_and_turns_the_horse(
    trot: Motion, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    from chromium import Page, chromium_executable  # type: ignore[import-not-found]

    executable = chromium_executable()
    if executable is None:
        pytest.skip("needs Chromium")
    camera = _camera(trot)
    write_report(tmp_path / "report.html", *files, _facts(trot, camera=camera))
    with Page(executable, 640, 420) as page:
        page.open((tmp_path / "report.html").as_uri())
        page.wait_for("document.documentElement.dataset.ready == 'yes'")
        page.evaluate("report.player.seek(0.4)")
        joints = Body(trot.shape).joints(trot.root_xyz_world[10:11], trot.quat_wxyz[10:11])[0][0]
        shown = page.evaluate(
            "[...report.stage.bones].map(([name, bone]) => [name, ...bone.matrixWorld.elements.slice(12, 15)])"
        )
        assert len(shown) == skeleton.NUM_JOINTS
        for name, *xyz in shown:
            assert xyz == pytest.approx(gltf_from_world_xyz(joints[skeleton.JOINT_INDEX[name]]).tolist(), abs=1e-4)
        page.evaluate("report.stage.look('filmed')")
        eye = page.evaluate("report.stage.camera.position.toArray()")
        assert eye == pytest.approx(gltf_from_world_xyz(np.array([7.0, -1.0, 1.4])).tolist(), abs=1e-3)
        page.evaluate("report.stage.panel.scrollIntoView()")
        x, y, w, h = page.evaluate("(r => [r.x, r.y, r.width, r.height])(report.stage.panel.getBoundingClientRect())")
        x, y = x + w / 2, y + min(h, 420) / 2
        page.drag((x, y), (x + 60, y - 20))
        turned = page.evaluate("report.stage.camera.position.toArray()")
        assert np.linalg.norm(np.subtract(turned, eye)) > 0.5
        page.evaluate("report.player.seek(0), report.player.play()")
        page.wait_for("report.player.time > 0.3")
        page.evaluate("report.player.pause()")
        assert all(address.split(":")[0] in ("file", "blob") for address in page.requests)
        assert page.complaints == []
