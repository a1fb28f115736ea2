"""Runs that are pre-trained and runs that grow, read back from the files that a user would read."""

import csv
import json
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

import steadygan
from bits import same
from steadygan import cli, population, train
from steadygan.analysis.linearised import Field, scene
from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.core.growing import shrunk
from steadygan.runs import files
from steadygan.training.module import GANModule
from steadygan.training.schemes.pretraining import Pretraining
from tiny import silent, tiny

RUN = [
    *["dataset=digits", "dataset.size=16", "network.width=2", "network.latent=4", "iterations=12"],
    *["batch_size=96", "log_every=4", "evaluate_every=8", "checkpoint_every=7", "seed=1"],
]
PRETRAIN = ["network=dcgan", "method=pretrained_lsgan", "scheme.epochs=2", "scheme.discriminator_epochs=2",
            "scheme.batch_size=240"]  # fmt: skip
STEPS = 12
"""Of a phase: two epochs of 1437 examples in batches of 240."""
GROW = ["network=progressive", "scheme=progressive", "scheme.images=192", "scheme.fading=288", "regularizer=[r1]"]
"""Stages begin with iterations 0, 2 and 7, and are faded in for three."""


def rows(job, name=files.METRICS):
    with (job.directory / name).open() as file:
        return list(csv.DictReader(file))


def summary(job):
    return json.loads((job.directory / files.SUMMARY).read_text())


def result(job):
    """All that must be the same to the bit: checkpoint, rows without wall time, pictures."""
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    saved.pop("seconds")
    tables = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in rows(job, name)]
        for name in (files.METRICS, files.PRETRAINING)
        if (job.directory / name).exists()
    ]
    pictures = {path.name: np.asarray(Image.open(path)).tolist() for path in (job.directory / files.SAMPLES).iterdir()}
    return saved, tables, pictures


def module(job):
    gan = GANModule(build(job.config), job.seed, job.config["batch_size"], torch.float32)
    gan.to_device(torch.device("cpu"))
    return gan


# --- pre-training ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pretrained(planned, tmp_path_factory):
    """One with enough epochs to learn something."""
    longer = [*PRETRAIN[:2], "scheme.epochs=[8,8,8]", "scheme.discriminator_epochs=8", "scheme.lr=[0.01,0.005,0.005]"]
    folder = tmp_path_factory.mktemp("pretrained")
    job = planned(*tiny(*RUN, *longer, "network.width=8", f"outputs={folder}"))
    assert train.execute(job, silent) == "completed"
    return job


