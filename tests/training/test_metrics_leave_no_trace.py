"""Taking a metric changes no bit of the training that follows, whichever it is."""

import random

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_flatten

from steadygan import train
from steadygan.common.paths import conf_dir
from steadygan.runs import files
from tiny import silent, tiny

PLANE = ["log_every=2"]
IMAGES = ["log_every=2", "dataset=digits", "network=dcgan", "network.width=2", "network.discriminator_norm=batch"]
FEW = {
    "fid": ["metrics.fid.samples=50"],
    "fid_test": ["metrics.fid_test.samples=70"],
    "kid": ["metrics.kid.samples=60", "metrics.kid.subset_size=30", "metrics.kid.subsets=3"],
    "inception_score": ["metrics.inception_score.samples=50"],
    "precision_recall": ["metrics.precision_recall.samples=50"],
    "density_coverage": ["metrics.density_coverage.samples=50"],
    "fid_infinity": ["metrics.fid_infinity.samples=80", "metrics.fid_infinity.least=70"],
    "confidence": ["metrics.confidence.samples=50"],
    "class_histogram": ["metrics.class_histogram.samples=50"],
    "sliced_wasserstein": ["metrics.sliced_wasserstein.samples=30", "metrics.sliced_wasserstein.directions=4"],
    "intra_fid": ["metrics.intra_fid.samples=300"],
    "class_match": ["metrics.class_match.samples=50"],
    "accuracy": ["metrics.accuracy.examples=50"],
    "stacked_modes": ["metrics.stacked_modes.samples=30"],
    "modes": ["metrics.modes.samples=50", "metrics.modes.wasserstein_samples=20"],
    "wasserstein": ["metrics.wasserstein.samples=20"],
    "exact_density": ["metrics.exact_density.samples=50"],
}
STACKED = [
    "dataset._target_=steadygan.data.stacked.Stacked",
    "+dataset.digits._target_=steadygan.data.digits.Digits",
    "dataset.num_data=50",
    "~dataset.size",
    "~dataset.split",
]
ALGORITHMS = {
    "images": IMAGES,
    "conditional": [*IMAGES, "labels=conditional", "metrics@labels.metrics=[]"],
    "semi_supervised": [*IMAGES, "labels=semi_supervised", "metrics@labels.metrics=[]"],
    "stacked": [*IMAGES, *STACKED],
    "plane": PLANE,
}
OF = {
    **dict.fromkeys(FEW, "images"),
    **dict.fromkeys(("intra_fid", "class_match"), "conditional"),
    **dict.fromkeys(("modes", "wasserstein", "exact_density"), "plane"),
    "accuracy": "semi_supervised",
    "stacked_modes": "stacked",
}


def streams():
    return torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002


def same(one, other):
    (a, shape), (b, other_shape) = tree_flatten(one), tree_flatten(other)
    return shape == other_shape and all(
        torch.equal(x, y) if isinstance(x, torch.Tensor) else np.array_equal(x, y) for x, y in zip(a, b)
    )


@pytest.fixture(scope="module")
def ended(planned, tmp_path_factory):
    """``ended(*overrides)``: a run's state at its end, its losses and metrics, whether the random streams stayed."""
    known = {}

    def call(*overrides):
        if overrides not in known:
            job = planned(*tiny(*overrides, f"outputs={tmp_path_factory.mktemp('outputs')}"))
            before = streams()
            assert train.execute(job, silent) == "completed"
            saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
            rows = files.read_rows(job.directory / files.METRICS)
            losses = [(row["iteration"], row["loss/generator"]) for row in rows if int(row["iteration"]) % 2 == 0]
            state = {key: saved[key] for key in ("state_dict", "rules", "more", "iteration")}
            known[overrides] = state, losses, {key for key in rows[-1] if key.startswith("metric/")}
            known[overrides] += (same(streams(), before),)
        return known[overrides]

    return call


def test_all_options_are_tried():
    assert set(FEW) == {path.stem for path in (conf_dir() / "metrics").glob("*.yaml")}


@pytest.mark.parametrize("name", FEW)
def test_no_bit_of_training_changes(ended, name):
    algorithm = ALGORITHMS[OF[name]]
    plain, losses, none, _ = ended(*algorithm, "metrics=[]")
    assert not none
    often = [f"metrics=[{name}]", *FEW[name], "evaluate_every=1", "metrics.raw=true", "metrics.batch=20"]
    scored, their_losses, metrics, untouched = ended(*algorithm, *often)
    assert metrics
    assert untouched, "the streams of the libraries are left alone"
    assert scored["iteration"] == plain["iteration"] == 4
    assert same(scored, plain)
    assert their_losses[-1] == losses[-1]
