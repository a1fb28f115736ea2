"""Metrics see the same in data that are read from disk a part at a time as in a tensor of all of them."""

import pytest
import torch

import tiny_data
from steadygan.data.folder import ImageFolder
from steadygan.data.storage import preparing
from steadygan.metrics.accuracy import Accuracy
from steadygan.metrics.classes import ClassHistogram, IntraFID
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.features.convnet import RECIPE
from steadygan.metrics.fid import FID, TestFID
from steadygan.metrics.kid import KID
from steadygan.metrics.manifolds import PrecisionRecall
from steadygan.metrics.sliced_wasserstein import SlicedWasserstein


class Whole:
    """The same data as tensors."""

    def __init__(self, data):
        self._held = {split: (data.examples(split)[0][:], data.examples(split)[1]) for split in ("train", "test")}
        self.shape, self.num_classes, self.num_data, self.split = data.shape, data.num_classes, data.num_data, "train"

    def examples(self, split):
        return self._held[split]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    tiny_data.folder(root / "train", 130)
    tiny_data.folder(root / "test", 70)
    patch = pytest.MonkeyPatch()
    patch.setattr(preparing, "SHARD_BYTES", 40 * 3 * 16 * 16)
    patch.setitem(RECIPE, "least_steps", 20)
    yield ImageFolder(root=str(root), labels="folders", size=16, keep="disk", workers=1)
    patch.undo()


@pytest.fixture(scope="module")
def pair(data):
    return data, Whole(data)


def test_the_classifier_is_the_same(pair):
    x = pair[1].examples("test")[0]
    (features, logits), (others, other) = (classifier_for(each)(x) for each in pair)
    assert torch.equal(features, others)
    assert torch.equal(logits, other)


@pytest.mark.parametrize(
    ("metric", "settings"),
    [(FID, {}), (TestFID, {}), (KID, {"subset_size": 30}), (PrecisionRecall, {}), (SlicedWasserstein, {}),
     (SlicedWasserstein, {"split": "test"}), (ClassHistogram, {}), (KID, {"subset_size": 30, "reference_samples": 50})],
)  # fmt: skip
def test_scores_are_the_same(pair, metric, settings):
    samples = torch.rand(60, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    scores = []
    for each in pair:
        made = metric(each, samples=60, **settings)
        made.update(samples)
        scores.append(made.compute())
    assert scores[0] == scores[1]
    assert all(value == value for value in scores[0].values())


def test_intra_fid_is_the_same(pair):
    samples = torch.rand(160, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made = [IntraFID(each, samples=160) for each in pair]
    for metric in made:
        metric.update(samples, torch.arange(160) % 2)
    assert made[0].compute() == made[1].compute()


def test_accuracy_is_the_same(pair):
    made = [Accuracy(each, examples=50) for each in pair]
    for metric in made:
        metric.update(lambda x: x.mean((2, 3))[:, :2])
    assert made[0].compute() == made[1].compute()
    assert made[0].provenance["examples"] == 50
