"""Weights for Inception that need no download."""

import hashlib

import pytest
import torch
from torch import nn


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A file of random weights under a name that begins its SHA-256, as the published one's does."""
    extractors = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    folder = tmp_path_factory.mktemp("weights")

    class Random(extractors.FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            pass

    torch.save({}, folder / "nothing")
    with torch.device("meta"):  # the layers' own initialisation takes longer than all that follows
        network = Random("random", ["2048"], feature_extractor_weights_path=folder / "nothing")
    network = network.to_empty(device="cpu")
    source = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=source)
        if isinstance(layer, nn.BatchNorm2d):
            for value, low, high in (
                (layer.weight, 0.8, 1.2),
                (layer.bias, -0.2, 0.2),
                (layer.running_mean, -0.2, 0.2),
                (layer.running_var, 0.7, 1.5),
            ):
                value.detach().uniform_(low, high, generator=source)
            layer.num_batches_tracked.zero_()
    nn.init.normal_(network.fc.weight, std=0.2, generator=source)
    nn.init.uniform_(network.fc.bias, -0.1, 0.1, generator=source)
    torch.save(network.state_dict(), folder / "random")
    name = f"random-{hashlib.sha256((folder / 'random').read_bytes()).hexdigest()[:8]}.pth"
    return str((folder / "random").rename(folder / name))
