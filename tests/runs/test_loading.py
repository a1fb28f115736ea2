"""A trained GAN read back: the numbers of the run itself, the same every time, or one clear message."""

import logging
import shutil
import subprocess
import sys

import pytest
import torch
from torch.func import functional_call

import steadygan
from steadygan import train
from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.core.draws import generator
from steadygan.networks import dcgan, mlp
from steadygan.pictures import picture
from steadygan.runs import checkpoint, files
from steadygan.training import evaluation
from steadygan.training import loop as run
from steadygan.training.module import GANModule

TINY = ["logger=none", "batch_size=16", "iterations=12", "log_every=4", "evaluate_every=6", "checkpoint_every=6"]
RING = [*TINY, "network.width=8", "network.latent=4", "metrics=[]", "seed=3"]
DIGITS = [*TINY, "dataset=digits", "network=dcgan", "network.width=4", "network.latent=6", "metrics=[]"]


@pytest.fixture(scope="module")
def trained(compose, tmp_path_factory):
    """``trained(*overrides)``: the job, and the GAN as it was in memory when its training ended."""

    def call(*overrides):
        given = [*overrides, f"outputs={tmp_path_factory.mktemp('outputs')}"]
        job, alive = train.plan(compose(*given), given), []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "GANModule", lambda *args: alive.append(GANModule(*args)) or alive[-1])
            train.execute(job, lambda event: None)
        return job, alive[0]

    return call


@pytest.fixture(scope="module")
def ring(trained):
    return trained(*RING)


@pytest.fixture(scope="module")
def digits(trained):
    return trained(*DIGITS)


@pytest.fixture
def copied(ring, tmp_path):
    """A run folder to damage."""
    return shutil.copytree(ring[0].directory, tmp_path / "run")


@pytest.mark.parametrize("which", ["ring", "digits"])
def test_samples_are_those_of_the_gan_that_was_trained(which, request):
    job, alive = request.getfixturevalue(which)
    loaded = steadygan.load(job.directory)
    for ema in (True, False):
        expected = evaluation.draw(alive, 64, "sample", ema, seed=5)
        assert torch.equal(loaded.sample(64, seed=5, ema=ema), expected)
    assert not torch.equal(loaded.sample(64, seed=5), loaded.sample(64, seed=5, ema=False))
    x = loaded.dataset.batch(0, "test", 0, 9, "cpu", loaded.dtype)["x"]
    assert torch.equal(loaded.critic(x), alive.critic(x))
    assert (loaded.iteration, loaded.latent) == (12, alive.latent)


def test_the_last_picture_of_the_run_is_drawn_again_to_the_byte(ring, tmp_path):
    job, _ = ring
    config = {**job.config, "logger": {"_target_": "steadygan.loggers.none.NoLogger"}}
    gan = GANModule(build(config), job.seed, 16, torch.float32)
    checkpoint.restore(gan, checkpoint.load(job.directory / files.CHECKPOINT))
    gan.sample = lambda latents: steadygan.load(job.directory).generate(latents)
    picture(gan, gan.components.dataset, tmp_path / "again.png")
    last = job.directory / files.SAMPLES / "0000012.png"
    assert (tmp_path / "again.png").read_bytes() == last.read_bytes()


def parts_of(job, player):
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)["state_dict"]
    return {name.removeprefix(f"{player}."): value for name, value in saved.items() if name.startswith(f"{player}.")}


