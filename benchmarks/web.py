"""What browsers make of a run's files: ``report.html`` opened, played and turned; ``horse.glb`` read by others.

    python benchmarks/web.py [--node DIR] [--pictures DIR] FOLDER...

A FOLDER is what ``kinequimation animate`` wrote. Needs Debian's chromium (or another that takes DevTools over a pipe),
Node, and once the npm registry. A row a folder, and exit code 1 where one misses:

- report: in headless Chromium the page gets ready; of a clip, playing lets the time advance and moves the skin; a drag
  turns the camera; film and horse show the same time after jumps to five places; nothing is asked for but the page
  itself and what lies in it; the console stays empty.
- three.js: its own ``GLTFLoader``, not bundled, plays ``horse.glb``; bones (and the sides of the skin's box) against
  the motion in ``motion.npz``, edited as ``run.json`` says, at five times; 2 mm.
- Khronos: the validator finds no error and no warning.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from chromium import ChromiumError, Page, chromium_executable

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.io.gltf import gltf_from_world_xyz
from kinequimation.motion import Motion
from kinequimation.motion.edit import Edits, edit
from kinequimation.motion.motion import read_motion

PACKAGES = ("three@0.187.0", "gltf-validator@2.0.0-dev.3.10")
HERE = Path(__file__).parent
TOLERANCE_MM = 2.0
N_TIMES = 5
_SKIN = """(() => {
  const found = [];
  for (const mesh of report.stage.meshes)
    for (let i = 0; i < mesh.geometry.index.count; i += 997) {
      const at = report.stage.centre.clone();
      mesh.getVertexPosition(mesh.geometry.index.getX(i), at).applyMatrix4(mesh.matrixWorld);
      found.push(at.toArray());
    }
  return found;
})()"""
"""Places of some vertices of the skin, metres."""
_WATCH = f"""(() => {{
  report.watched = [];
  const show = report.player.show;
  report.player.show = (time, playing) => {{
    show(time, playing);
    const isNew = report.watched.every(([t]) => t !== time);
    if (playing && isNew && report.watched.length < {N_TIMES}) report.watched.push([time, {_SKIN}]);
  }};
}})()"""
"""Keeps the first times that are shown while the page plays, and the skin at each."""
_MIDDLE = "(r => [r.x + r.width / 2, r.y + r.height / 2])(report.stage.panel.getBoundingClientRect())"
_VIEWS = ("corner", "side", "front", "top", "filmed")


def _written_motion(folder: Path) -> Motion:
    """Return the motion that a run wrote into ``horse.glb``."""
    motion = read_motion(folder / "motion.npz")
    edits = json.loads((folder / "run.json").read_text(encoding="utf-8"))["options"]["edits"]
    return edit(motion, Edits(**edits), Body(motion.shape)).motion


def _report(folder: Path, executable: str, pictures: Path | None) -> tuple[bool, str]:
    """Open a report as a person would; return whether all is well, and what was seen."""
    with Page(executable, 1280, 800) as page:
        page.open((folder / "report.html").resolve().as_uri())
        page.wait_for("document.documentElement.dataset.ready == 'yes'")
        if not page.evaluate("report.stage !== null"):
            return False, f"no 3D view: {page.complaints}"
        said = []
        duration_s = page.evaluate("report.stage.duration")
        ok = True
        if duration_s > 0:
            page.evaluate(_WATCH)
            page.evaluate("document.querySelector('#play').click()")
            page.wait_for(f"report.watched.length >= {N_TIMES}")
            page.evaluate("report.player.pause()")
            times, skins = zip(*page.evaluate("report.watched"), strict=True)
            moved_mm = 1000 * np.linalg.norm(np.ptp(np.array(skins), axis=0), axis=1).max()
            apart_s = _apart_s(page, duration_s)
            ok &= moved_mm > 10 and apart_s <= 1 / page.evaluate("report.facts.fps") + 1e-3
            said += [
                f"played {times[0]:.2f} to {max(times):.2f} s",
                f"skin moved {moved_mm:.0f} mm",
                f"film {1000 * apart_s:.0f} ms off",
            ]
        before = np.array(page.evaluate("report.stage.camera.position.toArray()"))
        x, y = page.evaluate(_MIDDLE)
        page.drag((x, y), (x + 120, y - 30))
        turned_m = np.linalg.norm(np.array(page.evaluate("report.stage.camera.position.toArray()")) - before)
        asked = [address for address in page.requests if address.split(":")[0] not in ("blob", "data")]
        ok &= turned_m > 0.2 and len(asked) == 1 and page.complaints == []
        said += [
            f"camera went {turned_m:.1f} m",
            f"{len(asked) - 1} requests",
            f"{len(page.complaints)} complaints {'; '.join(page.complaints)}".strip(),
        ]
        if pictures is not None:
            _photograph(page, pictures, folder.name, duration_s)
    return bool(ok), ", ".join(said)


def _apart_s(page: Page, duration_s: float) -> float:
    """Return how far film and horse are apart at the worst of a few places, seconds of the clip; 0 without a film."""
    apart = 0.0
    for share in (0.9, 0.1, 0.5, 0.7, 0.3):
        page.evaluate(f"report.player.seek({share * duration_s})")
        if page.evaluate("report.player.video === undefined"):
            continue
        page.wait_for("!report.player.video.seeking")
        film, horse = page.evaluate(
            "[report.player.clipTime(report.player.video.currentTime), report.stage.time]",
        )
        apart = max(apart, abs(film - horse))
    return apart


def _photograph(page: Page, pictures: Path, name: str, duration_s: float) -> None:
    pictures.mkdir(parents=True, exist_ok=True)
    for i, view in enumerate(_VIEWS if page.evaluate("report.facts.camera !== null") else _VIEWS[:-1]):
        if duration_s > 0:
            page.evaluate(f"report.player.seek({duration_s * (i + 0.5) / len(_VIEWS)})")
        page.evaluate(f"report.stage.look('{view}')")
        page.evaluate("new Promise(done => setTimeout(done, 400))")
        page.screenshot(pictures / f"{name}_{view}.png")
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        for size, arguments in {"desktop": (1280, 800), "phone": (390, 844, 2.0, True)}.items():
            page.resize(*arguments)
            page.evaluate("new Promise(done => setTimeout(done, 600))")
            page.screenshot(pictures / f"{name}_{scheme}_{size}.png", whole=True)


def _three(folder: Path, motion: Motion, node: Path, executable: str) -> tuple[bool, str]:
    """Play the clip in three.js, not bundled; return whether it agrees with the motion, and how far."""
    body = Body(motion.shape)
    rows = sorted(set(np.linspace(0, len(motion) - 1, N_TIMES).astype(int).tolist()))
    joints = gltf_from_world_xyz(body.joints(motion.root_xyz_world[rows], motion.quat_wxyz[rows])[0])
    skin = gltf_from_world_xyz(body.vertices(motion.root_xyz_world[rows], motion.quat_wxyz[rows]))
    poses = [
        {
            "t_s": float(motion.t_s[row] - motion.t_s[0]),
            "joints": dict(zip(skeleton.JOINTS, joints[k].tolist(), strict=True)),
            "box": [skin[k].min(0).tolist(), skin[k].max(0).tolist()],
        }
        for k, row in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as work:
        expected = Path(work) / "expected.json"
        expected.write_text(json.dumps({"clip": motion.name, "poses": poses}), encoding="utf-8")
        script = ["node", HERE / "three_gltf.mjs", "--three", node / "node_modules" / "three"]
        text = _run([*script, "--chromium", executable, "--expected", expected, folder / "horse.glb"])
    found = re.search(r"joints within ([\d.]+) mm, skin's box within ([\d.]+) mm", text)
    if found is None:
        return False, text.strip()
    joint_mm, box_mm = float(found[1]), float(found[2])
    said = f"bones {joint_mm:.3f} mm, skin's box {box_mm:.3f} mm at {len(rows)} times"
    return joint_mm <= TOLERANCE_MM and box_mm <= TOLERANCE_MM, said


def _khronos(folder: Path, node: Path) -> tuple[bool, str]:
    text = _run(["node", HERE / "validate_glb.mjs", folder / "horse.glb"], {"NODE_PATH": str(node / "node_modules")})
    found = re.search(r": (\d+) errors, (\d+) warnings", text)
    if found is None:
        return False, text.strip()
    return found[1] == found[2] == "0", f"{found[1]} errors, {found[2]} warnings"


def _run(command: list, extra: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, **(extra or {})},
    )
    return done.stdout + done.stderr


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--node", type=Path, default=Path("outputs/web_npm"), help="where npm puts its packages")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of the pages")
    args = parser.parse_args()
    executable = chromium_executable()
    if executable is None:
        print("needs Chromium: apt install chromium", file=sys.stderr)
        return 2
    args.node.mkdir(parents=True, exist_ok=True)
    npm = ["npm", "install", "--silent", "--no-save", "--prefix", str(args.node), *PACKAGES]
    subprocess.run(npm, check=True)
    all_well = True
    for folder in args.folders:
        checks = {"report": lambda f=folder: _report(f, executable, args.pictures)}
        if (folder / "horse.glb").is_file():
            motion = _written_motion(folder)
            checks |= {
                "three.js": lambda f=folder, m=motion: _three(f, m, args.node.resolve(), executable),
                "Khronos": lambda f=folder: _khronos(f, args.node.resolve()),
            }
        for name, check in checks.items():
            try:
                ok, said = check()
            except ChromiumError as error:
                ok, said = False, str(error)
            print(f"{'ok  ' if ok else 'FAIL'} {folder.name:16} {name:9} {said}", flush=True)
            all_well &= ok
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main())