def test_the_files_of_a_pretrained_run(pretrained):
    table = rows(pretrained, files.PRETRAINING)
    assert [(row["phase"], row["size"]) for row in table[::8]] == [
        *[("generator", "4"), ("generator", "8"), ("generator", "16"), ("discriminator", "16")]
    ]
    assert [row["epoch"] for row in table] == 4 * [str(epoch) for epoch in range(1, 9)]
    steps = [int(row["step"]) for row in table]
    assert steps[:8] == [-(-1437 * epoch // 96) for epoch in range(1, 9)]
    assert steps[7::8] == [120, 240, 360, 480]
    assert all(bool(row["accuracy"]) == (row["phase"] == "discriminator") for row in table)

    reported = summary(pretrained)
    phases = reported["scheme"]["phases"]
    assert [phase["phase"] for phase in phases] == 3 * ["generator"] + ["discriminator", "game"]
    assert phases[0]["first_loss"] == float(table[0]["loss"])
    assert phases[3]["loss"] == float(table[-1]["loss"])
    assert sum(phase["seconds"] for phase in phases) == pytest.approx(reported["seconds"], abs=0.01)
    assert float(rows(pretrained)[0]["seconds"]) > float(table[-1]["seconds"]), "it counts in the run's seconds"
    assert reported["iteration"] == 12
    assert [row["iteration"] for row in rows(pretrained)] == ["4", "8", "12"]
    pictures = sorted(path.name for path in (pretrained.directory / files.SAMPLES).iterdir())
    assert pictures == ["0000000.png", "0000008.png", "0000012.png"]
    assert torch.load(pretrained.directory / files.CHECKPOINT, weights_only=True)["more"]["scheme"] == {
        "phase": 4,
        "steps": 480,
    }


def test_l1_falls_at_every_stage(pretrained):
    table = rows(pretrained, files.PRETRAINING)
    for size in ("4", "8", "16"):
        losses = [float(row["loss"]) for row in table if row["phase"] == "generator" and row["size"] == size]
        assert losses[-1] < 0.9 * losses[0]
        assert np.polyfit(range(8), losses, 1)[0] < 0


def test_the_discriminator_tells_real_from_stored_fakes(pretrained):
    last = rows(pretrained, files.PRETRAINING)[-1]
    assert float(last["accuracy"]) > 0.95
    assert float(last["loss"]) < 0.05


def test_what_was_pretrained_can_be_loaded(pretrained):
    gan = steadygan.load(pretrained.directory)
    assert gan.sample(5).shape == (5, 1, 16, 16)
    assert gan.critic(gan.sample(5)).shape == (5,)


def test_every_image_keeps_its_latent(plan):
    """A function of the seed and the row, whatever the phase, the step, and the batch."""
    job = plan(*PRETRAIN)
    work, other = (
        Pretraining(gan.components.scheme, None, gan) for gan in (module(job), module(plan(*PRETRAIN, "seed=2")))
    )
    images, _ = work.data.examples("train")
    found = {}
    for phase in (work.phases[0], work.phases[-1]):
        for step in range(8):
            x, latent, condition = work._sample(phase, step)
            assert condition == ()
            for image, own in zip(x, latent):
                found.setdefault(tuple(image.flatten().tolist()), []).append(own)
    assert len(found) == len({tuple(image.flatten().tolist()) for image in images})
    often = [torch.stack(latents) for latents in found.values() if len(latents) > 1]
    assert len(often) > 1000
    twins = sum(bool((each != each[0]).any()) for each in often)
    assert twins <= len(images) - len(found), "only images that are there twice have two"
    assert not torch.equal(work._latents(), other._latents())
    assert abs(float(work._latents().std()) - 1) < 0.05


def test_a_step_is_the_mean_of_l1_by_hand(plan):
    gan = module(plan(*PRETRAIN))
    work = Pretraining(gan.components.scheme, gan.components.scheme.distance, gan)
    while work.progress["phase"] < 2:
        work.progress["step"] = work.phase.steps
        work.advance()
    x, latent, _ = work._sample(work.phase, 0)
    before = gan.state.generator
    params, buffers = before.params, before.buffers
    made, _ = gan.components.algorithm.networks.generator(params, buffers, latent)
    assert work.step()
    assert work.means() == {"loss": pytest.approx(float((made - shrunk(x, 16)).abs().mean()), rel=1e-6)}
    after = gan.state.generator.params
    # Adam's first step has the length lr, whatever the gradient
    lengths = torch.cat([(after[name] - params[name]).abs().flatten() for name in params])
    assert float(lengths.median()) == pytest.approx(1e-3, rel=0.01)
    assert gan.state.discriminator is work.gan.state.discriminator
    assert gan.iteration == 0


def test_the_fakes_of_the_discriminator_do_not_move(plan):
    gan = module(plan(*PRETRAIN, "network.generator_norm=batch"))
    work = Pretraining(gan.components.scheme, gan.components.scheme.distance, gan)
    work.step()
    while work.progress["phase"] < 3:
        work.progress["step"] = work.phase.steps
        work.advance()
    kept = gan.state.generator
    _, latent, _ = work._sample(work.phase, 0)
    whole, alone = gan.sample(latent, ema=False), gan.sample(latent[3:4], ema=False)
    torch.testing.assert_close(whole[3:4], alone)
    for _ in range(3):
        assert work.step()
    assert gan.state.generator is kept


def test_the_game_begins_as_any_does(plan):
    """With the weights that were learnt, and nothing else of what came before."""
    gan = module(plan(*PRETRAIN, "discriminator.snapshots=1", "discriminator.every=4"))
    work = Pretraining(gan.components.scheme, gan.components.scheme.distance, gan)
    while work.phase is not None:
        work.progress["step"] = work.phase.steps - 1
        assert work.step()
        work.advance()
    own = gan.state.generator
    assert same(gan.state.ema, own.tensors)
    for player in ("generator", "discriminator"):
        assert not any(value.any() for value in gan.state.of(player).rule["mean"].values())
    last = next(iter(gan.state.discriminator.params.items()))
    assert torch.equal(gan.state.snapshots.params[last[0]][0], last[1][0])


# --- going on -------------------------------------------------------------------------------------------------------


class Stop:
    """Sends this process a signal, or ends it, in one update of the pre-training."""

    def __init__(self, monkeypatch, number, at):
        self.step, self.number, self.at = Pretraining.step, number, at
        monkeypatch.setattr(Pretraining, "step", lambda work: self(work))

    def __call__(self, work):
        if work.progress["steps"] + 1 == self.at:
            if self.number is None:
                raise Killed
            os.kill(os.getpid(), self.number)
        return self.step(work)


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def whole(planned, tmp_path_factory):
    job = planned(*tiny(*RUN, *PRETRAIN, f"outputs={tmp_path_factory.mktemp('whole')}"))
    assert train.execute(job, silent) == "completed"
    return result(job)


@pytest.mark.parametrize(
    ("number", "at"),
    [
        *[(signal.SIGINT, 1), (signal.SIGINT, STEPS), (signal.SIGTERM, 2 * STEPS + 10)],
        *[(signal.SIGINT, 3 * STEPS + 5), (signal.SIGINT, 4 * STEPS)],
    ],
)
def test_a_run_stopped_in_any_phase_ends_with_the_same_bits(plan, whole, monkeypatch, number, at):
    job = plan(*PRETRAIN)
    with monkeypatch.context() as patch:
        Stop(patch, number, at)
        assert train.execute(job, silent) == "preempted"
    reported = summary(job)
    assert (reported["status"], reported["iteration"]) == ("preempted", 0)
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    assert saved["more"]["scheme"]["steps"] == at
    assert train.action(job) == "resume"
    assert steadygan.load(job.directory).sample(2).shape == (2, 1, 16, 16)
    assert train.execute(job, silent) == "completed"
    assert all(map(same, result(job), whole))


@pytest.mark.parametrize("at", [5, STEPS + 8, 3 * STEPS + 9])
def test_a_run_killed_in_any_phase_ends_with_the_same_bits(plan, whole, monkeypatch, at):
    """Rows that are newer than the checkpoint, and half of one."""
    job = plan(*PRETRAIN)
    with monkeypatch.context() as patch:
        Stop(patch, None, at)
        with pytest.raises(Killed):
            train.execute(job, silent)
    with (job.directory / files.PRETRAINING).open("a") as file:
        file.write("generator,4")
    assert summary(job)["status"] == "running"
    assert train.execute(job, silent) == "completed"
    assert all(map(same, result(job), whole))


def test_a_run_stopped_in_the_game_is_not_pretrained_again(plan, whole):
    first, longer = plan(*PRETRAIN, "iterations=5"), plan(*PRETRAIN)
    assert train.execute(first, silent) == "completed"
    assert train.action(longer) == "extend"
    assert train.execute(longer, silent) == "completed"
    saved, tables, _ = result(longer)
    assert same(saved, whole[0])
    assert tables == whole[1]


def test_other_seeds_give_other_bits(plan, whole):
    job = plan(*PRETRAIN, "seed=2")
    train.execute(job, silent)
    assert not same(result(job)[0]["state_dict"], whole[0]["state_dict"])


# --- what else may happen -------------------------------------------------------------------------------------------


def test_pretraining_that_diverges_is_a_result(plan):
    reported = []
    job = plan(*PRETRAIN, "scheme.discriminator_lr=1e30")
    assert train.execute(job, reported.append) == "diverged"
    assert {"kind": "message", "text": "diverged in pre-training discriminator 16x16"} in reported
    reported = summary(job)
    assert (reported["status"], reported["diverged_at"], reported["iteration"]) == ("diverged", 0, 0)
    assert [phase["phase"] for phase in reported["scheme"]["phases"]] == 3 * ["generator"]
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)["state_dict"]
    assert all(bool(value.isfinite().all()) for value in saved.values())
    assert train.action(job) == "skip: diverged"


@pytest.mark.parametrize(
    "algorithm",
    [
        ["labels=conditional", "labels.metrics={}", "labels.share=0.5"],
        ["labels=conditional", "labels.how=projection", "labels.metrics={}", "network=progressive"],
        ["labels=semi_supervised", "labels.metrics={}", "trainer.precision=bf16"],
        ["discriminator.ensemble=2", "scheme.fade=0.5"],
        ["network=progressive", "scheme.discriminator_epochs=0", "scheme.fade=1"],
    ],
    ids=["conditional", "projection", "semi_supervised", "ensemble", "progressive"],
)
def test_with_all_that_an_algorithm_may_have(plan, algorithm):
    short = [text for text in PRETRAIN if text.partition("=")[0] not in [each.partition("=")[0] for each in algorithm]]
    short = [text.replace("epochs=2", "epochs=1") for text in short]
    job = plan(*short, *algorithm, "iterations=3")
    assert train.execute(job, silent) == "completed"
    assert [float(row["loss"]) < 2 for row in rows(job, files.PRETRAINING)]
    assert steadygan.load(job.directory).sample(3).shape == (3, 1, 16, 16)


def test_a_population_says_why_it_is_none(plan):
    reported = []
    job = plan(*PRETRAIN[:2], "scheme.epochs=1", "scheme.discriminator_epochs=1", "iterations=2", "engine=population")
    assert train.execute(job, reported.append) == "completed"
    assert any("pre-training is of one run" in event.get("text", "") for event in reported)
    with pytest.raises(population.NotVmappable, match="pre-training is of one run"):
        population.train([(build(job.config), job)], silent, population.Plan())


def test_the_phase_is_told(plan):
    reported = []
    train.execute(plan(*PRETRAIN, "iterations=1"), reported.append)
    phases = [event["phase"] for event in reported if event.get("phase")]
    assert phases[0] == {"text": "pre-training generator 4x4, epoch 1/2", "done": 1, "total": 48}
    assert "phase" not in reported[-1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["dataset=ring", "~dataset.size", "network=mlp"], "needs images; this data set has vectors"),
        (["network=mlp"], "doubles the size of its images step by step"),
        (["network=dcgan", "scheme.epochs=[1,2]"], r"scheme.epochs=\[1, 2\]: must be a number, or a list .* 3 sizes"),
        (["network=dcgan", "scheme.epochs=-1"], "scheme.epochs=-1: must be a whole number of at least 0"),
        (["network=dcgan", "scheme.lr=0"], "scheme.lr=0: must be finite and greater than 0"),
        (["network=dcgan", "scheme.fade=2"], "scheme.fade=2: must be between 0 and 1"),
        (["network=dcgan", "scheme.rule._target_=steadygan.core.optimizers.Sgd"], "scheme.rule: "),
        (["network=dcgan", "scheme.rule=3"], "scheme.rule: is an object of the type int, which cannot be called"),
        (["network=dcgan", "scheme.rule._target_=misfits.Settings"], r"scheme.rule: Settings has no init\(params\)"),
        (["network=dcgan", "scheme.distance=3"], "scheme.distance: is an object of the type int, which cannot be"),
    ],
)
def test_what_cannot_be_pretrained_is_said_at_once(planned, tmp_path, overrides, message):
    removed = {text[1:] for text in overrides if text.startswith("~")}
    given = tiny(*RUN, *overrides, "scheme=pretrain")
    given = [text for text in given if text.lstrip("~").partition("=")[0] not in removed]
    with pytest.raises(UserError, match=message):
        planned(*given, f"outputs={tmp_path}")
    assert list(tmp_path.iterdir()) == []


