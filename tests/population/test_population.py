"""A population against single runs on the LightningModule: states, files and bits."""

import os
import signal
import uuid

import pytest
import torch
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_flatten

from steadygan import train as training
from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.node import PLAYERS
from steadygan.population import NotVmappable, Plan, train
from steadygan.population import population as population_module
from steadygan.population.compiling import PAYS, decide, has_compiler
from steadygan.population.population import Population
from steadygan.runs import checkpoint
from steadygan.runs.files import CHECKPOINT, METRICS, SAMPLES, SUMMARY, read_rows, read_summary
from steadygan.sweeps import executing
from steadygan.sweeps.grouping import Group
from steadygan.training.batches import BatchSampler
from steadygan.training.components import DTYPES
from steadygan.training.module import GANModule
from tiny import silent, tiny

RUN = [
    *["batch_size=5", "iterations=20", "log_every=1000", "evaluate_every=1000", "checkpoint_every=1000"],
    "trainer.precision=64",
]
IMAGES = ["dataset=digits", "network=dcgan", "network.width=4", "network.latent=3"]
SEEDS = ["seed=3", "seed=4", "seed=3"]


def population(jobs, compile=False, report=silent):
    """Statuses of jobs (None: an empty slot) trained together."""
    slots = [job and (build(job.config), job) for job in jobs]
    for job in jobs:
        if job:
            job.directory.mkdir(parents=True, exist_ok=True)
    return train(slots, report, Plan(compile))


def reached(job):
    """What a member's own checkpoint holds."""
    saved = checkpoint.load(job.directory / CHECKPOINT)
    return {key: saved[key] for key in ("iteration", "state_dict", "rules", "more", "window")}


def alone(job):
    """The same of the LightningModule, without its files."""
    gan = GANModule(
        build(job.config), job.seed, job.config["batch_size"], DTYPES[str(job.config["trainer"]["precision"])]
    )
    gan.to_device(torch.device("cpu"))
    for iteration in range(job.iterations):
        gan.advance(iteration)
        assert gan.diverged_at is None
    rules = {player: gan.state.of(player).rule for player in ("generator", "discriminator")}
    return {
        "iteration": gan.iteration,
        "state_dict": gan.state_dict(),
        "rules": rules,
        "more": checkpoint.more(gan.state),
        "window": gan.window.state(),
    }


def close(actual, expected, tolerance=1e-10):
    leaves, shape = tree_flatten(actual)
    others, other_shape = tree_flatten(expected)
    assert shape == other_shape
    for a, b in zip(leaves, others):
        if isinstance(a, torch.Tensor):
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
        else:
            assert a == b


def same(a, b):
    close(a, b, 0)


LSGAN = "loss=lsgan"
TOLD = ["labels=conditional", "metrics@labels.metrics=[]"]
DISCRIMINATOR, GENERATOR = ("optimizer@optimizer." + player for player in ("discriminator", "generator"))

RATES = ["optimizer.generator.lr.start=1e-2", "optimizer.generator.lr.end=1e-4"]

