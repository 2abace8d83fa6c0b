"""``kinequimation weights``: the networks that ship, and weights of others to start training from."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinequimation.cli.progress import ProgressBar
from kinequimation.errors import InputError

_EPILOG = """files:
  outputs/checkpoints/hrnet_w32-36af842e.pth    weights pull hrnet_w32_imagenet

examples:
  kinequimation weights list
  kinequimation weights pull hrnet_w32_imagenet
  kinequimation weights pull hrnet_w32_imagenet --from ~/Downloads/hrnet_w32-36af842e.pth
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "weights",
        help="list networks, or fetch weights to start training from",
        description="List the networks that ship, or fetch and check weights of others to start training from.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    listing = steps.add_parser("list", help="what there is, and what lies here already")
    pulling = steps.add_parser("pull", help="fetch one by its name and check its bytes")
    pulling.add_argument("name", metavar="NAME", help="as weights list shows it")
    pulling.add_argument("--from", dest="local", type=Path, metavar="FILE", help="take this file, not the network's")
    for step in (listing, pulling):
        step.add_argument("--out", type=Path, metavar="DIR", help="folder of fetched weights (outputs/checkpoints)")
    listing.set_defaults(run=run_list)
    pulling.set_defaults(run=run_pull)


def run_list(args: argparse.Namespace) -> int:
    """Print the networks."""
    from kinequimation.runtime import SHIPPED, sha256_of, weights_path
    from kinequimation.weights.store import FOLDER, SOURCES

    for name, what in SHIPPED.items():
        path = weights_path(name)
        print(f"{name:<20}ships      {path.stat().st_size / 1e6:6.1f} MB  {what}; sha256 {sha256_of(path)}")
    for source in SOURCES.values():
        path = (args.out or FOLDER) / source.file_name
        state, size = "not here", ""
        if path.is_file():
            state = "here" if sha256_of(path).startswith(source.sha256) else "damaged"
            size = f"{path.stat().st_size / 1e6:6.1f} MB"
        print(f"{source.name:<20}{state:<11}{size:>9}  {source.what}; {source.licence}; {path}")
    return 0


def run_pull(args: argparse.Namespace) -> int:
    """Fetch weights and print where they lie."""
    from kinequimation.runtime import sha256_of
    from kinequimation.weights.store import FOLDER, SOURCES, pull

    if args.name not in SOURCES:
        raise InputError(f"weights: expected one of {', '.join(SOURCES)}, got {args.name!r}")
    with ProgressBar(unit="kB") as bar:

        def progress(stage: str, done: int, total: int | None) -> None:
            bar(stage, done // 1000, None if total is None else total // 1000)

        path, was_there = pull(SOURCES[args.name], args.out or FOLDER, args.local, progress)
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB, sha256 {sha256_of(path)}{', was there' if was_there else ''}")
    return 0