def test_networks_by_hand_from_the_checkpoint(ring, digits):
    z, x = torch.randn(5, 4, generator=generator(1, "z")), torch.randn(7, 2, generator=generator(1, "x"))
    job, loaded = ring[0], steadygan.load(ring[0].directory)
    critic, made = mlp.Discriminator((2,), width=8), mlp.Generator((2,), latent=4, width=8)
    torch.testing.assert_close(loaded.critic(x), functional_call(critic, parts_of(job, "discriminator"), x))
    torch.testing.assert_close(loaded.generate(z), functional_call(made, parts_of(job, "generator_ema"), z))
    torch.testing.assert_close(loaded.generate(z, ema=False), functional_call(made, parts_of(job, "generator"), z))

    z = torch.randn(5, 6, generator=generator(1, "z"))
    job, loaded = digits[0], steadygan.load(digits[0].directory)
    made = dcgan.Generator((1, 8, 8), latent=6, width=4).eval()  # with the running statistics of its batch norm
    torch.testing.assert_close(loaded.generate(z), functional_call(made, parts_of(job, "generator_ema"), z))


def test_the_same_bits_whatever_surrounds_it(ring):
    job, _ = ring
    first = steadygan.load(job.directory).sample(40, seed=1)
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    torch.set_num_threads(2)
    try:
        state = torch.get_rng_state()
        again = steadygan.load(str(job.directory / files.CHECKPOINT)).sample(40, seed=1)
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(first, again)
    assert not torch.equal(first, steadygan.load(job.directory).sample(40, seed=2))


def test_it_computes_with_the_threads_of_the_run(trained):
    loaded = steadygan.load(trained(*RING, "trainer.threads=2")[0].directory)
    torch.set_num_threads(1)
    used = []
    for name in ("sample", "critic"):
        own = getattr(loaded._gan, name)
        setattr(loaded._gan, name, lambda *args, own=own: used.append(torch.get_num_threads()) or own(*args))
    loaded.critic(loaded.sample(3))
    assert used == [2, 2]
    assert torch.get_num_threads() == 1


def test_config_and_summary_are_those_of_the_run(ring):
    job, _ = ring
    loaded = steadygan.load(job.directory)
    assert loaded.config == job.config
    assert loaded.summary["signature"] == job.signature
    assert loaded.summary["seed"] == loaded.config["seed"] == 3
    assert repr(loaded).endswith("iteration=12, shape=(2,))")


def test_logits_can_be_differentiated(ring):
    loaded = steadygan.load(ring[0].directory)
    x = torch.tensor([[0.3, -0.7]], requires_grad=True)
    (slope,) = torch.autograd.grad(loaded.critic(x).sum(), x)
    step = torch.tensor([[1e-2, 0.0]])
    difference = (loaded.critic(x + step) - loaded.critic(x - step)) / 2e-2
    assert float(slope[0, 0]) == pytest.approx(difference.item(), rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("between", ["linear", "spherical"])
def test_ways_end_at_the_samples_of_their_ends(ring, between):
    loaded = steadygan.load(ring[0].directory)
    made, samples = loaded.interpolate(5, 7, seed=4, between=between), loaded.sample(10, seed=4)
    torch.testing.assert_close(made[:, 0], samples[:5])
    torch.testing.assert_close(made[:, -1], samples[5:])
    z = loaded.latents(10, seed=4)
    middle = (z[:5] + z[5:]) / 2
    at_middle = torch.isclose(made[:, 3], loaded.generate(middle), atol=1e-6).all()
    assert bool(at_middle) == (between == "linear")


def test_precision_64(trained):
    job, alive = trained(*RING, "trainer.precision=64")
    samples = steadygan.load(job.directory).sample(8)
    assert samples.dtype == torch.float64
    assert torch.equal(samples, evaluation.draw(alive, 8, "sample", seed=0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda gan: gan.sample(0), ["count=0"]),
        (lambda gan: gan.sample(2.5), ["count=2.5"]),
        (lambda gan: gan.sample(True), ["count=True"]),
        (lambda gan: gan.critic(torch.zeros(3, 5)), ["[3, 5]", "[n, 2]"]),
        (lambda gan: gan.critic(torch.zeros(2)), ["[2]", "[n, 2]"]),
        (lambda gan: gan.generate(torch.zeros(0, 4)), ["[0, 4]", "[n, 4]"]),
        (lambda gan: gan.interpolate(between="sperical"), ["between=sperical", "Did you mean 'spherical'?"]),
        (lambda gan: gan.interpolate(steps=1), ["steps=1"]),
    ],
)
def test_wrong_arguments(ring, call, words):
    with pytest.raises(UserError) as caught:
        call(steadygan.load(ring[0].directory))
    assert all(word in str(caught.value) for word in words), caught.value