CASES = {
    "minimax": (["loss=minimax"], [["loss.real_label=0.9"], ["loss.fake_label=0.1"], []]),
    "nonsaturating": ([], [["loss.real_label=0.8"], ["loss.fake_label=0.1"], []]),
    "lsgan": ([LSGAN], [["loss.alpha=0.2"], ["loss.alpha=0.5"], ["loss.real_label=0.9"]]),
    "lsgan_normalised": ([LSGAN, "loss.normalised=true"], [["loss.alpha=0.2"], ["loss.alpha=0.5"], []]),
    "wasserstein": (
        ["loss=wasserstein", "regularizer=[weight_clip]"],
        [["loss.alpha=0.1"], ["regularizer.weight_clip.value=0.1"], ["regularizer.weight_clip.value=0.05"]],
    ),
    "hinge": (["loss=hinge"], [["optimizer.generator.lr=1e-4"], ["optimizer.discriminator.lr=1e-2"], []]),
    "relativistic": (
        ["loss=relativistic", "regularizer=[r1,r2]"],
        [["regularizer.r1.gamma=0"], ["regularizer.r2.gamma=5"], ["regularizer.r1.gamma=3"]],
    ),
    "gradient_penalty": (
        ["loss=wasserstein", "regularizer=[gradient_penalty]"],
        [["regularizer.gradient_penalty.weight=1"], ["regularizer.gradient_penalty.center=0"], []],
    ),
    "instance": (["noise=instance", "regularizer=[r1]"], [["noise.sigma=0.3"], ["noise.sigma=0"], ["noise.sigma=1"]]),
    "copies": (["noise=instance", "+noise.copies=2"], [["noise.sigma=0.3"], ["noise.sigma=0"], ["noise.sigma=1"]]),
    "blur": (["noise=blur"], [["noise.sigma=0.3"], ["noise.sigma=0"], ["noise.sigma=1"]]),
    "blur_instance": (
        [*IMAGES, "noise=blur_instance", "network.generator_norm=none"],
        [["noise.blur_sigma=0.5"], ["noise.blur_sigma=0"], ["noise.instance_sigma=1"]],
    ),
    "multi_blur": (["noise=multi_blur"], [["noise.sigma=0.3"], ["noise.ratio=0"], ["noise.sigma=0"]]),
    "ensemble": (
        ["discriminator.ensemble=3", "discriminator/vote=softmax", "regularizer=[r1]", "network.spectral_norm=true"],
        [["discriminator.vote.sharpness=0"], ["discriminator.vote.sharpness=-3"], ["regularizer.r1.gamma=3"]],
    ),
    "lecam": (
        ["discriminator.ensemble=2", "regularizer=[lecam,r1]", "regularizer.r1.every=3"],
        [["regularizer.lecam.weight=0"], ["regularizer.lecam.decay=0.5"], ["regularizer.r1.gamma=3"]],
    ),
    "smoothed": ([], [["loss.real_spread=0.25"], ["loss.fake_spread=0.3"], ["loss.real_label=0.9"]]),
    "snapshots": (
        ["discriminator.snapshots=2", "discriminator.every=4", f"{DISCRIMINATOR}=sgld"],
        [["optimizer.discriminator.step_size=1e-5"], ["optimizer.discriminator.temperature=0"], []],
    ),
    "drawn": (["discriminator.ensemble=3", "discriminator/vote=random"], [["optimizer.generator.lr=1e-2"], [], []]),
    "simultaneous": (["game=simultaneous"], [["optimizer.generator.lr=1e-4"], [], ["optimizer.generator.lr=1e-2"]]),
    "n_critic": (["game.n_critic=3", "regularizer=[r1]"], [["regularizer.r1.gamma=0.1"], [], []]),
    "adam": (
        [],
        [["optimizer.generator.beta1=0"], ["optimizer.discriminator.beta2=0.9"], ["optimizer.generator.eps=1e-3"]],
    ),
    "rmsprop": (
        [f"{GENERATOR}=rmsprop", f"{DISCRIMINATOR}=rmsprop"],
        [["optimizer.generator.alpha=0.9"], ["optimizer.discriminator.lr=1e-2"], ["optimizer.generator.eps=1e-2"]],
    ),
    "sgd": (
        [f"{GENERATOR}=sgd", f"{DISCRIMINATOR}=sgd"],
        [["optimizer.generator.momentum=0.9"], ["optimizer.discriminator.weight_decay=0.1"], []],
    ),
    "sgld": (
        [f"{GENERATOR}=sgld", f"{DISCRIMINATOR}=sgld"],
        [
            ["optimizer.discriminator.temperature=0.1"],
            ["optimizer.discriminator.step_size=1e-2", "optimizer.generator.num_data=2"],
            ["optimizer.generator.prior_precision=0.5"],
        ],
    ),
    "sgld_cc": (
        [f"{GENERATOR}=sgld_cc", f"{DISCRIMINATOR}=sgld_cc"],
        [["optimizer.discriminator.num_data=2"], ["optimizer.generator.temperature=0.5"], []],
    ),
    "ccadl": (
        [f"{GENERATOR}=ccadl", f"{DISCRIMINATOR}=ccadl"],
        [["optimizer.discriminator.diffusion=0.5"], ["optimizer.generator.temperature=0.5"], []],
    ),
    "full_covariance": (
        [f"{GENERATOR}=sgld_cc", f"{DISCRIMINATOR}=ccadl", *(f"optimizer.{p}.covariance=full" for p in PLAYERS)],
        [["optimizer.discriminator.diffusion=0.5"], ["optimizer.generator.temperature=0.5"], []],
    ),
    "per_sample": (
        [f"{GENERATOR}=ccadl", f"{DISCRIMINATOR}=sgld_cc", *(f"optimizer.{p}.estimator=per_sample" for p in PLAYERS)],
        [["optimizer.discriminator.num_data=2"], ["optimizer.generator.temperature=0.5"], []],
    ),
    "full_covariance_per_sample": (
        [
            *[f"{DISCRIMINATOR}=sgld_cc", "optimizer.discriminator.covariance=full", "regularizer=[r1]"],
            *["optimizer.discriminator.estimator=per_sample", "noise=instance", "+noise.copies=2"],
        ],
        [["optimizer.discriminator.temperature=0.5"], ["regularizer.r1.gamma=0.1"], []],
    ),
    "ema": ([], [["ema.decay=0.5"], ["ema.rampup=0"], ["ema.rampup=3"]]),
    "schedule": (
        [LSGAN, "+schedule@loss.alpha=linear", "+schedule@optimizer.generator.lr=exponential"],
        [
            ["loss.alpha.end=0.5", "optimizer.generator.lr.start=1e-2", "optimizer.generator.lr.end=1e-4"],
            [
                "loss.alpha.end=0.3",
                "loss.alpha.begin=5",
                "optimizer.generator.lr.start=1e-3",
                "optimizer.generator.lr.end=1e-4",
            ],
            [
                "loss.alpha.end=0.1",
                "loss.alpha.finish=7",
                "optimizer.generator.lr.start=1e-3",
                "optimizer.generator.lr.end=1e-2",
            ],
        ],
    ),
    "annealed_noise": (
        ["noise=instance", "+schedule@noise.sigma=linear", "noise.sigma.start=1", "noise.sigma.end=0"],
        [["noise.sigma.start=0.3"], ["noise.sigma.finish=9"], ["noise.sigma.begin=5"]],
    ),
    "annealed_steps": (
        [f"{DISCRIMINATOR}=sgld", "+schedule@optimizer.discriminator.step_size=polynomial"],
        [
            ["optimizer.discriminator.step_size.a=1e-4"],
            ["optimizer.discriminator.step_size.b=10"],
            ["optimizer.discriminator.step_size.c=1"],
        ],
    ),
    "spectral": (["network.spectral_norm=true"], [["optimizer.generator.lr=1e-4"], [], []]),
    "image_mlp": (["dataset=digits", "regularizer=[r1]"], [["regularizer.r1.gamma=0.1"], [], []]),
    **{
        f"conv_{norm}": (
            [*IMAGES, f"network.generator_norm={norm}", "regularizer=[r1]"],
            [["regularizer.r1.gamma=0.1"], [], ["optimizer.generator.lr=1e-4"]],
        )
        for norm in ("batch", "instance", "group", "layer")
    },
    "conv_spectral": (
        [*IMAGES, "network.spectral_norm=true", "network.generator_norm=none"],
        [["optimizer.generator.lr=1e-4"], [], ["optimizer.discriminator.lr=1e-4"]],
    ),
    "class_norm": (
        [*IMAGES, *TOLD, "labels.how=projection", "labels.generator=batch_norm", "regularizer=[r1]"],
        [["regularizer.r1.gamma=0.1"], [], ["optimizer.generator.lr=1e-4"]],
    ),
    "grows": (
        [
            *["dataset=digits", "network=progressive", "network.width=2", "scheme=progressive", "regularizer=[r1]"],
            *["scheme.images=40", "scheme.fading=25", "labels=conditional", "labels.metrics={}", "noise=instance"],
        ],
        [["regularizer.r1.gamma=0.1"], ["noise.sigma=0.1"], ["optimizer.generator.lr=1e-4"]],
    ),
    "conv_batch_discriminator": ([*IMAGES, "network.discriminator_norm=batch"], [[], ["ema.decay=0.5"], []]),
}


