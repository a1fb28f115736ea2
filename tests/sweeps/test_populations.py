"""Sizes of populations: from memory, from the user, and what must be alone."""

import pytest

from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.population import memory
from steadygan.population.memory import layer_outputs, member_bytes
from steadygan.sweeps import populations
from steadygan.sweeps.populations import Limits, Populations


def test_what_fits_is_a_share_of_what_is_free(monkeypatch):
    monkeypatch.setattr(populations, "free_bytes", lambda gpu: 1000)
    assert Limits(None, 0.6, 2).most(10, gpu=False) == 30
    assert Limits(None, 0.6, 2).most(10, gpu=True) == 60
    assert Limits(7, 0.6, 2).most(10, gpu=False) == 7
    assert Limits(70, 0.6, 2).most(10, gpu=False) == 30
    assert Limits(None, 0.6, 2).most(10**6, gpu=False) == 1


@pytest.mark.parametrize(("members", "share"), [(0, 0.5), (1.5, 0.5), (None, 0.0), (None, 1.1), (None, float("nan"))])
def test_limits_have_ranges(members, share):
    with pytest.raises(UserError, match=r"engine\.(members|memory)="):
        Limits(members, share, 1)


def test_outputs_of_a_perceptron_by_hand(plain):
    components = build(plain("network.width=8", "network.depth=3", "metrics=[]", "logger=none"))
    dtype = next(components.networks["generator"].parameters()).dtype
    assert layer_outputs(components.networks, dtype) == {"generator": 8 + 8 + 2, "discriminator": 8 + 8 + 1}
    many = build(plain("network.width=8", "network.depth=3", "metrics=[]", "logger=none", "discriminator.ensemble=3"))
    assert layer_outputs(many.networks, dtype) == layer_outputs(components.networks, dtype)


def test_measuring_leaves_the_networks_alone(plain):
    components = build(plain("dataset=digits", "network=dcgan", "network.width=4", "metrics=[]", "logger=none"))
    before = {name: value.clone() for name, value in components.networks["generator"].state_dict().items()}
    member_bytes(components, 16, "32")
    assert components.networks["generator"].training
    assert all((value == before[name]).all() for name, value in components.networks["generator"].state_dict().items())


def test_a_member_grows_with_batch_weights_and_precision(plain):
    def size(*overrides, batch=64, precision="32"):
        config = plain("metrics=[]", "logger=none", f"trainer.precision={precision}", *overrides)
        return member_bytes(build(config), batch, precision)

    assert size(precision="64") == 2 * size()
    assert size(batch=65) - size(batch=64) == size(batch=1) - size(batch=0)
    assert size("network.width=256") > 2 * size()


def test_free_memory_is_less_than_the_machine_has():
    with open("/proc/meminfo") as file:
        total = int(file.readline().split()[1]) * 1024
    assert 0 < memory.free_bytes(gpu=False) < total


def test_the_grouping_is_told(plan, monkeypatch):
    monkeypatch.setattr(populations, "free_bytes", lambda gpu: 10**10)
    jobs = [plan(f"seed={seed}") for seed in range(5)] + [plan("trainer.devices=2", "seed=9")]
    asked = []
    made = Populations(jobs, Limits(None, 0.5, 2), False, lambda job: asked.append(job) or 10**9)
    assert list(made.describe()) == [
        "populations: 2 of 2, 1 of 1; 2 at a time, the largest takes about 2 GB",
        "by themselves: 1",
    ]
    assert len(asked) == 1, "jobs of a kind are measured once"
    assert {job.signature for job in made.jobs} == {job.signature for job in jobs}
    tight = Populations(jobs[:1], Limits(None, 0.5, 2), False, lambda job: 10**11)
    assert list(tight.describe())[1] == "one setting may take more than engine.memory=0.5 allows: it trains by itself"
