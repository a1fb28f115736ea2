"""``diagnostics.spectrum_every``: columns that tell of stability while a run trains, and change no bit of it."""

import numpy as np
import pytest
import torch

import steadygan
from steadygan import population, train
from steadygan.analysis.linearised import Field, Iteration, scene
from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.runs import files
from steadygan.theory.spectrum import matrix
from steadygan.training.spectrum import COLUMNS
from tiny import silent

RUN = [
    *["batch_size=16", "network.width=3", "network.depth=2", "network.latent=2", "network.activation=tanh"],
    *["iterations=12", "log_every=4", "evaluate_every=6", "checkpoint_every=6"],
]
LOOKING = ["diagnostics.spectrum_every=3", "diagnostics.spectrum_size=64"]


@pytest.fixture
def run(finished, tmp_path):
    return lambda *overrides, name="a": finished(*overrides, outputs=tmp_path / name).directory


def table(directory):
    return files.read_rows(directory / files.METRICS)


def state(directory):
    return torch.load(directory / files.CHECKPOINT, weights_only=True)["state_dict"]


def test_the_columns_are_those_of_the_jacobians(run):
    directory = run(*LOOKING, "trainer.precision=64", "regularizer=[r1]")
    rows = table(directory)
    assert [row["iteration"] for row in rows] == ["3", "4", "6", "8", "9", "12"]
    looked = [row for row in rows if row["spectrum/real"]]
    assert [row["iteration"] for row in looked] == ["3", "6", "9", "12"]
    trained = steadygan.load(directory)
    here = scene(trained.components, trained.state, 12, 0, 64)
    values = np.linalg.eigvals(matrix(Field(here).operator()))
    moduli = np.abs(np.linalg.eigvals(matrix(Iteration(here).operator())))
    expected = (values.real.max(), values.imag.max(), np.abs(values).max(), 0.0, moduli.max())
    for name, value in zip(COLUMNS, expected):
        assert float(looked[-1][name]) == pytest.approx(value, abs=1e-7), name
    field = Field(here)
    assert float(looked[-1]["spectrum/field_norm"]) == pytest.approx(float(field(field.x).norm()), rel=1e-9)


def test_no_bit_of_the_training_changes(run):
    asked, plain = run(*LOOKING), run(name="b")
    assert asked.name == plain.name  # the signature does not know of it
    own, other = state(asked), state(plain)
    assert all(torch.equal(own[name], other[name]) for name in own)
    means = {row["iteration"]: row for row in table(plain)}
    for row in table(asked):
        if row["iteration"] in means:
            assert row["loss/generator"] == means[row["iteration"]]["loss/generator"]


def test_a_stopped_run_goes_on_with_the_same_columns(run):
    whole = run(*LOOKING)
    first = run(*LOOKING, "iterations=6", name="b")
    assert run(*LOOKING, name="b") == first
    timeless = [{key: value for key, value in row.items() if key != "seconds"} for row in table(whole)]
    assert [{key: value for key, value in row.items() if key != "seconds"} for row in table(first)] == timeless
    before = run("iterations=6", name="c")  # it is asked for later
    assert run(*LOOKING, name="c") == before
    late = table(before)
    assert late[0]["spectrum/real"] == ""
    assert late[-1]["spectrum/real"] == table(whole)[-1]["spectrum/real"]


def test_members_of_a_population_have_them_too(plan, tmp_path):
    slots, singles = [], []
    for seed in (0, 1):
        given = [*LOOKING, f"seed={seed}", "trainer.precision=64"]
        job, single = (plan(*given, outputs=tmp_path / name) for name in "ab")
        slots.append((build(job.config), job))
        train.execute(single, silent)
        singles.append(single)
    population.train(slots, silent, population.Plan("false"))
    for (_, job), single in zip(slots, singles):
        for own, other in zip(table(job.directory), table(single.directory), strict=True):
            for name in COLUMNS:
                if other[name]:
                    assert float(own[name]) == pytest.approx(float(other[name]), rel=1e-5, abs=1e-8)
                else:
                    assert own[name] == ""


def test_networks_with_buffers(run):
    """Batch normalisation and spectral norms are held as they are, and stay so."""
    rows = table(run(*LOOKING, "network.spectral_norm=true", "iterations=3"))
    assert np.isfinite(float(rows[-1]["spectrum/real"]))


@pytest.mark.parametrize("key", ["spectrum_every", "spectrum_size"])
def test_numbers_that_cannot_be(plan, key):
    with pytest.raises(UserError, match=f"diagnostics.{key}=0: must be a whole number of at least 1"):
        plan(f"diagnostics.{key}=0")