@pytest.mark.parametrize(("algorithm", "own"), CASES.values(), ids=CASES.keys())
def test_members_take_the_steps_of_their_single_runs(plan, algorithm, own):
    jobs = [plan(*algorithm, seed, *hyperparameters) for seed, hyperparameters in zip(SEEDS, own)]
    if len({job.signature for job in jobs}) < 3:
        jobs = [plan(*algorithm, f"seed={index}", *hyperparameters) for index, hyperparameters in enumerate(own)]
    assert set(population(jobs).values()) == {"completed"}
    for job in jobs:
        close(reached(job), alone(job))
    first, second = (reached(job)["state_dict"] for job in jobs[:2])
    assert any(not torch.equal(first[name], second[name]) for name in first)


def listed(group, algorithm):
    """The options that an algorithm chooses of a group that takes several: r1 and r2 of ``regularizer=[r1,r2]``."""
    chosen = (text.removeprefix(f"{group}=[").removesuffix("]") for text in algorithm if text.startswith(f"{group}=["))
    return {option for text in chosen for option in text.split(",")}


def plainly(group):
    """Algorithms of the cases above that take a group's options as they are: ``ccadl`` with its own keys is another."""
    for algorithm, _ in CASES.values():
        if group != "optimizer" or not any(text.startswith("optimizer.") for text in algorithm):
            yield set(algorithm)


