"""The feature distance: by hand, on the layers of the data set's own classifier, and in a run."""

import csv

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from steadygan import train
from steadygan.common.errors import UserError
from steadygan.core.distances import l1
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.features.perceptual import Feature, feature_loss
from steadygan.runs import files


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_mean_over_layers_by_hand():
    made, target = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    loss = feature_loss(lambda x: [x, x.sum(1, keepdim=True)], made, target)
    # (1 + 4) / 2 and 9; 4 / 2 and 4
    assert loss.tolist() == [(2.5 + 9) / 2, (2 + 4) / 2]


def test_the_classifiers_layers_written_out():
    data = Digits(size=16)
    distance, trunk = Feature(pixels=0.5).on(data), classifier_for(data).network.trunk
    made, target = draw(3, 1, 16, 16).tanh(), draw(3, 1, 16, 16, seed=1).tanh()
    seen = []
    for x in (made, target):
        own = []
        for layer in trunk:
            if isinstance(layer, nn.Conv2d):
                x = F.conv2d(x, layer.weight.double(), layer.bias.double(), layer.stride, layer.padding).clamp(min=0)
                own.append(x)
        seen.append(own)
    by_hand = sum((a - b).square().mean((1, 2, 3)) for a, b in zip(*seen)) / len(seen[0])
    assert len(seen[0]) == 2
    torch.testing.assert_close(distance(made, target), by_hand + 0.5 * l1(made, target))
    assert classifier_for(data).network.trunk[0].weight.dtype is torch.float32


def test_smaller_images_are_enlarged():
    distance = Feature().on(Digits(size=16))
    made, target = draw(2, 1, 4, 4), draw(2, 1, 4, 4, seed=1)
    large = [x.repeat_interleave(4, 2).repeat_interleave(4, 3) for x in (made, target)]
    torch.testing.assert_close(distance(made, target), distance(*large))


def test_its_gradient():
    distance, target = Feature(pixels=0.1).on(Digits(size=8)), draw(2, 1, 8, 8, seed=1)
    assert torch.autograd.gradcheck(lambda made: distance(made, target), draw(2, 1, 8, 8).requires_grad_())


class Own(nn.Module):
    """A user's module, with a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((), 3.0))

    def forward(self, x):
        return self.weight * x.flatten(1)


def test_a_module_of_ones_own():
    made, target = draw(2, 1, 8, 8).requires_grad_(), draw(2, 1, 8, 8, seed=1)
    loss = Feature(Own()).on(Digits())(made, target)
    torch.testing.assert_close(loss, 9 * (made - target).square().flatten(1).mean(1))
    assert loss.requires_grad


def test_what_cannot_be_is_said():
    with pytest.raises(UserError, match="features=vgg: no such feature network"):
        Feature("vgg")
    with pytest.raises(UserError, match="needs labelled images"):
        Feature().check(Ring())


def test_the_distance_falls_in_a_run(compose, tmp_path):
    given = ["dataset=digits", "network=dcgan", "network.width=4", "network.latent=8", "method=pretrained_lsgan"]
    given += ["scheme/distance=feature", "scheme.epochs=6", "scheme.lr=5e-3", "scheme.discriminator_epochs=0",
              "iterations=2", "batch_size=96", "metrics=[]", "logger=none", f"outputs={tmp_path}"]  # fmt: skip
    job = train.plan(compose(*given), given)
    assert train.execute(job, lambda event: None) == "completed"
    with (job.directory / files.PRETRAINING).open() as file:
        rows = list(csv.DictReader(file))
    for size in ("4", "8"):
        losses = [float(row["loss"]) for row in rows if row["size"] == size]
        assert losses[-1] < 0.9 * losses[0]
