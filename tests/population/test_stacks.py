"""Members that several calls of one program compute: nobody can tell. What compiles is left out here."""

from functools import partial

import pytest
import torch
from torch.utils._pytree import tree_leaves

from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.population import Plan, train
from steadygan.population.compiling import CACHE, at_once
from steadygan.runs import checkpoint
from steadygan.runs.files import CHECKPOINT, METRICS, read_rows, read_summary
from tiny import MODES, silent

RUN = [
    *["batch_size=5", "iterations=8", "log_every=2", "evaluate_every=4", "trainer.precision=64", "regularizer=[r1]"],
    *["noise=instance", *MODES],
]


def note(decided, *what):
    decided.append(what)


@pytest.fixture
def company(plan, tmp_path, monkeypatch):
    """``company(folder, together)``: five members, four seeds, one of which diverges, trained in calls of so many."""
    monkeypatch.setattr(torch, "compile", lambda program, **how: program)

    def call(name, together, *ends):
        for end in ends or (8,):
            slots, decided = [], []
            for seed, rate in zip((0, 1, 1, 2, 3), (1e-3, 1e-3, 1e12, 1e-3, 1e-3)):
                given = [
                    f"seed={seed}",
                    f"iterations={end}",
                    "loss=lsgan",
                    "optimizer@optimizer.discriminator=sgd",
                    f"optimizer.discriminator.lr={rate}",
                ]
                job = plan(*given, outputs=tmp_path / name)
                done = (read_summary(job.directory) or {}).get("status") == "diverged"
                job.directory.mkdir(parents=True, exist_ok=True)
                slots.append((None if done else (build(job.config), job), job))
            how = Plan(True, partial(note, decided), together=together)
            statuses = train([slot for slot, _ in slots], silent, how)
        jobs = [job for _, job in slots]
        return jobs, [read_summary(job.directory)["status"] for job in jobs], decided, statuses

    return call


def content(job):
    saved = checkpoint.load(job.directory / CHECKPOINT)
    there = read_rows(job.directory / METRICS) if (job.directory / METRICS).exists() else []
    rows = [{key: float(value or 0) for key, value in row.items() if key != "seconds"} for row in there]
    return tree_leaves([saved[key] for key in ("state_dict", "rules", "more", "window")]), rows


def alike(one, other, tolerance):
    for job, twin in zip(one, other, strict=True):
        (leaves, rows), (others, expected) = content(job), content(twin)
        for leaf, same in zip(leaves, others, strict=True):
            if isinstance(leaf, torch.Tensor):
                torch.testing.assert_close(leaf, same, rtol=tolerance, atol=tolerance, equal_nan=True)
            else:
                assert leaf == same
        assert [row.keys() for row in rows] == [row.keys() for row in expected]
        for row, other_row in zip(rows, expected):
            assert row == pytest.approx(other_row, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("together", "calls_of"), [(2, 3), (3, 3), (1, 1), (4, 5)])
def test_in_several_calls_as_in_one(company, together, calls_of):
    """Two are three each, of six slots for five; four are all five at once, since equal calls are wanted."""
    jobs, statuses, decided, _ = company("parts", together)
    whole, expected, _, _ = company("whole", 5)
    assert decided == [(True, calls_of)]
    assert statuses == expected == ["completed", "completed", "diverged", "completed", "completed"]
    alike(jobs, whole, 1e-10)


def test_stopped_and_resumed_to_the_bit(company):
    stopped, *_ = company("stopped", 2, 4, 8)
    through, *_ = company("through", 2, 8)
    alike(stopped, through, 0)


def test_how_many_fit_a_cache(plain):
    cpu, config = torch.device("cpu"), ["network.width=128", "batch_size=256"]
    components = build(plain(*config))
    numbers = 256 * (3 * 128 + 1)
    assert at_once("auto", components, 256, cpu) == round(CACHE / (4 * numbers))
    assert at_once("auto", build(plain(*config, "trainer.precision=64")), 256, cpu) == round(CACHE / (8 * numbers))
    assert at_once("auto", components, 10**9, cpu) == 1
    assert at_once("auto", components, 256, torch.device("cuda")) is None
    assert at_once(7, components, 256, cpu) == 7
    for wrong in (0, 2.5, True, "many"):
        with pytest.raises(UserError, match=r"engine\.together="):
            at_once(wrong, components, 256, cpu)
