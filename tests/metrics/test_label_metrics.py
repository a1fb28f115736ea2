"""Metrics of labels, on samples and classifiers whose score is known."""

import inspect

import pytest
import torch
from hydra.utils import get_class
from omegaconf import OmegaConf

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.data.curves import FourLines, Line
from steadygan.data.digits import Digits
from steadygan.data.gaussian import Gaussian
from steadygan.data.mixtures import Ring
from steadygan.metrics.accuracy import Accuracy
from steadygan.metrics.class_match import ClassMatch


def test_class_match_of_points_at_known_places():
    """On the mode asked for, on another one, 2.9 and 3.1 sigmas off, and nowhere."""
    ring = Ring(sigma=0.1)
    metric = ClassMatch(ring)
    asked = torch.tensor([0, 1, 2, 3, 4, 5])
    x = ring.centers[asked].clone()
    x[1] = ring.centers[7]
    x[2, 0] += 0.29
    x[3, 0] += 0.31
    x[4] = torch.nan
    metric.update(x, asked)
    assert metric.compute() == {"class_match": 0.5}
    metric.update(x[:2].float(), asked[:2])
    assert metric.compute() == {"class_match": 0.5}
    metric.reset()
    metric.update(x[:1], asked[:1])
    assert metric.compute() == {"class_match": 1.0}


def test_class_match_takes_as_many_as_it_wants():
    ring = Ring()
    metric = ClassMatch(ring, samples=4)
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    for part in ([0, 1, 2], [3, 4, 5]):
        at = ring.centers[labels[part]].clone()
        at[-2:] = ring.centers[0] if part[0] == 3 else at[-2:]  # beyond the fourth: not looked at
        metric.update(at, labels[part])
    assert metric.compute() == {"class_match": 1.0}


def test_class_match_of_images_is_what_the_classifier_says():
    digits = Digits()
    metric = ClassMatch(digits, samples=360)
    x, y = digits.examples("test")
    metric.update(x, y)
    accuracy = metric.classifier.accuracy
    assert metric.compute()["class_match"] == pytest.approx(accuracy)
    assert accuracy > 0.9
    metric.reset()
    metric.update(x, (y + 1) % 10)
    assert metric.compute()["class_match"] < 0.1


def test_class_match_of_lines():
    lines = FourLines()
    x, y = lines.sample(500, torch.Generator().manual_seed(0))
    x[:, 1] += 0.2  # a line lies 0.5 from the next
    metric = ClassMatch(lines)
    metric.update(x, y)
    assert metric.compute() == {"class_match": 1.0}


def nearest(dataset):
    return lambda x: -torch.cdist(x, dataset.centers)


def test_accuracy_of_a_classifier_that_is_right_and_of_one_that_is_wrong():
    ring = Ring()
    metric = Accuracy(ring, examples=1200)
    metric.update(nearest(ring))
    assert metric.compute() == {"accuracy": 1.0}
    metric.reset()
    metric.update(lambda x: nearest(ring)(x).roll(1, 1))
    assert metric.compute() == {"accuracy": 0.0}
    metric.reset()
    metric.update(lambda x: torch.eye(8)[torch.zeros(len(x), dtype=torch.int64)])
    assert metric.compute()["accuracy"] == pytest.approx(float((metric.y == 0).double().mean()))


@pytest.mark.parametrize(("split", "shown"), [("train", 360), ("test", 1437)])
def test_accuracy_is_of_examples_that_were_not_trained_on(split, shown):
    digits = Digits(split=split)
    metric = Accuracy(digits)
    seen = []
    metric.update(lambda x: seen.append(x) or torch.zeros(len(x), 10))
    others, y = digits.examples("test" if split == "train" else "train")
    assert torch.equal(torch.cat(seen), others)
    assert len(others) == shown
    assert metric.compute()["accuracy"] == pytest.approx(float((y == 0).double().mean()))
    assert len(Accuracy(digits, examples=7).x) == 7


def test_accuracy_of_some_examples_is_of_all_classes():
    """Of examples in the order of their classes the first would be of one class."""

    class Sorted(Digits):
        def examples(self, split):
            x, y = super().examples(split)
            order = y.argsort()
            return x[order], y[order]

    metric = Accuracy(Sorted(), examples=100)
    assert len(metric.y.unique()) == 10
    assert metric.provenance["reference_seed"] == 0
    assert Accuracy(Sorted()).provenance["reference_seed"] is None


@pytest.mark.parametrize("metric", [ClassMatch, Accuracy])
@pytest.mark.parametrize("dataset", [Gaussian(), Line()])
def test_data_without_classes_do_not_fit(metric, dataset):
    with pytest.raises(UserError, match="metrics="):
        metric(dataset)


@pytest.mark.parametrize("name", ["class_match", "accuracy"])
def test_config_and_class_agree(name):
    config = OmegaConf.load(conf_dir() / "metrics" / f"{name}.yaml")
    assert list(config) == [name]
    parameters = inspect.signature(get_class(config[name]["_target_"])).parameters.values()
    defaults = {parameter.name: parameter.default for parameter in parameters if parameter.name != "dataset"}
    assert {key: value for key, value in config[name].items() if not key.startswith("_")} == defaults
