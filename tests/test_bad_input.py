"""Bad input: exit code 2, one message that names key, value and choices, and nothing written."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from steadygan import cli

QUICK = ["iterations=2", "logger=none"]
R1 = "regularizer=[r1]"
RAW = "MNIST/raw"


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def refused(capfd, tmp_path):
    """``refused("train", ...)``: the message, after checking that it is one and that nothing was written."""

    def call(*args):
        capfd.readouterr()
        code = cli.main(args)
        out, err = capfd.readouterr()
        assert code == 2, (out, err)
        assert err.startswith("Error: ")
        assert "Traceback" not in out + err
        assert not (tmp_path / "outputs").exists()
        return err

    return call


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["loss=hing"], ["loss=hing", "hinge", "nonsaturating", "Did you mean 'hinge'"]),
        (["optimizer@optimizer.discriminator=adm"], ["adm", "adam", "sgld"]),
        (["regularizer=[r1,nothing]"], ["nothing", "r1", "gradient_penalty"]),
        (["metod=r1"], ["metod", "method"]),
        ([R1, "regularizer.r1.gama=3"], ["gama", "gamma"]),
        (["engine=population", "engine.compile=maybe"], ["engine.compile=maybe", "auto", "true", "false"]),
        (["engine=population", "engine.together=0"], ["engine.together=0", "at least 1", "auto"]),
        (["engine=population", "engine.together=2.5"], ["engine.together=2.5", "at least 1", "auto"]),
        (["engine=population", "engine.files=some"], ["engine.files=some", "all", "summary"]),
        (["engine=population", "engine.members=many"], ["engine.members=many", "at least 1"]),
        (["engine=population", "engine.memory=2"], ["engine.memory=2", "greater than 0"]),
        (["engine=population", "engine.workers=0"], ["engine.workers=0", "at least 1"]),
        (["network.widht=3"], ["widht", "width"]),
        ([R1, "regularizer.r1.gamma=-1"], ["regularizer.r1.gamma=-1", "not negative"]),
        (["noise=instance", "noise.sigma=-0.5"], ["noise.sigma=-0.5", "not negative"]),
        (["noise=blur", "noise.sigma=-0.5"], ["noise.sigma=-0.5", "not negative"]),
        (
            ["optimizer@optimizer.discriminator=sgld", "optimizer.discriminator.step_size=-1e-3"],
            ["optimizer.discriminator.step_size=-0.001", "greater than 0"],
        ),
        (
            ["optimizer@optimizer.discriminator=sgld", "optimizer.discriminator.temperature=-1"],
            ["optimizer.discriminator.temperature=-1", "not negative"],
        ),
        (
            ["optimizer@optimizer.generator=sgnht", "optimizer.generator.step_size=0"],
            ["optimizer.generator.step_size=0", "greater than 0"],
        ),
        (
            ["optimizer@optimizer.discriminator=ccadl", "optimizer.discriminator.temperature=0"],
            ["optimizer.discriminator.temperature=0", "greater than 0"],
        ),
        (
            ["optimizer@optimizer.discriminator=sgld_cc", "optimizer.discriminator.covariance=full"],
            ["optimizer.discriminator.covariance=full", "33,537 parameters", "1,500", "diagonal, scalar"],
        ),
        (
            ["optimizer@optimizer.discriminator=ccadl", "optimizer.discriminator.estimator=persample"],
            ["optimizer.discriminator.estimator=persample", "per_sample, running"],
        ),
        (
            [
                "optimizer@optimizer.discriminator=sgld_cc",
                "optimizer.discriminator.estimator=per_sample",
                "batch_size=1",
            ],
            ["optimizer.discriminator.batch_size=1", "at least 2"],
        ),
        (["optimizer.generator.lr=0"], ["optimizer.generator.lr=0", "greater than 0"]),
        (["optimizer.generator.beta1=1"], ["optimizer.generator.beta1=1", "less than 1"]),
        (["loss=lsgan", "loss.alpha=1"], ["loss.alpha=1", "less than 1"]),
        (["loss=lsgan", "+schedule@loss.alpha=linear", "loss.alpha.end=1.5"], ["loss.alpha", "1.5", "schedule"]),
        (["batch_size=0"], ["batch_size=0", "at least 1"]),
        (["batch_size=-3"], ["batch_size=-3", "at least 1"]),
        (["iterations=0"], ["iterations=0", "at least 1"]),
        (["iterations=-1"], ["iterations=-1", "at least 1"]),
        (["iterations=1.5"], ["iterations=1.5", "whole number"]),
        (["log_every=0"], ["log_every=0", "at least 1"]),
        (["seed=x"], ["seed=x", "number"]),
        ([R1, "regularizer.r1.gamma=nan"], ["regularizer.r1.gamma=nan", "finite"]),
        ([R1, "regularizer.r1.gamma=inf"], ["regularizer.r1.gamma=inf", "finite"]),
        ([R1, "regularizer.r1.gamma=abc"], ["regularizer.r1.gamma=abc", "number"]),
        ([R1, "regularizer.r1.gamma=null"], ["regularizer.r1.gamma=None", "number"]),
        (["game.n_critic=0"], ["game.n_critic=0", "at least 1"]),
        (["game=simultaneous", "game.n_critic=2"], ["game.n_critic=2", "must be 1"]),
        (["ema.decay=1.5"], ["ema.decay=1.5", "less than 1"]),
        (["network.width=0"], ["network.width=0", "at least 1"]),
        (
            ["dataset=digits", "network=r3gan", "method=spectral_norm"],
            ["network.spectral_norm=true", "networks.r3gan.Discriminator", "blocks, expansion, group, latent, width"],
        ),
        (
            ["dataset=digits", "network=progressive", "method=spectral_norm"],
            ["network.spectral_norm=true", "~network.spectral_norm", "network=dcgan_tanh", "network=sngan"],
        ),
        (
            ["dataset=digits", "network=progressive", "method=cgan_projection"],
            ["network.spectral_norm=true", "steadygan.networks.progressive", "latent, minibatch_deviation, width"],
        ),
        (
            ["experiment=dcgan", "dataset=digits", "network=mlp", "dataset.size=8"],
            ["network.discriminator_norm=batch", "activation, depth, latent", "network=resnet"],
        ),
        (
            ["experiment=lsgan_alpha", "dataset=ring", "network=mlp", "~network.discriminator_norm"],
            ["dataset.size=64", "Ring has no such key", "modes, num_data, radius, sigma"],
        ),
        (["+network.generator.extra=3"], ["network.generator", "extra", "latent"]),
        (["network.activation=relo"], ["network.activation=relo", "relu", "tanh"]),
        (["dataset=ring", "network=dcgan"], ["network=dcgan", "dataset", "mlp"]),
        (["dataset=mnist", "network=dcgan", "dataset.size=28"], ["network=dcgan", "28", "32x32"]),
        (["metrics=[fid]"], ["metrics", "fid", "Ring", "images"]),
        (["dataset=digits", "metrics=[modes]"], ["metrics", "modes", "Digits", "mixture"]),
        (["dataset=digits", "dataset.size=9"], ["dataset.size=9", "8", "16"]),
        (["trainer.precision=16"], ["trainer.precision=16", "32", "64", "bf16"]),
        (["name=../up"], ["name=../up"]),
        (["name=/abs"], ["name=/abs"]),
        (["logger=wandb", "logger.mode=onlin"], ["logger.mode=onlin", "online", "offline"]),
        (["+loss.extra=3"], ["loss", "extra"]),
        ([R1, "+regularizer.r1.extra=3"], ["regularizer.r1", "extra", "gamma"]),
        (["noise=instance", "+noise.extra=3"], ["noise", "extra", "sigma"]),
        (["+optimizer.generator.extra=3"], ["optimizer.generator", "extra"]),
        (["seed"], ["seed", "KEY=VALUE"]),
        (["regularizer=[r1,null]"], ["regularizer=[r1,null]", "null", "gradient_penalty"]),
        (["regularizer=[r1,[r2]]"], ["regularizer=[r1,[r2]]", "r1, r1_r2"]),
        (["~logger"], ["~logger", "wandb"]),
        (["~seed", "~trainer"], ["~seed: every run needs", "~trainer: every run needs", "cpu"]),
        (["~trainer.precision"], ["trainer.precision", "every run"]),
        (["ema=null"], ["ema=None", "group of settings"]),
        (["discriminator=3"], ["discriminator=3", "discriminator/vote"]),
        (["outputs=null"], ["outputs=null", "text"]),
        (
            ["~noise._target_", "~network.generator._target_"],
            ["noise: does not say", "network.generator: does not say"],
        ),
        (["++game.n_critic={a: 1}"], ["game.n_critic={'a': 1}", "whole number"]),
        (["++network.activation={a: 1}"], ["activation", "relu"]),
        (["++keep_best={a: 1}"], ["keep_best={'a': 1}", "modes"]),
        (["outputs=~no_such_user/x"], ["outputs=~no_such_user/x", "home"]),
        (["dataset=mnist", "dataset.root=~no_such_user/x"], ["dataset.root=~no_such_user/x", "home"]),
        (["dataset=folder", "network=dcgan", "dataset.root=~no_such_user/x"], ["root=~no_such_user/x", "home"]),
        (["dataset=parquet", "network=dcgan", "dataset.root=~no_such_user/x"], ["root=~no_such_user/x", "home"]),
        (["name=[a,b]"], ["name=['a', 'b']", "text"]),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_train(refused, overrides, words):
    if "dataset=mnist" in overrides and "STEADYGAN_DATA" not in os.environ:
        pytest.skip("STEADYGAN_DATA names no data")
    message = refused("train", *QUICK, *overrides)
    assert all(word in message for word in words), message


OWN = {
    "method/bare.yaml": (b"iterations: 3\n", ["method", "# @package _global_"]),
    "method/bom.yaml": (b"\xef\xbb\xbf# @package _global_\niterations: 3\n", ["method", "# @package _global_", "BOM"]),
    "experiment/bare.yaml": (b"iterations: 3\n", ["experiment", "# @package _global_"]),
    "method/tab.yaml": (b"# @package _global_\nloss:\n\talpha: 3\n", ["tab.yaml, line 3", "a tab"]),
    "method/twice.yaml": (b"# @package _global_\nseed: 1\nseed: 2\n", ["twice.yaml, line 3", "duplicate key seed"]),
    "method/open.yaml": (b"# @package _global_\nloss: [\n", ["open.yaml, line 3"]),
    "method/latin.yaml": (b"# @package _global_\nname: caf\xe9\n", ["latin.yaml", "UTF-8", "byte 29"]),
    "method/loop.yaml": (b"# @package _global_\na: &a [*a]\n", ["loop.yaml", "contains itself: an alias"]),
    "method/list.yaml": (b"# @package _global_\n- seed\n", ["method/list"]),
    "method/named.yaml": (b"# @package _global_\nname: 1e3\n", ["name=1000.0", "quotes"]),
    "method/out.yaml": (b"# @package _global_\noutputs: true\n", ["outputs=True", "quotes"]),
    "method/gone.yaml": (b"# @package _global_\ntrainer: null\n", ["trainer"]),
    "method/slip.yaml": (b"# @package _global_\nlosss: 3\niteration: 9\n", ["losss=3", "'loss'", "'iterations'"]),
    "method/inner.yaml": (b"# @package _global_\ntrainer: {thread: 2}\n", ["trainer.thread=2", "'trainer.threads'"]),
    "method/far.yaml": (b"# @package _global_\nbatch_size: ${nothing.here}\n", ["batch_size: ", "nothing.here"]),
    "loss/lost.yaml": (b"_target_: my_lost.thing\n", ["loss._target_=my_lost.thing: not found"]),
    "trainer/mine.yaml": (b"accelerator: cpu\ndevices: 1\n", ["trainer.threads"]),
    "regularizer/mine.yaml": (b"_target_: my.penalty\n_partial_: true\n", ["regularizer._target_", "own name"]),
}


@pytest.mark.parametrize("many", [[], ["-m", "seed=0,1"]], ids=["train", "train -m"])
@pytest.mark.parametrize("file", OWN)
def test_a_file_of_ones_own(refused, tmp_path, file, many):
    content, words = OWN[file]
    path = tmp_path / "own" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    chosen = f"{path.parent.name}={path.stem}".replace("regularizer=mine", "regularizer=[mine]")
    message = refused("train", *many, *QUICK, "--config-dir", "own", chosen)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--dryrun"], ["--dryrun: there is no such option", "Did you mean '--dry-run'"]),
        (["train", "-m", "--status", "seed=0,1"], ["--status: there is no such option"]),
        (["sweep", "gamma", "--statuss=1"], ["--statuss: there is no such option"]),
        (["train", "--cfg", "foo"], ["--cfg", "foo", "job"]),
        (["train", "seed=1", "--config-dir"], ["--config-dir", "expected one argument"]),
        (["train", "--from", "~no_such_user/x"], ["--from=~no_such_user/x", "home"]),
    ],
)
def test_options(refused, arguments, words):
    message = refused(*arguments)
    assert "usage" not in message
    assert all(word in message for word in words), message


def test_a_damaged_sweep_of_ones_own(refused, tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"# Why caf\xe9?\n\tseed: 1\n")
    assert "mine.yaml" in refused("sweep", "mine", "--config-dir", ".")
    assert "mine.yaml" in refused("sweep", "mine", "--quick", "--config-dir", ".")
    assert cli.main(["sweep", "--config-dir", "."]) == 0  # the others can still be listed


def test_everything_that_is_wrong_is_told_at_once(refused):
    message = refused("train", "batch_size=0", "game.n_critic=0", "noise=instance", "noise.sigma=-1")
    assert len([line for line in message.splitlines() if "=" in line]) == 3


def test_a_sweep_is_refused_as_a_whole(refused):
    message = refused("sweep", "gamma", *QUICK, "regularizer.r1.gamma=1,-1", "seed=0,1")
    assert "regularizer.r1.gamma=-1" in message
    assert "2 of 4 jobs" in message


def test_report_of_what_is_no_run(refused, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.txt").write_text("meow")
    assert "photos" in refused("report", "photos")
    assert "nowhere" in refused("report", "nowhere")
    assert "cat.txt" in refused("report", "photos/cat.txt")


def test_missing_data_that_cannot_be_downloaded(refused):
    message = refused("train", *QUICK, "dataset=mnist", "dataset.root=empty", "dataset.download=false")
    assert all(word in message for word in ("train-images-idx3-ubyte", "empty", "dataset.root", "STEADYGAN_DATA"))


@pytest.fixture
def mnist_copy(tmp_path):
    if "STEADYGAN_DATA" not in os.environ:
        pytest.skip("STEADYGAN_DATA names no data")
    target = tmp_path / "copy" / RAW
    target.mkdir(parents=True)
    for path in (Path(os.environ["STEADYGAN_DATA"]) / RAW).iterdir():
        shutil.copyfile(path, target / path.name)
    return target


def test_truncated_data(refused, mnist_copy):
    path = mnist_copy / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5])
    message = refused("train", *QUICK, "dataset=mnist", "dataset.root=copy", "dataset.download=false")
    assert "train-images-idx3-ubyte" in message


def test_data_of_another_kind(refused, mnist_copy):
    path = mnist_copy / "train-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    message = refused("train", *QUICK, "dataset=mnist", "dataset.root=copy", "dataset.download=false")
    assert "train-labels-idx1-ubyte" in message


def test_a_file_where_the_outputs_should_be(refused, tmp_path):
    (tmp_path / "taken").write_text("")
    message = refused("train", *QUICK, "outputs=taken")
    assert "outputs=taken" in message


def test_no_permission_to_write(refused, tmp_path, monkeypatch):
    """Root may write everywhere, so the answer of the system is replaced where the tests run as root."""
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    if os.geteuid() == 0:
        allowed = os.access
        monkeypatch.setattr(os, "access", lambda path, *a, **k: "locked" not in str(path) and allowed(path, *a, **k))
    message = refused("train", *QUICK, "outputs=locked/inner")
    assert "outputs=locked/inner" in message
    assert "permission" in message
