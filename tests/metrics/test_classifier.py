"""The small classifier: as good as stated, the same every time, noticed by nobody."""

import logging

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.storage.frames import from_bytes, to_bytes
from steadygan.metrics.classes import ClassHistogram
from steadygan.metrics.features import classifier as module
from steadygan.metrics.features import convnet
from steadygan.metrics.features.cache import content_hash
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.features.real import TensorImages


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def brief(monkeypatch):
    """A training of a few steps, and no memory of earlier ones."""
    monkeypatch.setitem(convnet.RECIPE, "least_steps", 5)
    monkeypatch.setitem(convnet.RECIPE, "passes", 0)
    monkeypatch.setattr(module, "_classifiers", {})


def weights(classifier):
    return classifier.provenance["weights"]


def test_the_grid_of_bytes():
    x = torch.tensor([-2.0, -1.0, -1 + 0.9 / 255, -1 + 1.1 / 255, 0.999, 1.0, 3.0, torch.nan])
    assert to_bytes(x).tolist() == [0, 0, 0, 1, 255, 255, 255, 0]
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(from_bytes(every)), every)
    assert torch.equal(to_bytes(from_bytes(every).double()), every)


def test_accuracy_on_digits_is_high_and_measured_on_the_test_split():
    digits = Digits()
    classifier = classifier_for(digits)
    x, y = digits.examples("test")
    features, logits = classifier(x)
    assert classifier.accuracy > 0.97
    assert classifier.accuracy == pytest.approx(accuracy_score(y, logits.argmax(1)))
    head = classifier._network(torch.device("cpu")).head
    assert np.allclose(head(features.float()).numpy(), logits, atol=1e-4)
    assert (features >= 0).all()


def test_trained_alike_whatever_surrounds_it(brief):
    plain = weights(classifier_for(Digits()))
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            images, labels = Digits().examples("train")
            network = convnet.train(TensorImages(images), labels, 10)
            assert torch.get_num_threads() == 2
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
    assert content_hash(network.state_dict())[:16] == plain


def test_global_randomness_is_left_alone(brief):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    classifier_for(Digits())(torch.zeros(3, 1, 8, 8))
    assert torch.equal(state, torch.get_rng_state())


def test_read_back_from_the_cache_with_a_word_only_when_training(brief, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "steadygan")
    first = classifier_for(Digits())
    assert caplog.text.count("Training the small classifier of Digits") == 1
    caplog.clear()
    monkeypatch.setattr(module, "_classifiers", {})
    second = classifier_for(Digits())
    assert "Training" not in caplog.text
    assert second is not first
    assert second.provenance == first.provenance
    x = Digits().examples("test")[0]
    assert torch.equal(first(x)[1], second(x)[1])


def test_other_data_or_another_recipe_is_another_network(brief, monkeypatch):
    small = classifier_for(Digits())
    monkeypatch.setitem(convnet.RECIPE, "seed", 1)
    other = classifier_for(Digits())
    assert other.key != small.key
    assert weights(other) != weights(small)
    assert classifier_for(Digits(size=16)).key != other.key


def test_a_poor_one_warns(brief, caplog):
    assert classifier_for(Digits()).accuracy < 0.9
    assert "trust its scores less" in caplog.text


def test_same_images_are_passed_once(brief, monkeypatch):
    classifier, passes = classifier_for(Digits()), []
    outputs = module.outputs
    monkeypatch.setattr(module, "outputs", lambda *given: passes.append(1) or outputs(*given))
    x = torch.linspace(-1, 1, 640).view(10, 1, 8, 8)
    first = classifier(x)[0].clone()
    assert torch.equal(classifier(x.clone())[0], first)
    assert len(passes) == 1
    x[0] = 0.5  # changed in place: neither the same images nor the same features
    assert not torch.equal(classifier(x)[0][0], first[0])
    assert len(passes) == 2


def test_an_image_that_is_not_finite_gives_nan_alone(brief):
    x = torch.zeros(3, 1, 8, 8)
    x[1, 0, 2, 2] = torch.inf
    features, logits = classifier_for(Digits())(x)
    assert features.isnan().all(1).tolist() == [False, True, False]
    assert logits.isnan().all(1).tolist() == [False, True, False]


@pytest.mark.parametrize("side", [4, 8, 16, 28, 32, 64])
def test_pictures_shrink_to_seven_pixels_or_fewer(side):
    network = convnet.build((3, side, side), 4, torch.Generator().manual_seed(0))
    convolved = network.trunk[:-3](torch.zeros(1, 3, side, side))
    assert 2 <= convolved.shape[2] <= 7
    assert network(torch.zeros(2, 3, side, side))[1].shape == (2, 4)


def test_batches_go_through_the_data_before_they_repeat():
    batches = list(convnet._batches(300, 7, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [128] * 7
    drawn = torch.cat(batches)
    assert sorted(drawn[:300].tolist()) == list(range(300))
    assert sorted(drawn[300:600].tolist()) == list(range(300))
    assert not torch.equal(drawn[:300], drawn[300:600])


@pytest.mark.parametrize("wrong", [10, 10**9, -1])
def test_a_label_beyond_the_classes_is_told_and_asks_for_no_memory(wrong):
    class Own(Digits):
        def examples(self, split):
            x, y = super().examples(split)
            return x, torch.cat([y[:-1], torch.tensor([wrong])])

    dataset = Own()
    for made in (lambda: classifier_for(dataset), lambda: ClassHistogram(dataset)):
        with pytest.raises(UserError, match=rf"Own has 10 classes, and labels .*{wrong}"):
            made()
