"""Runs that use labels: what is drawn, what is minimised, and what comes of it."""

import csv
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.func import functional_call
from torch.utils._pytree import tree_leaves

import steadygan
from steadygan import train
from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.core.labels import given_rows
from steadygan.data.memory import InMemory
from steadygan.pictures import grid
from steadygan.population import Plan
from steadygan.population import train as train_population
from steadygan.runs import checkpoint, files
from steadygan.sweeps import planning
from steadygan.training.algorithm import initial_state
from steadygan.training.batches import BatchSampler
from steadygan.training.components import DTYPES
from steadygan.training.functional import tensors
from steadygan.training.module import GANModule
from steadygan.training.step import step
from tiny import silent

RUN = ["batch_size=12", "iterations=6", "log_every=2", "evaluate_every=3", "checkpoint_every=2", "trainer.precision=64"]
MIXTURE = ["dataset.modes=5"]
DIGITS = ["dataset=digits"]
CONDITIONAL = ["labels=conditional", "labels.metrics.class_match.samples=50"]
SEMI = ["labels=semi_supervised", "labels.metrics.accuracy.examples=50"]


def rows(job):
    with (job.directory / files.METRICS).open() as file:
        return list(csv.DictReader(file))


def sampler_of(job, shard=slice(None), batch_size=None):
    components = build(job.config)
    latent = components.networks["generator"].latent
    size = batch_size or job.config["batch_size"]
    sampler = BatchSampler(
        components.dataset, components.sampling, latent, job.seed, size, torch.device("cpu"), torch.float64, shard
    )
    return components, sampler


def sample(components, sampler, iteration):
    return sampler.sample(iteration, {player: tensors(network)[0] for player, network in components.networks.items()})


def examples(components, job, player, index):
    return components.dataset.batch(job.seed, f"real/{player}", index, job.config["batch_size"], "cpu", torch.float64)


# --- what is drawn ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [MIXTURE, DIGITS], ids=["mixture", "digits"])
def test_both_players_are_told_the_classes_of_their_own_real_batch(plan, given):
    job = plan(*given, "labels=conditional", "metrics@labels.metrics=[]", "game.n_critic=2")
    components, sampler = sampler_of(job)
    batches = sample(components, sampler, 4)
    for place, batch in enumerate(batches["discriminator"]):
        drawn = examples(components, job, "discriminator", 8 + place)
        assert torch.equal(batch.real, drawn["x"])
        assert torch.equal(batch.label, drawn["y"])
    (batch,) = batches["generator"]
    assert batch.real is None
    assert torch.equal(batch.label, examples(components, job, "generator", 4)["y"])


def test_a_share_of_the_rows_has_its_label_every_time(plan):
    job = plan(*DIGITS, "labels=conditional", "metrics@labels.metrics=[]", "labels.share=0.3", "seed=5")
    components, sampler = sampler_of(job, batch_size=1437)
    chosen = given_rows(1437, 0.3, 5)
    for epoch in range(2):
        (batch,) = sample(components, sampler, epoch)["discriminator"]
        drawn = components.dataset.batch(5, "real/discriminator", epoch, 1437, "cpu", torch.float64)
        known = batch.label != 10
        assert int(known.sum()) == round(0.3 * 1437)
        assert torch.equal(known, chosen[drawn["index"].long()])
        assert torch.equal(batch.label[known], drawn["y"][known])


def test_targets_are_the_discriminators_alone(plan):
    job = plan(*DIGITS, *SEMI, "labels.share=0.5")
    components, sampler = sampler_of(job)
    batches = sample(components, sampler, 3)
    (critic,), (generator,) = batches["discriminator"], batches["generator"]
    drawn = examples(components, job, "discriminator", 3)
    known = given_rows(1437, 0.5, 0)[drawn["index"].long()]
    assert critic.label is generator.label is generator.target is None
    assert torch.equal(critic.target, drawn["y"])
    torch.testing.assert_close(critic.target_weight, torch.where(known, 12 / known.sum(), 0.0).double())


def test_endless_data_have_the_share_on_average(plan):
    job = plan(*MIXTURE, *CONDITIONAL, "labels.share=0.25")
    components, sampler = sampler_of(job, batch_size=20_000)
    (batch,) = sample(components, sampler, 0)["discriminator"]
    assert abs(float((batch.label < 5).double().mean()) - 0.25) < 0.02