def damage(name, content):
    def do(folder):
        (folder / name).write_bytes(content)
        return folder

    return do


def without(name):
    def do(folder):
        (folder / name).unlink()
        return folder

    return do


def torn(folder):
    path = folder / files.CHECKPOINT
    path.write_bytes(path.read_bytes()[:-2000])
    return folder


def changed(change):
    def do(folder):
        path = folder / files.CHECKPOINT
        saved = torch.load(path, weights_only=True)
        change(saved)
        torch.save(saved, path)
        return folder

    return do


def other_networks(folder):
    path = folder / files.CONFIG
    path.write_text(path.read_text().replace("width: 8", "width: 9"))
    return folder


def gone(folder):
    return folder / "nowhere"


def key_missing(folder):
    path = folder / files.CONFIG
    path.write_text(path.read_text().replace("batch_size:", "batchsize:"))
    return folder


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (gone, ["nowhere", "no such run folder"]),
        (lambda folder: folder.parent, ["not a run folder", "Runs in it: run"]),
        (lambda folder: folder / files.CONFIG, ["neither a run folder nor a checkpoint"]),
        (without(files.CONFIG), [files.CONFIG, "missing"]),
        (without(files.CHECKPOINT), ["last.ckpt", "no checkpoint"]),
        (damage(files.CONFIG, b"a: [1, 2"), [files.CONFIG, "cannot be read"]),
        (damage(files.CONFIG, b"\xff\xfe\x00"), [files.CONFIG, "cannot be read"]),
        (damage(files.CONFIG, b"- 1\n"), [files.CONFIG, "not the config"]),
        (damage(files.CONFIG, b""), [files.CONFIG, "not the config"]),
        (key_missing, [files.CONFIG, "batch_size"]),
        (damage(files.CHECKPOINT, b"nonsense"), ["last.ckpt", "not a checkpoint that can be read"]),
        (damage(files.CHECKPOINT, b""), ["last.ckpt", "not a checkpoint that can be read"]),
        (torn, ["last.ckpt", "not a checkpoint that can be read"]),
        (changed(lambda saved: saved.pop("rules")), ["last.ckpt", "incomplete"]),
        (changed(lambda saved: saved.update(state_dict=3)), ["last.ckpt", "incomplete"]),
        (changed(lambda saved: saved["state_dict"].popitem()), ["last.ckpt", "networks"]),
        (other_networks, ["last.ckpt", "networks"]),
    ],
)
def test_what_is_no_run_is_a_message(copied, spoil, words):
    with pytest.raises(UserError) as caught:
        steadygan.load(spoil(copied))
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_config_that_was_changed_is_noticed(copied, caplog):
    caplog.set_level(logging.WARNING, "steadygan")
    steadygan.load(copied)
    assert caplog.text == ""
    path = copied / files.CONFIG
    path.write_text(path.read_text().replace("sigma: 0.02", "sigma: 0.03"))
    steadygan.load(copied)
    assert "trained with another config" in caplog.text


def test_import_is_light_and_load_comes_when_asked_for():
    script = (
        "import sys, steadygan\n"
        "assert not {'torch', 'lightning', 'numpy'} & set(sys.modules)\n"
        "from steadygan import load\n"
        "assert load is steadygan.load\n"
        "try: steadygan.load('nowhere')\n"
        "except steadygan.common.errors.UserError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "nowhere: no such run folder" in done.stdout
    with pytest.raises(AttributeError, match="laod"):
        steadygan.laod  # noqa: B018
