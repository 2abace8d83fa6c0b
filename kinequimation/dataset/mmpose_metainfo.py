"""The dataset file that MMPose wants: names, mirror pairs, links, weights and sigmas of horse68, as a Python config.

MMPose 1.3.2 reads the file by ``metainfo=dict(from_file="model_pipeline/configs/_base_/horse68.py")``, from the
directory that it is started in: the repository's root.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.rendered_coco import BONE_LINKS
from kinequimation.io.atomic import replacing

METAINFO_PATH = Path("model_pipeline/configs/_base_/horse68.py")
"""Where the file lies, from the repository's root."""
_COLOURS = {"L": [255, 140, 26], "R": [74, 168, 255], "": [255, 255, 255]}
"""RGB of the horse's left, its right and the middle: warm, cool and white, as in our overlays."""
_HEAD = '"""horse68 for MMPose. dataset_pipeline/build_dataset/build_metainfo.py writes this file: change that."""\n'


def metainfo_source() -> str:
    """Return the file's text."""
    bones = skeleton.HORSE68
    lines = [
        _HEAD,
        "dataset_info = dict(",
        '    dataset_name="horse68",',
        "    paper_info=dict(",
        '        author="The KinEquiMation authors",',
        '        title="KinEquiMation: rendered horses with the joints of Blender\'s Rigify horse",',
        '        container="",',
        '        year="",',
        '        homepage="",',
        "    ),",
        "    keypoint_info={",
    ]
    for i, bone in enumerate(bones):
        mirror = skeleton.MIRROR[bone]
        fields = f'name="{bone}", id={i}, color={_COLOURS[side_of(bone)]}, type="{half_of(bone)}"'
        lines.append(f'        {i}: dict({fields}, swap="{mirror if mirror != bone else ""}"),')
    lines += ["    },", "    skeleton_info={"]
    for i, (parent, bone) in enumerate(BONE_LINKS):
        lines.append(f'        {i}: dict(link=("{parent}", "{bone}"), id={i}, color={_COLOURS[side_of(bone)]}),')
    lines += ["    },", f"    joint_weights=[1.0] * {len(bones)},", "    sigmas=["]
    lines += [f"        {sigma},  # {bone}" for bone, sigma in zip(bones, skeleton.OKS_SIGMAS.tolist(), strict=False)]
    lines += ["    ],", ")", ""]
    return "\n".join(lines)


def write_metainfo(path: Path) -> None:
    """Write the file.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(metainfo_source(), encoding="utf-8", newline="\n")


def side_of(bone: str) -> str:
    """Return the horse's side that a bone lies on: ``L``, ``R`` or empty for the middle."""
    if skeleton.MIRROR[bone] == bone:
        return ""
    return "L" if ".L" in bone else "R"


def half_of(bone: str) -> str:
    """Return MMPose's half of the body, for training on halves: ``upper`` is the fore hand, ``lower`` the hind one.

    The border lies half way from the sacrum to the last joint before the neck, at rest.
    """
    y = dict(zip(skeleton.JOINTS, skeleton.REST_HEAD_XYZ[:, 1], strict=True))
    middle = np.mean([y[skeleton.SACRUM], y["DEF-spine.006"]])
    return "upper" if y[bone] < middle else "lower"  # the horse faces −Y