# --- growing --------------------------------------------------------------------------------------------------------


def blocky(images, size):
    """Whether images are made of squares that are one value each, ``size`` of them a side."""
    small = images[..., :: images.shape[-1] // size, :: images.shape[-1] // size]
    return torch.equal(small.repeat_interleave(images.shape[-1] // size, -1).repeat_interleave(
        images.shape[-1] // size, -2), images)  # fmt: skip


@pytest.mark.parametrize(("iterations", "size"), [(1, 4), (2, 4), (3, 8), (7, 8), (8, 16)])
def test_images_grow_as_the_schedule_says(plan, iterations, size):
    job = plan(*GROW, f"iterations={iterations}")
    assert train.execute(job, silent) == "completed"
    gan = steadygan.load(job.directory)
    made = gan.sample(4)
    assert made.shape == (4, 1, 16, 16)
    assert blocky(made, size)
    assert not blocky(made, size // 2)
    # what the discriminator says does not depend on more than its size
    assert bool((gan.critic(made) - gan.critic(made.flip(0)).flip(0)).abs().max() < 1e-5)


def test_blocks_that_are_not_there_yet_do_not_move(plan):
    gan = module(plan(*GROW))
    before = {name: value.clone() for name, value in gan.state_dict().items()}
    for iteration in range(7):
        gan.advance(iteration)
        changed = {name for name, value in gan.state_dict().items() if not torch.equal(value, before[name])}
        stages = {int(name.split(".")[2]) for name in changed if "blocks" in name}
        assert stages == ({0} if iteration < 3 else {0, 1}), "a fade of 0 has no gradient"


@pytest.mark.parametrize("number", [signal.SIGINT])
@pytest.mark.parametrize("iteration", [2, 3, 6, 8])
def test_a_run_stopped_in_any_stage_ends_with_the_same_bits(plan, tmp_path, monkeypatch, number, iteration):
    one, other = plan(*GROW, outputs=tmp_path / "a"), plan(*GROW, outputs=tmp_path / "b")
    train.execute(one, silent)
    step = GANModule.training_step

    def stop(gan, batch, index):
        step(gan, batch, index)
        if gan.iteration == iteration:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(GANModule, "training_step", stop)
        assert train.execute(other, silent) == "preempted"
    assert train.execute(other, silent) == "completed"
    assert all(map(same, result(one), result(other)))
    phases = summary(one)["scheme"]["phases"]
    assert [(phase["size"], phase["images"]) for phase in phases] == [(4, 0), (8, 192), (16, 672)]
    assert all(phase["seconds"] > 0 for phase in phases)
    assert sum(phase["seconds"] for phase in phases) == pytest.approx(summary(one)["seconds"], abs=0.01)


@pytest.mark.parametrize(
    "algorithm",
    [
        ["labels=conditional", "labels.metrics={}", "noise=blur_instance"],
        ["labels=conditional", "labels.how=projection", "labels.metrics={}", "loss=relativistic"],
        ["labels=semi_supervised", "labels.metrics={}", "trainer.precision=bf16"],
        ["discriminator.ensemble=2", "discriminator.snapshots=1", "discriminator.every=4", "game=extragradient"],
        ["network.minibatch_deviation=true", "regularizer=[]", "game.n_critic=2"],
    ],
    ids=["conditional", "projection", "semi_supervised", "ensemble", "deviation"],
)
def test_grows_with_all_that_an_algorithm_may_have(plan, algorithm):
    given = [text for text in GROW if text.partition("=")[0] not in [each.partition("=")[0] for each in algorithm]]
    job = plan(*given, *algorithm, "iterations=9")
    assert train.execute(job, silent) == "completed"
    assert steadygan.load(job.directory).sample(3).shape == (3, 1, 16, 16)


def test_networks_that_do_not_grow_are_refused(plan):
    with pytest.raises(UserError, match="needs networks that grow, and the generator does not"):
        plan("network=dcgan", "scheme=progressive")


def test_images_of_a_size_are_more_than_none(plan):
    with pytest.raises(UserError, match=r"scheme\.images=0: must be finite and greater than 0"):
        plan(*GROW, "scheme.images=0")


def test_the_losses_of_a_stage_by_hand(plan):
    """Of the iteration in which half of the second stage is faded in: real images as they are there, fakes enlarged."""
    gan = module(plan(*GROW, "regularizer=[]", "loss=lsgan", "scheme.fading=192"))
    for iteration in range(3):
        gan.advance(iteration)
    gan.window.reset()
    batch = gan.sampler.sample(3, {player: gan.state.of(player).params for player in gan.components.networks})[
        "discriminator"
    ][0]
    networks = {}
    for player, network in gan.components.networks.items():
        network.load_state_dict({**gan.state.of(player).params, **gan.state.of(player).buffers})
        networks[player] = network
    small, smaller = shrunk(batch.real, 8), shrunk(batch.real, 4)
    real = (small + smaller.repeat_interleave(2, 2).repeat_interleave(2, 3)) / 2
    fake = networks["generator"](batch.latent, 1, 0.5)
    assert real.shape == fake.shape == (96, 1, 8, 8)
    on_real, on_fake = (networks["discriminator"](x, 1, 0.5) for x in (real, fake))
    gan.advance(3)
    logs = gan.window.means()
    assert logs["logits/real"] == pytest.approx(float(on_real.detach().mean()), rel=1e-4)
    assert logs["logits/fake"] == pytest.approx(float(on_fake.detach().mean()), rel=1e-4)
    by_hand = 0.5 * float(((on_real - 1).square() + on_fake.square()).detach().mean())
    assert logs["loss/discriminator"] == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("given", [PRETRAIN, GROW], ids=["pretrained", "grown"])
def test_pictures_of_what_was_trained(plan, given, capsys):
    job = plan(*given, "iterations=4", "evaluate_every=2")
    assert train.execute(job, silent) == "completed"
    assert cli.main(["sample", str(job.directory)]) == 0
    drawn = {path.name for path in (job.directory / "pictures").iterdir()}
    assert {"grid.png", "interpolation_spherical.png", "neighbours_pixels.png", "animation.gif"} <= drawn


def test_the_game_of_a_growing_gan_can_be_linearised(plan):
    """In the second stage: what networks make is what they make in training, in float64."""
    gan = module(plan(*GROW))
    for iteration in range(4):
        gan.advance(iteration)
    of = scene(gan.components, gan.state, 4, gan.seed, size=6)
    field = Field(of)
    made = field.outputs(field.x)[: 6 * 256].view(6, 1, 16, 16)
    torch.testing.assert_close(made.float(), gan.sample(of.batches["discriminator"][0].latent.float(), ema=False))
    assert blocky(of.batches["discriminator"][0].real, 8)
    assert bool(field(field.x).isfinite().all())