def options():
    """Options of the groups that make an algorithm which no case above names, each as overrides."""
    named = {text for algorithm, _ in CASES.values() for text in algorithm}
    penalties = listed("regularizer", named)
    for group in ("loss", "regularizer", "noise", "game", "network", "optimizer"):
        for option in sorted(path.stem for path in (conf_dir() / group).glob("*.yaml")):
            chosen = {
                "optimizer": [f"{GENERATOR}={option}", f"{DISCRIMINATOR}={option}"],
                "regularizer": [f"regularizer=[{option}]"],
            }.get(group, [f"{group}={option}"])
            seen = option in penalties if group == "regularizer" else any(map(set(chosen).issubset, plainly(group)))
            if not seen and option not in ("none", "adam", "alternating", "nonsaturating", "mlp"):
                yield pytest.param([*CONTEXT.get((group, option), []), *chosen], id=f"{group}-{option}")


def test_the_options_of_a_list_are_whole_words():
    assert listed("regularizer", ["regularizer=[r1,r2]", "noise=[blur]", "regularizer=[r1_r2]"]) == {
        "r1",
        "r2",
        "r1_r2",
    }


SMALL = ["dataset=digits", "network.width=3", "batch_size=3"]
UNMOVED = [f"optimizer.{player}.eps=1e-6" for player in PLAYERS]
"""For networks with biases before batch norm: their gradients are zero but for rounding, which Adam divides by eps."""

