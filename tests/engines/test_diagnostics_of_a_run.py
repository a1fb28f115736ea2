"""What a run's files say of its stability."""

import math

import numpy as np
import pytest
import torch

from steadygan import files, train
from steadygan.engines.summary import metric_summary, spectrum

TINY = ["logger=none", "batch_size=16", "network.width=8", "metrics.modes.samples=50", "log_every=1"]
TINY.append("metrics.modes.wasserstein_samples=20")


@pytest.fixture
def run(compose, tmp_path):
    def call(*overrides):
        given = [*TINY, *overrides, f"outputs={tmp_path}"]
        job = train.plan(compose(*given), given)
        assert train.execute(job, lambda event: None) == "completed"
        return job.directory

    return call


def test_cosines_and_weight_norms_from_the_weights(run):
    """Under plain gradient descent the weights tell the gradients."""
    rule = [f"optimizer@optimizer.{player}=sgd" for player in ("generator", "discriminator")]
    lr = [f"optimizer.{player}.lr=0.1" for player in ("generator", "discriminator")]
    weights = {}
    for iterations in (1, 2, 3):
        directory = run(*rule, *lr, f"iterations={iterations}", "trainer.precision=64")
        state = torch.load(directory / files.CHECKPOINT, weights_only=True)["state_dict"]
        for player in ("generator", "discriminator"):
            own = [value.reshape(-1) for name, value in state.items() if name.startswith(f"{player}.")]
            weights[player, iterations] = torch.cat(own)
    rows = files.read_rows(directory / files.METRICS)
    assert len(rows) == 3
    for player in ("generator", "discriminator"):
        first, second, third = (weights[player, place] for place in (1, 2, 3))
        turned = torch.cosine_similarity(second - first, third - second, dim=0)
        assert float(rows[2][f"grad_cosine/{player}"]) == pytest.approx(float(turned), rel=1e-6)
        assert float(rows[0][f"grad_cosine/{player}"]) == 0
        assert float(rows[2][f"weight_norm/{player}"]) == pytest.approx(float(third.norm()), rel=1e-9)
    gap = float(rows[1]["logits/real"]) - float(rows[1]["logits/fake"])
    assert float(rows[1]["logits/gap"]) == pytest.approx(gap, rel=1e-6, abs=1e-12)


def rows(values, spacing=10):
    return [
        {"iteration": str(spacing * (place + 1)), "loss/discriminator": repr(float(value)), "loss/generator": "1.0"}
        for place, value in enumerate(values)
    ]


def test_a_cycle_is_found_in_the_loss():
    place = np.arange(128)
    noise = np.random.default_rng(0).standard_normal(128)
    cycle = spectrum(rows(0.05 * place + np.sin(2 * math.pi * place / 8) + 0.1 * noise))
    assert cycle["discriminator"]["period"] == pytest.approx(80)
    assert cycle["discriminator"]["share"] > 0.9
    assert cycle["generator"] is None  # constant
    assert spectrum(rows(noise))["discriminator"]["share"] < 0.4
    assert spectrum(rows(noise[:10]))["discriminator"] is None


def test_the_gap_is_how_far_from_its_best_a_run_ends():
    class Metric:
        directions = {"fid": "min", "is": "max"}

    table = [{"metric/fid": str(fid), "metric/is": str(score)} for fid, score in ((9, 2), (3, 5), (4, 4))]
    found = metric_summary(table, {"one": Metric})
    assert (found["fid"]["gap"], found["is"]["gap"]) == (1, -1)
    assert (found["fid"]["best"], found["is"]["best"]) == (3, 5)
