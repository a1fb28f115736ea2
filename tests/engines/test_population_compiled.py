"""The compiled program against the eager one, and its cache."""

import pytest
import torch
from torch.utils._pytree import tree_flatten

from steadygan import train as training
from steadygan.build import build
from steadygan.engines import checkpoint
from steadygan.engines.population import Plan, train
from steadygan.engines.population.compiling import has_compiler
from steadygan.files import CHECKPOINT

TINY = [
    *["logger=none", "metrics=[]", "network.width=6", "network.latent=3", "network.depth=2", "batch_size=5"],
    *["trainer.precision=64", "regularizer=[r1]", "noise=instance"],
]


@pytest.mark.soak
@pytest.mark.skipif(not has_compiler(), reason="there is no compiler")
def test_compiled_members_take_the_same_steps(compose, tmp_path, monkeypatch):
    """Twenty iterations to rounding; stopped and resumed to the bit."""
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)

    def members(name, iterations):
        jobs = []
        for seed in range(3):
            given = [*TINY, f"outputs={tmp_path / name}", f"iterations={iterations}", f"seed={seed}"]
            jobs.append(training.plan(compose(*given), given))
        return [(build(job.config), job) for job in jobs]

    def trained(name, compile, *ends):
        decided = []
        for end in ends:
            torch.compiler.reset()
            seats = members(name, end)
            how = Plan(compile, lambda *what: decided.append(what), together=2)
            train(seats, lambda event: None, how)
        assert decided == [(compile, 2 if compile else 3)] * len(ends)
        return [checkpoint.load(job.directory / CHECKPOINT)["state_dict"] for _, job in seats]

    eager, compiled, resumed = trained("a", False, 20), trained("b", True, 20), trained("c", True, 7, 20)
    for tolerance, others in ((1e-10, compiled), (0, resumed)):
        expected = eager if others is compiled else compiled
        for leaf, twin in zip(tree_flatten(others)[0], tree_flatten(expected)[0]):
            torch.testing.assert_close(leaf, twin, rtol=tolerance, atol=tolerance)
    assert any((tmp_path / "cache" / "inductor").iterdir())
