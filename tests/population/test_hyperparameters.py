"""Every hyperparameter may differ between the members of one program, and counts there as it does alone."""

import copy

import pytest
import torch
from omegaconf import OmegaConf
from torch.utils._pytree import tree_flatten

from steadygan import train as training
from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.check import check_numbers
from steadygan.core.settings import is_number
from steadygan.population.member import Member
from steadygan.population.population import Population
from steadygan.sweeps.grouping import group, static
from steadygan.training.module import GANModule
from tiny import tiny

RUN = ["network.width=5", "network.depth=3", "batch_size=4", "iterations=5", "trainer.precision=64"]
PLAYERS = ("generator", "discriminator")

IMAGES = ["dataset=digits", "metrics=[]"]

STRUCTURE = {"copies", "critic_every", "dim", "levels", "n_critic", "radius", "share", "steps"}
"""Numbers that say how a program is built; all others may differ in one."""

FOLDERS = {
    **{name: name for name in ("loss", "regularizer", "noise", "game", "optimizer", "schedule", "labels")},
    "vote": "discriminator/vote",
}

CONTEXT = {
    "loss/wasserstein": ["regularizer=[gradient_penalty]"],
    **dict.fromkeys(("regularizer/bcr", "noise/augment"), IMAGES),
    "noise/diffaugment": [*IMAGES, "noise.translation=0.3"],
    "noise/ada": [
        *[*IMAGES, "noise.start=0.5", "noise.horizon=50", "noise.interval=1"],
        "optimizer.discriminator.lr=0.1",  # some logits of real samples are on either side
    ],
    "vote/softmax": ["discriminator.ensemble=2"],
    "vote/softmin": ["discriminator.ensemble=2"],
    "labels/conditional": ["metrics@labels.metrics=[]"],
    "labels/semi_supervised": ["metrics@labels.metrics=[]"],
    "optimizer/ccadl": [f"optimizer.{player}.estimator=per_sample" for player in PLAYERS],
    "ema/default": ["ema.decay=0.5", "ema.rampup=2"],
    "schedule/exponential": ["loss.alpha.start=0.4", "loss.alpha.end=0.1"],
    "schedule/polynomial": ["loss.alpha.a=0.3"],
    "schedule/constant": ["loss.alpha.value=0.2"],
    **{
        f"schedule/{name}": ["loss.alpha.start=0.1", "loss.alpha.end=0.5", "loss.alpha.begin=1", "loss.alpha.finish=4"]
        for name in ("linear", "cosine", "smoothstep")
    },
    "schedule/step": ["loss.alpha.start=0.1", "loss.alpha.end=0.5", "loss.alpha.begin=3"],
}
"""What makes all numbers of an option count."""

IDLE = {"loss.alpha.finish": "schedule/step"}
"""Numbers that do not count: a jump has no end."""


def cases():
    for kind, folder in FOLDERS.items():
        yield from (f"{kind}/{path.stem}" for path in sorted((conf_dir() / folder).glob("*.yaml")))
    yield "ema/default"


def words(case):
    """Overrides that choose an option, and where its numbers are."""
    kind, option = case.split("/")
    if kind == "ema":
        return [], ["ema"]
    if kind == "optimizer":
        return [f"optimizer@optimizer.{player}={option}" for player in PLAYERS], [f"optimizer.{p}" for p in PLAYERS]
    if kind == "regularizer":
        return [f"regularizer=[{option}]"], [f"regularizer.{option}"]
    if kind == "schedule":
        return ["loss=lsgan", f"+schedule@loss.alpha={option}"], ["loss.alpha"]
    place = FOLDERS[kind]
    return [f"{place}={option}"], [place.replace("/", ".")]


def hyperparameters(config, path):
    node = OmegaConf.select(config, path)
    return {f"{path}.{key}": value for key, value in node.items() if is_number(value)}


def other(config, key, value):
    """The config with another value there that is in its range; None where there is none."""
    for changed in (value * 0.6 if value else 0.3, value + 0.25, value + 3):
        made = copy.deepcopy(config)
        OmegaConf.update(made, key, changed)
        try:
            check_numbers(OmegaConf.to_container(made, resolve=True))
        except UserError:
            continue
        return made
    return None


def together(jobs):
    """Each member's tensors and its rules' states, after all have trained as one program."""
    components = [build(job.config) for job in jobs]
    members = [Member(own, job, torch.device("cpu")) for own, job in zip(components, jobs)]
    population = Population(list(zip(members, components)), jobs[0].config["batch_size"])
    for _ in range(jobs[0].iterations):
        population.step()
    population.settle(states=True)
    return {job.signature: reached(one) for job, one in zip(jobs, members)}


def alone(job):
    gan = GANModule(build(job.config), job.seed, job.config["batch_size"], torch.float64)
    gan.to_device(torch.device("cpu"))
    for iteration in range(job.iterations):
        gan.advance(iteration)
    return reached(gan)


def reached(gan):
    assert (gan.iteration, gan.diverged_at) == (5, None)
    return gan.state_dict(), {player: gan.state.of(player).rule for player in PLAYERS}


@pytest.mark.parametrize("case", list(cases()))
def test_all_numbers_may_differ_in_one_program(compose, tmp_path, case):
    """As many members as there are numbers, each with one of its own, one with a seed of its own."""
    chosen, paths = words(case)
    given = tiny(*RUN, *chosen, *CONTEXT.get(case, []), f"outputs={tmp_path}")
    base = compose(*given)
    shared = static(OmegaConf.to_container(base, resolve=True))
    seeded = copy.deepcopy(base)
    seeded.seed = 7
    configs = {None: base, "seed": seeded}
    for key, value in (pair for path in paths for pair in hyperparameters(base, path).items()):
        changed = other(base, key, value)
        structure = key.rpartition(".")[2] in STRUCTURE or (key.startswith("regularizer.") and key.endswith(".every"))
        assert changed is not None or structure, key
        if changed is not None:
            assert (static(OmegaConf.to_container(changed, resolve=True)) != shared) == structure, key
        if not structure:
            configs[key] = changed
    if len(configs) == 2:
        return  # an option without numbers: test_population.py has it
    jobs = {key: training.plan(config, [*given, f"own={key}"]) for key, config in configs.items()}
    (made,) = group(list(jobs.values()), workers=1, most=lambda job: 100)
    assert len(made.jobs) == len(jobs)
    members = together(made.jobs)
    base_alone = None
    for key, job in jobs.items():
        (own, shape), (expected, other_shape) = tree_flatten(members[job.signature]), tree_flatten(alone(job))
        assert shape == other_shape
        for a, b in zip(own, expected):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10, msg=lambda text, key=key: f"{key}: {text}")
        base_alone = base_alone or expected
        counts = any(not torch.equal(a, b) for a, b in zip(expected, base_alone))
        assert counts or key is None or IDLE.get(key) == case, f"{key} makes no difference"