def test_whose_labels_are_given_of_endless_data_is_a_matter_of_seed_and_iteration(plan):
    given = {}
    for seed in (3, 4):
        job = plan(*MIXTURE, "labels=conditional", "metrics@labels.metrics=[]", "labels.share=0.5", f"seed={seed}")
        components, sampler = sampler_of(job, batch_size=600)
        for iteration in range(2):
            (batch,) = sample(components, sampler, iteration)["discriminator"]
            given[seed, iteration] = batch.label < 5
    for one, other in (((3, 0), (4, 0)), ((3, 0), (3, 1))):
        agree = float((given[one] == given[other]).double().mean())
        assert abs(agree - 0.5) < 5 * 0.5 / 600**0.5, "no more alike than tosses of two coins"


@pytest.mark.parametrize("labels", [CONDITIONAL, SEMI], ids=["conditional", "semi_supervised"])
def test_processes_have_their_slices_of_the_same_labels(plan, labels):
    job = plan(*MIXTURE, *labels, "labels.share=0.5")
    whole = tree_leaves(sample(*sampler_of(job), 2)["discriminator"])
    halves = [tree_leaves(sample(*sampler_of(job, shard), 2)["discriminator"]) for shard in (slice(0, 6), slice(6, 12))]
    for value, *components in zip(whole, *halves):
        assert value is components[0] is None or torch.equal(value, torch.cat(components))


# --- what is minimised ------------------------------------------------------------------------------------------


def one_step(job, backend, wanted=()):
    components, sampler = sampler_of(job)
    state = initial_state(components.algorithm, {name: tensors(net) for name, net in components.networks.items()})
    batches = sample(components, sampler, 0)
    return components, state, batches, *step(components.algorithm, backend, state, batches, 0)


@pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()], ids=["tape", "transform"])
def test_the_first_update_of_a_discriminator_that_tells_classes(plan, backend):
    """By torch.optim on a loss that is written down, with a penalty, input noise and half of the labels."""
    job = plan(
        *MIXTURE, *SEMI, "labels.share=0.5", "labels.weight=0.7", "regularizer=[r1]", "regularizer.r1.gamma=3",
        "noise=instance", "noise.sigma=0.3",
        *(f"optimizer@optimizer.{player}=sgd" for player in ("generator", "discriminator")),
        *(f"optimizer.{player}.lr=0.1" for player in ("generator", "discriminator")),
    )  # fmt: skip
    components, _, batches, state, logs = one_step(job, backend)
    (batch,) = batches["discriminator"]
    network, generator = components.networks["discriminator"], components.networks["generator"]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    real = batch.real.requires_grad_()
    classes = network(real + 0.3 * batch.noise_real[0])
    fake = network(generator(batch.latent).detach() + 0.3 * batch.noise_fake[0])
    (slope,) = torch.autograd.grad(classes.logsumexp(1).sum(), real, create_graph=True)
    known = batch.target_weight > 0
    assert 0 < int(known.sum()) < 12
    adversarial = (F.softplus(-classes.logsumexp(1)) + F.softplus(fake.logsumexp(1))).mean()
    classification = F.cross_entropy(classes[known], batch.target[known])
    (adversarial + 0.7 * classification + 1.5 * slope.square().sum(1).mean()).backward()
    optimizer.step()
    torch.testing.assert_close(logs["loss/classification"], classification.detach())
    torch.testing.assert_close(logs["loss/discriminator"], adversarial.detach())
    for name, value in network.named_parameters():
        torch.testing.assert_close(state.discriminator.params[name], value.detach())


@pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()], ids=["tape", "transform"])
@pytest.mark.parametrize("how", ["concatenate", "projection"])
def test_the_first_update_of_a_conditional_gan(plan, how, backend):
    job = plan(
        *MIXTURE, *CONDITIONAL, f"labels.how={how}", "loss=relativistic", "regularizer=[gradient_penalty]",
        *(f"optimizer@optimizer.{player}=sgd" for player in ("generator", "discriminator")),
        *(f"optimizer.{player}.lr=0.1" for player in ("generator", "discriminator")),
    )  # fmt: skip
    components, _, batches, state, _ = one_step(job, backend)
    network, generator = components.networks["discriminator"], components.networks["generator"]
    (batch,) = batches["discriminator"]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    fake = generator(batch.latent, batch.label).detach()
    u = batch.penalty["gradient_penalty"][:, None]
    between = (u * batch.real + (1 - u) * fake, (1 - u) * batch.real + u * fake)
    loss = F.softplus(network(fake, batch.label) - network(batch.real, batch.label)).mean()
    found = []
    for points in between:  # whichever end eps = 1 stands for
        (slope,) = torch.autograd.grad(network(points.requires_grad_(), batch.label).sum(), points, create_graph=True)
        penalty = 10 * (slope.norm(dim=1) - 1).square().mean()
        grads = torch.autograd.grad(loss + penalty, list(network.parameters()), retain_graph=True, allow_unused=True)
        found.append([p.detach() - 0.1 * (0 if g is None else g) for p, g in zip(network.parameters(), grads)])
    made = [state.discriminator.params[name] for name, _ in network.named_parameters()]
    assert any(all(torch.allclose(a, b, atol=1e-12) for a, b in zip(made, each)) for each in found)
    for parameter, value in zip(network.parameters(), made):
        parameter.data = value
    (batch,) = batches["generator"]
    real = network(batch.real, batch.label)
    loss = F.softplus(real - network(generator(batch.latent, batch.label), batch.label)).mean()
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.1)
    loss.backward()
    optimizer.step()
    for name, value in generator.named_parameters():
        torch.testing.assert_close(state.generator.params[name], value.detach())


ROUNDS = {
    "conditional": (MIXTURE, [*CONDITIONAL, "labels.share=0.5"], [["seed=3"], ["seed=4"]]),
    "projection": (MIXTURE, [*CONDITIONAL, "labels.how=projection", "regularizer=[r1]"], [["seed=3"], ["seed=4"]]),
    "semi_supervised": (
        MIXTURE,
        [*SEMI, "labels.share=0.5", "regularizer=[r1]"],
        [["labels.weight=0.3", "seed=3"], ["labels.weight=2", "seed=4"], ["labels.weight=0", "seed=3"]],
    ),
    "ensemble_per_sample": (
        MIXTURE,
        [
            *[
                *SEMI,
                "labels.share=0.5",
                "discriminator.ensemble=2",
                "discriminator.snapshots=1",
                "discriminator.every=2",
            ],
            *["optimizer@optimizer.discriminator=ccadl", "optimizer.discriminator.estimator=per_sample"],
            *["noise=multi_blur", "regularizer=[r1]", "discriminator/vote=softmax"],
        ],
        [["labels.weight=0.3", "seed=3"], ["optimizer.discriminator.num_data=2", "seed=4"]],
    ),
    "images": (
        DIGITS,
        ["labels=conditional", "labels.how=embedding", "network=dcgan", "network.width=2", "metrics@labels.metrics=[]"],
        [["seed=3"], ["optimizer.generator.lr=1e-4", "seed=3"]],
    ),
}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_member_of_a_population_is_the_single_run(plan, name):
    given, shared, each = ROUNDS[name]
    jobs = [plan(*given, *shared, *own) for own in each]
    for job in jobs:
        job.directory.mkdir(parents=True, exist_ok=True)
    statuses = train_population([(build(job.config), job) for job in jobs], silent, Plan(False))
    assert set(statuses.values()) == {"completed"}
    for job in jobs:
        gan = GANModule(build(job.config), job.seed, 12, DTYPES["64"])
        gan.to_device(torch.device("cpu"))
        for iteration in range(job.iterations):
            gan.advance(iteration)
        saved = checkpoint.load(job.directory / files.CHECKPOINT)
        for key, value in gan.state_dict().items():
            torch.testing.assert_close(saved["state_dict"][key], value, rtol=1e-10, atol=1e-10)
        assert rows(job)[-1]["iteration"] == "6"
    if name == "semi_supervised":
        assert all(row["metric/accuracy"] for row in rows(jobs[0]) if int(row["iteration"]) % 3 == 0)
        assert rows(jobs[0])[0]["loss/classification"] != rows(jobs[2])[0]["loss/classification"]
    elif name in ("conditional", "projection"):
        assert all(row["metric/class_match"] for row in rows(jobs[0]) if int(row["iteration"]) % 3 == 0)


