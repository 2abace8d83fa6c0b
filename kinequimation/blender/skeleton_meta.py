"""Command ``skeleton-meta``: the names and edges of a rig's deforming bones, for programs that do not know ours."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinequimation import skeleton

if TYPE_CHECKING:
    from kinequimation.blender.bones import RestBones

FORMAT = 1
_EPILOG = """files:
  def_bones.txt        one deforming bone a line; the first 68 are the keypoints, numbered from 0, the mane follows
  skeleton_edges.json  for those bones: parents, edges (parent to child), mirror pairs, rest heads and tails (metres)
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "skeleton-meta",
        help="write def_bones.txt and skeleton_edges.json",
        description="Write the names and edges of the deforming bones of a Rigify horse.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--blend",
        type=Path,
        default=Path("assets/horse.blend"),
        metavar="FILE",
        help="a .blend with a Rigify horse; default: assets/horse.blend",
    )
    parser.add_argument("--out", type=Path, default=Path("assets"), metavar="DIR", help="a folder; default: assets")
    parser.add_argument("--armature", metavar="NAME", help="default: the one that is a Rigify horse")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the two files; return the exit code.

    Raises:
        InputError: the .blend is not there, or holds no such horse.
        OutputError: a file cannot be written.
    """
    from kinequimation.blender.blend_file import open_blend
    from kinequimation.blender.bones import find_armature, read_rest
    from kinequimation.io.atomic import replacing

    open_blend(args.blend)
    armature = find_armature(args.armature)
    rest = read_rest(armature)
    tails = [list(armature.data.bones[name].tail_local) for name in rest.names]
    names, edges = args.out / "def_bones.txt", args.out / "skeleton_edges.json"
    with replacing(names) as temporary:
        temporary.write_text("".join(f"{name}\n" for name in rest.names), encoding="utf-8")
    with replacing(edges) as temporary:
        temporary.write_text(json.dumps(skeleton_of(rest, tails), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print(f"{names}, {edges}: {len(rest.names)} bones of {armature.name}")
    return 0


def skeleton_of(rest: RestBones, tails: list[list[float]]) -> dict[str, Any]:
    """Return a rig's skeleton as the file holds it; indices are lines of ``def_bones.txt``, from 0.

    Args:
        rest: its deforming bones.
        tails: their ends at rest, metres, in the armature's axes.
    """
    index = {name: i for i, name in enumerate(rest.names)}
    parents = [index[p] if p else -1 for p in rest.parents]
    mirror = [index.get(skeleton.MIRROR[n], i) for i, n in enumerate(rest.names)]
    return {
        "format": FORMAT,
        "bones": list(rest.names),
        "num_keypoints": len(skeleton.HORSE68),
        "parents": parents,
        "edges": [[p, i] for i, p in enumerate(parents) if p >= 0],
        "mirror_pairs": [[i, m] for i, m in enumerate(mirror) if i < m],
        "coincident": [[index[n] for n in group] for group in skeleton.COINCIDENT],
        "rest_head_xyz": [[round(float(v), 6) for v in matrix[:3, 3]] for matrix in rest.matrix],
        "rest_tail_xyz": [[round(float(v), 6) for v in tail] for tail in tails],
    }