CONTEXT = {
    ("network", "progressive"): [*SMALL, "network.width=2"],
    **{("network", f"dcgan_{name}"): SMALL for name in ("baseline", "constant", "unnormalised", "gated", "tanh")},
    ("network", "dcgan_mlp"): [*SMALL, "network.generator_width=32"],
    ("network", "resnet101"): [*SMALL, "network.width=4", "network.layers=8"],
    ("network", "resnet"): [*SMALL, "network.width=4", "network.max_width=8"],
    ("network", "wgan_gp_resnet"): [*SMALL, "network.discriminator_width=3", *UNMOVED],
    ("network", "sngan"): [*SMALL, "network.discriminator_width=3", *UNMOVED, *TOLD, "labels.generator=batch_norm"],
    ("network", "r3gan"): [*SMALL, "network.width=8", "network.group=4"],
    **dict.fromkeys((("noise", "diffaugment"), ("noise", "augment"), ("noise", "ada"), ("regularizer", "bcr")), IMAGES),
}
"""What an option needs around it, where that is not the ring."""


@pytest.mark.parametrize("algorithm", list(options()))
def test_every_other_option_takes_the_steps_of_single_runs(plan, algorithm):
    """Whatever is added to the config groups is tested here, if nowhere else."""
    jobs = [plan(*algorithm, f"seed={seed}", f"ema.decay=0.{seed}") for seed in (5, 6, 7)]
    population(jobs)
    for job in jobs:
        close(reached(job), alone(job))


@pytest.mark.parametrize("algorithm", [["regularizer=[r1]"], [*IMAGES, "noise=blur"]], ids=["mlp", "conv"])
def test_the_company_does_not_matter(plan, algorithm):
    """Alone, in a group of 2, in one of 64 and another order: the same in float64."""
    job = plan(*algorithm, "seed=5", "optimizer.generator.lr=2e-3")
    count = 63 if "dataset=digits" not in algorithm else 6
    others = [plan(*algorithm, f"seed={seed}", f"optimizer.generator.lr={1e-4 * (1 + seed)}") for seed in range(count)]
    population([job])
    expected = reached(job)
    close(expected, alone(job))
    for company in ([others[0], job], [*others[3:], job, *others[:3]]):
        for member in company:
            (member.directory / CHECKPOINT).unlink(missing_ok=True)
        population(company)
        close(reached(job), expected)


ONE_STEP = ["trainer.precision=32", "iterations=1", "regularizer=[r1]", "noise=instance"]


def one_step(plan, *algorithm):
    """What each of three members has reached after one step in single precision, and what its single run has."""
    jobs = [
        plan(*ONE_STEP, *algorithm, f"seed={n}", f"regularizer.r1.gamma={10.0**n}", f"noise.sigma={0.3 * n}")
        for n in range(3)
    ]
    population(jobs)
    return [(reached(job), alone(job)) for job in jobs]


def close_in_scale(actual, expected, tolerance):
    """Tensors within ``tolerance`` times the largest of their numbers, however small all of them are."""
    leaves, twins = (tree_flatten(tree)[0] for tree in (actual, expected))
    assert len(leaves) == len(twins)
    for leaf, twin in zip(leaves, twins):
        torch.testing.assert_close(leaf, twin, rtol=0, atol=tolerance * float(twin.abs().max()))


def test_in_single_precision_one_step_agrees_to_rounding(plan):
    """By gradient descent at a rate of 1, whose step is the gradient: up to 0.01 for G, 0.6 for D."""
    rates = [f"optimizer.{player}.lr=1" for player in PLAYERS]
    for saved, expected in one_step(plan, f"{GENERATOR}=sgd", f"{DISCRIMINATOR}=sgd", *rates):
        assert {value.dtype for value in saved["state_dict"].values()} == {torch.float32}
        torch.testing.assert_close(saved["state_dict"], expected["state_dict"], rtol=1e-6, atol=1e-7)
        close(saved["window"], expected["window"], 1e-5)


def test_in_single_precision_moments_agree_to_rounding(plan):
    """Adam's first step has the length lr whatever the gradient is; its moments have not."""
    for saved, expected in one_step(plan):
        for player in PLAYERS:
            for moment in ("mean", "square"):
                close_in_scale(saved["rules"][player][moment], expected["rules"][player][moment], 1e-5)
        close(saved["window"], expected["window"], 1e-5)