@pytest.mark.parametrize("labels", [CONDITIONAL, SEMI], ids=["conditional", "semi_supervised"])
def test_resumed_runs_have_the_same_bits(plan, tmp_path, labels):
    given = [*MIXTURE, *labels, "labels.share=0.5", "discriminator.ensemble=2"]
    whole = plan(*given, outputs=tmp_path / "whole")
    assert train.execute(whole, silent) == "completed"
    part = plan(*given, "iterations=3", outputs=tmp_path / "part")
    assert train.execute(part, silent) == "completed"
    again = plan(*given, outputs=tmp_path / "part")
    assert again.directory == part.directory
    assert train.execute(again, silent) == "completed"
    states = [checkpoint.load(job.directory / files.CHECKPOINT) for job in (whole, again)]
    for a, b in zip(*(tree_leaves({key: state[key] for key in ("state_dict", "rules", "window")}) for state in states)):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    for a, b in zip(rows(whole), rows(again), strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == {k: v for k, v in b.items() if k != "seconds"}


# --- what comes of it -------------------------------------------------------------------------------------------

SHORT = ["logger=none", "metrics=[]", "log_every=250", "checkpoint_every=1000", "network.width=64"]


@pytest.fixture(scope="module")
def ring(planned, tmp_path_factory):
    given = [
        *SHORT, "labels=conditional", "labels.share=0.5", "labels.how=projection", "iterations=750", "batch_size=128",
        "evaluate_every=750", "dataset.sigma=0.1", f"outputs={tmp_path_factory.mktemp('ring')}",
    ]  # fmt: skip
    job = planned(*given)
    assert train.execute(job, silent) == "completed"
    return job


def test_a_conditional_gan_makes_the_modes_that_it_is_asked_for(ring):
    assert float(rows(ring)[-1]["metric/class_match"]) > 0.6  # chance: an eighth
    summary = json.loads((ring.directory / files.SUMMARY).read_text())
    assert summary["provenance"]["class_match"]["radius"] == 3.0
    gan = steadygan.load(ring.directory)
    for label in range(8):
        made = gan.sample(100, seed=2, label=label)
        nearest = torch.cdist(made.double(), gan.dataset.centers).argmin(1)
        assert float((nearest == label).double().mean()) > 0.8


def test_from_python(ring):
    gan = steadygan.load(ring.directory)
    assert gan.classes == 8
    labels = torch.arange(20) % 8
    made = gan.sample(20, seed=4, label=labels)
    one_by_one = [gan.generate(gan.latents(20, 4), label=label)[place] for place, label in enumerate(labels.tolist())]
    torch.testing.assert_close(made, torch.stack(one_by_one))
    assert torch.equal(gan.sample(20, seed=4), gan.sample(20, seed=4, label=gan.labels(20, 4)))
    assert torch.equal(gan.labels(50, 1), gan.labels(50, 1))
    assert not torch.equal(gan.labels(50, 1), gan.labels(50, 2))
    counts = gan.labels(8000, 0).bincount(minlength=8)
    assert counts.min() > 850
    by_class = torch.stack([gan.critic(made, label) for label in range(8)])
    torch.testing.assert_close(gan.critic(made, labels), by_class[labels, torch.arange(20)])
    torch.testing.assert_close(gan.critic(made), by_class.amax(0))
    ways = gan.interpolate(3, 4, seed=1)
    ends = gan.sample(6, seed=1, label=gan.labels(3, 1).repeat(2))
    torch.testing.assert_close(torch.cat([ways[:, 0], ways[:, -1]]), ends)


@pytest.mark.parametrize("label", [8, -1, 1.0, True, [0, 1], "3"])
def test_classes_that_there_are_not(ring, label):
    with pytest.raises(UserError, match="label="):
        steadygan.load(ring.directory).sample(3, label=label)


@pytest.fixture(scope="module")
def digits(planned, tmp_path_factory):
    """Two data sets of labels: every tenth, and none."""

    def call(share):
        given = [
            *SHORT, "dataset=digits", "labels=semi_supervised", f"labels.share={share}", "iterations=250",
            "batch_size=64", "evaluate_every=250", f"outputs={tmp_path_factory.mktemp('digits')}",
        ]  # fmt: skip
        job = planned(*given)
        assert train.execute(job, silent) == "completed"
        return job

    return call


def test_a_tenth_of_the_labels_teaches_the_discriminator_to_tell_digits(digits):
    job, blind = digits(0.1), digits(0)
    accuracy = float(rows(job)[-1]["metric/accuracy"])
    assert accuracy > 0.6  # chance: a tenth
    assert float(rows(blind)[-1]["metric/accuracy"]) < 0.4
    assert float(rows(blind)[-1]["loss/classification"]) == 0
    gan = steadygan.load(job.directory)
    x, y = gan.dataset.examples("test")
    logits = gan.classify(x)
    assert float((logits.argmax(1) == y).double().mean()) == pytest.approx(accuracy)
    torch.testing.assert_close(gan.critic(x), logits.logsumexp(1))
    own = {key.removeprefix("discriminator."): value for key, value in checkpoint.load(
        job.directory / files.CHECKPOINT)["state_dict"].items() if key.startswith("discriminator.")}  # fmt: skip
    torch.testing.assert_close(logits, functional_call(build(job.config).networks["discriminator"], own, (x,)))
    assert gan.classes is None
    with pytest.raises(UserError, match="not conditional"):
        gan.sample(3, label=1)


def test_pictures_have_a_row_for_each_class(plan, capfd):
    job = plan(*DIGITS, "labels=conditional", "metrics@labels.metrics=[]")
    assert train.execute(job, silent) == "completed"
    saved = sorted((job.directory / files.SAMPLES).glob("*.png"))
    assert [path.stem for path in saved] == ["0000003", "0000006"]
    last = np.asarray(Image.open(saved[-1]))
    assert last.shape == (10 * 34 + 2, 10 * 34 + 2, 3)
    from steadygan import cli

    assert cli.main(["sample", str(job.directory)]) == 0
    assert "classes_over_iterations.png  one sample of each class at 2 times" in capfd.readouterr().out
    gan = steadygan.load(job.directory)
    folder = job.directory / "pictures"
    every = torch.arange(10).repeat_interleave(7)
    expected = grid.grid(gan.sample(70, label=every), 7)
    assert np.array_equal(np.asarray(Image.open(folder / "grid.png")), expected)
    over = np.asarray(Image.open(folder / "classes_over_iterations.png"))[14:]
    for place, path in enumerate(saved):
        assert np.array_equal(over[:, 34 * place : 34 * place + 34], np.asarray(Image.open(path))[:, :34])


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["labels=conditional", "labels.share=1.5"], ["labels.share=1.5", "between 0 and 1"]),
        (["labels=semi_supervised", "labels.share=-0.1"], ["labels.share=-0.1", "between 0 and 1"]),
        (["labels=semi_supervised", "labels.share=half"], ["labels.share=half", "number"]),
        (["labels=semi_supervised", "labels.weight=-1"], ["labels.weight=-1", "not negative"]),
        (["labels=conditional", "labels.how=cat"], ["labels.how=cat", "concatenate", "projection"]),
        (["labels=conditional", "labels.dim=0"], ["labels.dim=0", "at least 1"]),
        (["labels=conditional", "labels.classes=10"], ["labels.classes=10", "Ring has 8 classes"]),
        (["labels=conditional", "dataset=gaussian"], ["labels=conditional", "Gaussian", "none"]),
        (["labels=semi_supervised", "dataset=line"], ["labels=semi_supervised", "Line", "none"]),
        (["labels=semi_supervised", "dataset.modes=1"], ["labels=semi_supervised", "at least 2"]),
        (["metrics=[class_match]"], ["metrics=class_match", "labels=conditional"]),
        (["metrics=[accuracy]", "labels=conditional"], ["metrics=accuracy", "labels=semi_supervised"]),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_bad_input(plan, tmp_path, overrides, words):
    with pytest.raises(UserError) as error:
        plan("logger=none", *overrides)
    assert all(word in str(error.value) for word in words), error.value
    assert not list(tmp_path.iterdir())


def test_a_schedule_cannot_say_how_many_labels_are_given(plan):
    with pytest.raises(UserError, match=r"labels\.share"):
        plan("logger=none", "labels=conditional", "+schedule@labels.share=linear")


def test_a_label_beyond_the_classes_is_refused_before_anything_is_trained(plan, monkeypatch):
    original = InMemory.batch

    def counted_from_one(self, *args, **options):
        batch = original(self, *args, **options)
        return {**batch, "y": batch["y"] + 1}

    monkeypatch.setattr(InMemory, "batch", counted_from_one)
    planning._check_parts.cache_clear()
    with pytest.raises(UserError, match=r"Digits has 10 classes .*0 to 9, and a label 10"):
        plan(
            "logger=none", "labels=conditional", "dataset=digits", "network=dcgan", "metrics=[]", "labels.metrics=null"
        )
    planning._check_parts.cache_clear()
