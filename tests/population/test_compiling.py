"""The compiled program against the eager one, and its cache."""

import pytest
import torch
from torch.utils._pytree import tree_flatten

from steadygan.config.building import build
from steadygan.population import Plan, train
from steadygan.population.compiling import has_compiler
from steadygan.runs import checkpoint
from steadygan.runs.files import CHECKPOINT
from tiny import silent

RUN = ["network.depth=2", "batch_size=5", "trainer.precision=64"]
NOISY = ["regularizer=[r1]", "noise=instance"]
ALGORITHMS = {
    "noisy": NOISY,
    "sgld": [f"optimizer@optimizer.{player}=sgld" for player in ("generator", "discriminator")],
    "spectral": ["network.spectral_norm=true", "loss=hinge"],
    "ensemble": ["discriminator.ensemble=3", "discriminator/vote=softmax", "regularizer=[r1]"],
    "lazy": ["regularizer=[r1]", "regularizer.r1.every=2"],
}

pytestmark = [pytest.mark.soak, pytest.mark.skipif(not has_compiler(), reason="there is no compiler")]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where compiled programs are kept."""
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    return tmp_path / "cache" / "inductor"


@pytest.fixture
def trained(plan, tmp_path, cache):
    """``trained(name, compile, ends, *algorithm)``: checkpoints and statuses of three members, launched at each end."""

    def members(name, iterations, algorithm, own):
        jobs = []
        for seed in range(3):
            given = [*algorithm, f"iterations={iterations}", f"seed={seed}", *(own[seed] if own else [])]
            jobs.append(plan(*given, outputs=tmp_path / name))
        return [(build(job.config), job) for job in jobs]

    def call(name, compile, ends, *algorithm, own=()):
        decided = []
        for end in ends:
            torch.compiler.reset()
            slots = members(name, end, algorithm, own)
            how = Plan(compile, lambda *what: decided.append(what), together=2)
            statuses = train(slots, silent, how)
        assert decided == [(compile, 2 if compile else 3)] * len(ends)
        saved = [checkpoint.load(job.directory / CHECKPOINT) for _, job in slots]
        return saved, [statuses[job.signature] for _, job in slots]

    return call


def agree(saved, expected, tolerance):
    for key in ("state_dict", "rules"):
        (leaves, shape), (twins, other) = (tree_flatten([each[key] for each in own]) for own in (saved, expected))
        assert shape == other
        for leaf, twin in zip(leaves, twins):
            torch.testing.assert_close(leaf, twin, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS.keys())
def test_compiled_members_take_the_same_steps(trained, cache, algorithm):
    """Twenty iterations to rounding; stopped and resumed to the bit."""
    (eager, _), (compiled, _), (resumed, _) = (
        trained(*how, *algorithm) for how in (("a", False, [20]), ("b", True, [20]), ("c", True, [7, 20]))
    )
    agree(compiled, eager, 1e-10)
    agree(resumed, compiled, 0)
    assert any(cache.iterdir())


def test_a_member_that_diverges_changes_no_bit_of_the_others(trained):
    """Nor of the one that is computed by the same call."""
    algorithm = [*NOISY, "loss=lsgan", "optimizer@optimizer.discriminator=sgd", "trainer.precision=32"]

    def company(name, lr):
        own = [[f"optimizer.discriminator.lr={rate}"] for rate in (1e-3, lr, 1e-2)]
        return trained(name, True, [20], *algorithm, own=own)

    (sane, statuses), (wild, others) = company("a", 1e-2), company("b", 1e12)
    assert statuses == ["completed"] * 3
    assert others == ["completed", "diverged", "completed"]
    agree([wild[0], wild[2]], [sane[0], sane[2]], 0)
    assert wild[1]["iteration"] < 20