BAD = ["optimizer@optimizer.discriminator=sgd", "loss=lsgan"]


def company(plan, lr, outputs, *algorithm):
    rates = (1e-3, lr, 1e-2)
    return [
        plan(
            *BAD, *algorithm, "trainer.precision=32", f"optimizer.discriminator.lr={rate}", f"seed={n}", outputs=outputs
        )
        for n, rate in enumerate(rates)
    ]


@pytest.fixture(params=[False, True], ids=["frozen_by_us", "frozen_by_the_program"])
def freezing(request, monkeypatch):
    """On a CPU and, as far as a CPU can tell, on a GPU."""
    monkeypatch.setattr(population_module, "asynchronous", lambda device: request.param)


@pytest.mark.usefixtures("freezing")
@pytest.mark.parametrize("algorithm", [[], [*IMAGES, "network.generator_norm=batch"]], ids=["mlp", "conv_batch"])
def test_a_member_that_diverges_changes_no_bit_of_the_others(plan, tmp_path, algorithm):
    sane, wild = (company(plan, lr, tmp_path / name, *algorithm) for lr, name in ((1e-2, "a"), (1e12, "b")))
    reported = []
    assert set(population(sane).values()) == {"completed"}
    statuses = population(wild, report=reported.append)
    assert [statuses[job.signature] for job in wild] == ["completed", "diverged", "completed"]
    for place in (0, 2):
        same(reached(sane[place]), reached(wild[place]))
    ended = [event for event in reported if event["kind"] == "ended"]
    assert ended == [{"kind": "ended", "member": wild[1].signature, "status": "diverged"}]


@pytest.mark.usefixtures("freezing")
def test_divergence_is_dated_and_leaves_the_last_good_state(plan, tmp_path):
    """As the single run: the same iteration, the state before it, the same rows."""
    job, twin = (plan(*BAD, "optimizer.discriminator.lr=1e4", "log_every=1", outputs=tmp_path / n) for n in "ab")
    population([None, job])
    assert training.execute(twin, silent) == "diverged"
    own, expected = read_summary(job.directory), read_summary(twin.directory)
    assert (own["status"], own["diverged_at"], own["iteration"]) == (
        "diverged",
        expected["diverged_at"],
        expected["iteration"],
    )
    assert 1 < own["diverged_at"] < 20
    assert all(bool(torch.isfinite(value).all()) for value in reached(job)["state_dict"].values())
    assert len(read_rows(job.directory / METRICS)) == len(read_rows(twin.directory / METRICS)) == own["iteration"]


class Stop:
    """Sends this process a signal before one iteration."""

    def __init__(self, monkeypatch, iteration):
        self.step = Population.step
        self.iteration = iteration
        monkeypatch.setattr(Population, "step", lambda own: self(own))

    def __call__(self, own):
        if own.iteration == self.iteration:
            os.kill(os.getpid(), signal.SIGINT)
        self.step(own)


LIVELY = ["log_every=3", "evaluate_every=8", "checkpoint_every=5", "trainer.precision=32"]


def content(job):
    """All files that a run's folder holds, without what is a time."""
    saved = checkpoint.load(job.directory / CHECKPOINT)
    saved.pop("seconds")
    rows = [
        {key: value for key, value in row.items() if key != "seconds"} for row in read_rows(job.directory / METRICS)
    ]
    pictures = {path.name: path.read_bytes() for path in (job.directory / SAMPLES).iterdir()}
    return saved, rows, pictures


