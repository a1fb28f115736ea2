"""The Inception network of published FIDs, in torch-fidelity's implementation (``pip install torch-fidelity``).

Reference: Obukhov et al. (2020), doi:10.5281/zenodo.4957738.
"""

import hashlib
import io
import pickle
import re
from collections.abc import Callable
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from steadygan.common.errors import UserError, bad_value, first_line
from steadygan.common.paths import expanded
from steadygan.metrics.features.cache import Tensors
from steadygan.metrics.features.network import FeatureNetwork
from steadygan.metrics.features.resizers import RESIZERS

FILE = "weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"

TRUNK = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    *(f"Mixed_{block}" for block in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")),
    "AvgPool",
)


class Inception(FeatureNetwork):
    """2,048 features after the last pooling, and the 1,008 logits without bias, as torch-fidelity's FID and IS use.

    In channels_last layout and with the normalisations taken into the convolutions, which is faster and differs by
    rounding only.

    Args:
        weights: the published file; None: where torch.hub keeps it.
        resize: one of ``RESIZERS``.
    """

    def __init__(self, weights: str | None = None, resize: str = "torch-fidelity", dtype: str = "float32") -> None:
        super().__init__(dtype)
        if resize not in RESIZERS:
            raise bad_value("resize", resize, "no such resizer", RESIZERS)
        path = expanded("weights", weights) if weights else standard_place()
        sha256, state = _weights(path)
        self.resize: Callable[[Tensor], Tensor] = RESIZERS[resize]
        self.network = _network(state).to(self.weights_dtype)
        self.num_features = 2048
        suffix = "" if self.dtype is torch.float32 else f" {dtype}"
        self.key = hashlib.sha256(f"inception {sha256} {resize}{suffix}".encode()).hexdigest()
        self.provenance = {
            "feature_network": "Inception-v3 of 2015-12-05 (torch-fidelity)",
            "weights": sha256[:16],
            "resize": resize,
            "images": "clamped to [-1, 1], rounded to 8 bits, grey as three equal channels",
            "dtype": dtype,
        }

    block = 50 if torch.cuda.is_available() else 16
    """More at once are no faster on a CPU, and a few images cost as much as a block."""

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``[B, 2048]`` and logits ``[B, 1008]``."""
        self.network.to(images.device)
        with self.computing(images.device):
            features = torch.cat([self._features(part) for part in images.split(self.block)])
            return features, features @ self.network.get_parameter("fc.weight").T

    def _features(self, images: Tensor) -> Tensor:
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        x = self.resize(images).sub_(128).div_(128)
        x = x.to(self.weights_dtype).contiguous(memory_format=torch.channels_last)
        return reduce(lambda x, layer: getattr(self.network, layer)(x), TRUNK, x).flatten(1)


def standard_place() -> Path:
    """Return where torch.hub, and with it torch-fidelity, keeps the weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


@lru_cache(maxsize=1)
def _weights(path: Path) -> tuple[str, Tensors]:
    """Return the SHA-256 of the file and what is in it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: the weights of Inception cannot be read ({error.strerror}).\nFetch {URL} and put it there, "
            f"or say where it is: metrics.weights=PATH"
        ) from error
    sha256 = hashlib.sha256(content).hexdigest()
    stated = re.search(r"-([0-9a-f]{8,64})\.pth$", path.name)
    digits = SHA256 if stated is None or SHA256.startswith(stated[1]) else stated[1]
    if not sha256.startswith(digits):
        raise UserError(
            f"{path}: damaged, or not the published weights: its SHA-256 is {sha256}, and ought to be {SHA256}, or, "
            f"for weights of your own, to begin with the digits that their name ends with: NAME-12345678.pth.\n"
            f"Fetch it again: {URL}"
        )
    try:
        return sha256, torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise UserError(f"{path}: not a file of weights ({first_line(error)})") from error


def _network(state: Tensors) -> nn.Module:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import BasicConv2d, FeatureExtractorInceptionV3
    except ImportError as error:
        raise UserError("features=inception needs torch-fidelity: pip install torch-fidelity") from error

    class Empty(FeatureExtractorInceptionV3):
        """The published class loads its weights with ``weights_only=False``: it is given none."""

        def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 as the class that it overrides
            return super().load_state_dict(*args, **kwargs) if args[0] else None

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.device("meta"):  # the layers' own initialisation would draw from the global generator
        network = Empty("inception", ["2048"], feature_extractor_weights_path=nothing)
    try:
        network.load_state_dict(state, assign=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UserError(f"the weights of Inception do not fit it: {first_line(error)}") from error
    network = network.float().eval().requires_grad_(False)
    for layer in [layer for layer in network.modules() if isinstance(layer, BasicConv2d)]:
        layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
        layer.register_module("bn", nn.Identity())
    return network.to(memory_format=torch.channels_last)