@pytest.mark.parametrize("iteration", [0, 7, 14])
def test_a_population_stopped_anywhere_ends_with_the_same_bits(plan, tmp_path, monkeypatch, iteration):
    algorithm = ["noise=instance", "regularizer=[gradient_penalty]", "optimizer@optimizer.discriminator=sgld", *LIVELY]
    whole, resumed = (
        [plan(*algorithm, f"noise.sigma={n}", f"seed={n % 2}", outputs=tmp_path / name) for n in range(3)]
        for name in ("a", "b")
    )
    population(whole)
    with monkeypatch.context() as patch:
        Stop(patch, iteration)
        assert set(population(resumed).values()) == {"preempted"}
    assert {read_summary(job.directory)["iteration"] for job in resumed} == {iteration + 1}
    assert set(population(resumed).values()) == {"completed"}
    for one, other in zip(whole, resumed):
        (saved, rows, pictures), (other_saved, other_rows, other_pictures) = content(one), content(other)
        same(saved, other_saved)
        assert rows == other_rows
        assert pictures == other_pictures


def test_an_empty_slot_changes_no_bit(plan, tmp_path):
    """Who has ended is not computed on, and the others do not notice: neither its numbers nor its state matter."""
    short, whole = (
        [plan(*LIVELY, f"seed={n}", f"iterations={end}", outputs=tmp_path / str(end)) for n in range(3)]
        for end in (10, 20)
    )
    population(whole)
    population(short)
    longer = [plan(*LIVELY, f"seed={n}", "iterations=20", outputs=tmp_path / "10") for n in range(3)]
    population([longer[0], None, longer[2]])
    for place in (0, 2):
        same(content(longer[place])[0], content(whole[place])[0])
    assert read_summary(longer[1].directory)["iteration"] == 10


def test_what_cannot_be_vmapped_says_so_and_trains_singly(plan, monkeypatch):
    algorithm = ["noise._target_=population_methods.stubborn", "iterations=3"]
    jobs = [plan(*algorithm, f"seed={n}") for n in range(2)]
    with pytest.raises(NotVmappable, match="vmap"):
        population(jobs)
    assert not any((job.directory / SUMMARY).exists() for job in jobs)
    reported = []
    group = Group(tuple(jobs), jobs[0].directory.parent / ".populations" / "x.json")
    assert set(executing.execute_group(group, reported.append).values()) == {"completed"}
    assert any("2 runs train one after the other" in event.get("text", "") for event in reported)
    close(reached(jobs[0]), alone(jobs[0]), 0)


def test_a_compiler_that_fails_is_told_once_and_done_without(plan, monkeypatch, tmp_path):
    def broken(program, **_):
        def call(*_):
            raise RuntimeError("no compiler\nof ours")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    eager, job = plan(outputs=tmp_path / "a"), plan(outputs=tmp_path / "b")
    population([eager])
    reported, decided = [], []
    train([(build(job.config), job)], reported.append, Plan(True, lambda *what: decided.append(what)))
    assert decided == [(False, 1)]
    texts = [event["text"] for event in reported if event["kind"] == "message"]
    assert texts[1:] == ["cannot be compiled, goes on without (RuntimeError: no compiler)"]
    same(reached(job), reached(eager))


def test_a_summary_may_be_all_there_is(plan, tmp_path):
    whole, spare = (
        plan(*LIVELY, "engine=population", f"engine.files={kept}", outputs=tmp_path / kept)
        for kept in ("all", "summary")
    )
    assert (training.execute(whole, silent), training.execute(spare, silent)) == ("completed", "completed")
    own, expected = (read_rows(job.directory / METRICS) for job in (spare, whole))
    assert [{**row, "seconds": None} for row in own] == [{**row, "seconds": None} for row in expected]
    assert {path.name for path in spare.directory.iterdir()} == {
        *("config.yaml", "overrides.yaml", "metrics.csv", "summary.json"),
    }
    assert training.action(plan(*LIVELY, "iterations=30", outputs=tmp_path / "summary")) == "extend"
    with pytest.raises(UserError, match=r"engine\.files=none"):
        plan("engine=population", "engine.files=none")


def test_when_compiling_pays(plain):
    networks, images = (build(plain(*tiny(*RUN, *more))).networks for more in ([], IMAGES))
    size = sum(param.numel() for network in networks.values() for param in network.parameters())
    assert decide("auto", networks, PAYS / size + 1)[0] == has_compiler()
    assert not decide("auto", networks, PAYS / size - 1)[0]
    assert not decide("auto", images, 1e15)[0]
    assert (decide(True, images, 1)[0], decide("false", networks, 1e15)[0]) == (True, False)
    with pytest.raises(UserError, match=r"engine\.compile=maybe"):
        decide("maybe", networks, 1)


def test_members_that_share_a_seed_share_its_draws(plan, monkeypatch):
    drawn = []
    sample = BatchSampler.sample
    monkeypatch.setattr(
        BatchSampler, "sample", lambda own, t, params: drawn.append((own.seed, t)) or sample(own, t, params)
    )
    jobs = [plan(f"seed={seed}", f"ema.decay=0.{n}", "iterations=3") for n, seed in enumerate((3, 4, 3), start=1)]
    population(jobs)
    assert [t for seed, t in drawn if seed == 3].count(2) == 1
    assert [t for seed, t in drawn if seed == 4].count(2) == 1


PENALTIES = [path.stem for path in sorted((conf_dir() / "regularizer").glob("*.yaml")) if path.stem != "bcr"]
"""All but the one that augments, which wants images."""

GAMES = ("alternating", "simultaneous", "consensus", "extragradient", "lookahead", "optimistic", "ratio")
"""All but those that take a second or more to trace."""


def steps_of_any_algorithm(plan, folder, data):
    pick = lambda *choices: data.draw(st.sampled_from(choices))  # noqa: E731
    number = lambda low, high: data.draw(st.floats(low, high))  # noqa: E731
    rules = {player: pick("adam", "rmsprop", "sgd") for player in PLAYERS}
    penalties = data.draw(st.lists(st.sampled_from(PENALTIES), unique=True, max_size=2))
    networks = [f"network.activation={pick('relu', 'tanh', 'silu')}"]
    if pick(*[False] * 3, True):
        networks = [*IMAGES, f"network.generator_norm={pick('none', 'batch', 'group')}"]
    algorithm = [
        f"loss={pick(*sorted(path.stem for path in (conf_dir() / 'loss').glob('*.yaml')))}",
        f"regularizer=[{','.join(penalties)}]",
        f"noise={pick('none', 'instance', 'blur', 'blur_instance')}",
        f"game={pick(*GAMES)}",
        *(f"optimizer@optimizer.{player}={rule}" for player, rule in rules.items()),
        *(f"optimizer.{player}.eps=1e-6" for player, rule in rules.items() if rule != "sgd"),  # see UNMOVED
        *networks,
        f"network.spectral_norm={pick('true', 'false')}",
        "iterations=8",
    ]
    jobs = [
        plan(
            *algorithm,
            f"seed={seed}",
            f"optimizer.generator.lr={number(1e-4, 1e-2)}",
            f"optimizer.discriminator.lr={number(1e-4, 1e-2)}",
            f"ema.decay={number(0, 0.99)}",
            outputs=folder,
        )
        for seed in (data.draw(st.integers(0, 2**31)), -1)
    ]
    note(" ".join(algorithm))
    try:
        build(jobs[0].config)
    except UserError:
        reject()  # it is no algorithm for a single run either
    population(jobs)
    for job in jobs:
        close(reached(job), alone(job))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_algorithm(plan, tmp_path, data):
    """Combinations of words and numbers nobody thought of."""
    steps_of_any_algorithm(plan, tmp_path / uuid.uuid4().hex, data)


@pytest.mark.soak
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_many_algorithms(plan, tmp_path, data):
    """More of them than the suite has time for."""
    steps_of_any_algorithm(plan, tmp_path / uuid.uuid4().hex, data)
