"""Commands that give a run again, and ``--from``: every one is compared by the signature that it gives."""

import html
import json
import re
import shlex
import shutil

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf
from PIL import Image

from steadygan.commands.from_run.composer import RootComposer
from steadygan.common.errors import UserError
from steadygan.config.composition import compose
from steadygan.runs.files import write_json
from steadygan.runs.signature import signature
from steadygan.runs.summary import identity
from steadygan.sweeps import job_folders

TINY = ["iterations=2", "log_every=1", "evaluate_every=2", "batch_size=8", "logger=none", "network.width=8"]

OWN = """
# Does it matter?
defaults:
  - config
  - override regularizer: [r1]
  - override logger: none
  - override optimizer@optimizer.generator: sgd
  - _self_
iterations: 2
batch_size: 8
network: {width: 8, generator: {width: 4}}
optimizer: {generator: {lr: "${optimizer.discriminator.lr}"}}
regularizer: {r1: {every: 2}}
hydra:
  sweeper:
    params: {regularizer.r1.gamma: "0.5,1", loss: "lsgan,peculiar", seed: 0}
"""


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def untrained(monkeypatch):
    """Launches write all that is known of a run before it trains, and say that it is done."""

    def run_all(function, jobs, **how):
        for job in jobs:
            job_folders.describe(job)
            write_json(job.directory / "summary.json", {**identity(job, "completed"), "iteration": job.iterations})
        return {job.signature: "completed" for job in jobs}

    monkeypatch.setattr("steadygan.sweeps.launching.run_all", run_all)


def signatures(out):
    """Those that a dry run says."""
    return set(re.findall(r"\b[0-9a-f]{10}\b(?=  )", out))


def test_every_printed_command_gives_the_signatures_that_it_shows(steadygan, untrained, tmp_path):
    """A sweep's file with settings beside those it sweeps, a folder of one's own, seeds of a second launch."""
    (tmp_path / "mine" / "loss").mkdir(parents=True)
    (tmp_path / "mine" / "own.yaml").write_text(OWN)
    (tmp_path / "mine" / "loss" / "peculiar.yaml").write_text(
        "_target_: steadygan.core.losses.LeastSquares\nalpha: 0.3\n"
    )
    (tmp_path / "mine" / "method").mkdir()
    (tmp_path / "mine" / "method" / "odd.yaml").write_text("# @package _global_\nmethod: odd\nema: {decay: 0.5}\n")
    for more in ([], ["seed=1", "loss=peculiar", "method=odd"]):
        code, _, err = steadygan("sweep", "own", "--config-dir", "mine", *more)
        assert code == 0, err
    folder = tmp_path / "outputs" / "own"
    runs = {json.loads(path.read_text())["signature"]: path.parent for path in folder.glob("*/summary.json")}
    assert len(runs) == 6
    config = yaml.safe_load((runs[min(runs)] / "config.yaml").read_text())
    assert (config["batch_size"], config["network"]["generator"]["width"], config["regularizer"]["r1"]["every"]) == (
        8,
        4,
        2,
    )

    for signed, run in runs.items():
        options = json.loads((run / "summary.json").read_text())["options"]
        said = yaml.safe_load((run / "overrides.yaml").read_text())
        assert signatures(steadygan("train", *options, *said, "--dry-run")[1]) == {signed}

    code, out, err = steadygan("report", str(folder))
    assert code == 0, err
    assert "steadygan sweep --from outputs/own" in out
    page = html.unescape((folder / "report" / "index.html").read_text())
    blocks = re.findall(r"<pre[^>]*>(steadygan .*?)</pre>", page, flags=re.DOTALL)
    again, launches, *methods = [block.splitlines() for block in blocks]
    assert launches == [
        "steadygan sweep own --config-dir mine",
        "steadygan sweep own --config-dir mine seed=1 loss=peculiar method=odd",
    ]
    for lines in (again, launches, [line for block in methods for line in block]):
        found = [steadygan(*shlex.split(line)[1:], "--dry-run")[1] for line in lines]
        assert set().union(*map(signatures, found)) == set(runs), lines


def test_a_folder_says_again_what_has_not_begun(steadygan, untrained, tmp_path):
    args = ["train", "-m", *TINY, "seed=0,1,2", "name=some", "hydra/launcher=local", "hydra.sweeper.baseline=lsgan"]
    assert steadygan(*args)[0] == 0
    runs = sorted((tmp_path / "outputs" / "some").glob("*/"))
    (runs[2] / "config.yaml").unlink()
    (runs[2] / "summary.json").unlink()
    out = steadygan("sweep", "--from", "outputs/some", "--dry-run")[1]
    assert "3 jobs: 1 to run, 2 skipped (2 completed)" in out
    assert {str(run)[-10:] for run in runs} == signatures(out)
    out = steadygan("sweep", "--from", "outputs/some", "iterations=4", "seed=7", "network.width=16,32", "--dry-run")[1]
    assert "2 jobs: 2 to run, 4 asked for more than once" in out
    assert steadygan("sweep", "--from", "outputs/some", "iterations=4")[0] == 0
    about = yaml.safe_load((tmp_path / "outputs" / "some" / "sweep.yaml").read_text())
    assert about["commands"][1:] == ["steadygan sweep --from outputs/some iterations=4"]
    assert about["baseline"] == "lsgan"


def rows(run):
    """All columns of ``metrics.csv`` but the clock's."""
    lines = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    clock = lines[0].index("seconds")
    return [line[:clock] + line[clock + 1 :] for line in lines]


def test_a_run_is_extended_from_its_folder_with_the_same_bits(steadygan, tmp_path):
    said = [*TINY, "network.width=16", "seed=3", "optimizer.generator.lr='${optimizer.discriminator.lr}'"]
    assert steadygan("train", *said)[0] == 0
    assert steadygan("train", *said, "iterations=4", "outputs=whole")[0] == 0
    (run,) = (tmp_path / "outputs" / "runs").iterdir()
    (whole,) = (tmp_path / "whole" / "runs").iterdir()
    moved = tmp_path / "else" / "where" / "the best one"
    moved.parent.mkdir(parents=True)
    run.rename(moved)
    code, out, err = steadygan("train", "--from", str(moved), "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "1 job: 1 skipped (1 completed)"), err
    assert steadygan("train", "--from", str(moved), "iterations=4")[0] == 0
    assert rows(moved) == rows(whole)
    assert [path.name for path in moved.parent.iterdir()] == ["the best one"]
    code, out, _ = steadygan("train", "--from", str(moved), "optimizer.discriminator.lr=0.01", "--cfg", "job")
    assert OmegaConf.create(yaml.safe_load(out)).optimizer.generator.lr == 0.01  # still bound to the other player's


RUN = ["loss=lsgan", "loss.alpha=0.3", "regularizer=[r1]", "regularizer.r1.gamma=3", "network.width=8", "seed=4"]
REST = ["network.width=8", "seed=4"]

CHANGES = [
    (["network.width=16"], [*RUN, "network.width=16"]),
    (["seed=5", "++regularizer.r1.gamma=1"], [*RUN, "seed=5", "regularizer.r1.gamma=1"]),
    (["loss=hinge"], [*REST, "loss=hinge", "regularizer=[r1]", "regularizer.r1.gamma=3"]),
    (["loss=lsgan"], [*REST, "loss=lsgan", "regularizer=[r1]", "regularizer.r1.gamma=3"]),
    (["regularizer=[r2,r1]"], [*RUN, "regularizer=[r1,r2]"]),
    (["regularizer=[]"], [*REST, "loss=lsgan", "loss.alpha=0.3"]),
    (["loss={alpha: 0.1}"], [*RUN, "loss.alpha=0.1"]),
    (["regularizer={r1: {gamma: 5}}"], [*RUN, "regularizer.r1.gamma=5"]),
    (["~regularizer.r1"], [*REST, "loss=lsgan", "loss.alpha=0.3"]),
    (["method=wgan_gp"], [*REST, "method=wgan_gp"]),
    (["method=r1_lazy", "regularizer.r1.gamma=2"], [*REST, "method=r1_lazy", "regularizer.r1.gamma=2"]),
    (["dataset=digits"], [*RUN, "dataset=digits"]),
    (["+schedule@loss.alpha=linear", "loss.alpha.end=0.5"], [*RUN[:1], *RUN[2:], "+schedule@loss.alpha=linear",
                                                             "loss.alpha.end=0.5"]),
    (["optimizer@optimizer.discriminator=sgd"], [*RUN, "optimizer@optimizer.discriminator=sgd"]),
    (["network=mlp", "network.depth=3"], [*RUN[:4], "seed=4", "network.depth=3"]),
]  # fmt: skip


@pytest.mark.parametrize("known", [True, False], ids=["its overrides", "the config alone"])
@pytest.mark.parametrize(("changes", "same"), CHANGES, ids=lambda value: " ".join(value)[:40])
def test_changes_mean_what_the_whole_command_means(changes, same, known):
    said = RootComposer([], changes)
    given = said.changed(said.overrides(compose(RUN), RUN if known else ["loss=gone", "seed=9"], exact=False))
    assert signature(compose(given)) == signature(compose(same))


def test_a_sweep_takes_values_in_braces(steadygan):
    """They are values, not an option of the group, for the runs and for what is said of them."""
    out = steadygan("sweep", "gamma", "regularizer={r1: {gamma: 3}}", "seed=0", "--dry-run")[1]
    same = steadygan("train", "-cn", "gamma", "regularizer.r1.gamma=3", "--dry-run")[1]
    assert signatures(out) == signatures(same) != set()


def test_its_sweeper_alone_sweeps_the_command_line(steadygan):
    code, out, _ = steadygan("train", "-m", *TINY, "hydra/sweeper=again", "seed=0,1", "--dry-run")
    assert (code, len(signatures(out))) == (0, 2)


OTHERS = [
    ["method=sgld", "dataset=grid", "optimizer.discriminator.step_size=1e-6"],
    ["dataset=digits", "network=dcgan", "network.width=8", "noise=diffaugment", "metrics=[]"],
    ["+schedule@loss.alpha=linear", "loss=lsgan", "loss.alpha.end=0.2", "thresholds={modes: 90 %}"],
    ["labels=conditional", "discriminator/vote=softmax", "discriminator.ensemble=3"],
    ["++ema.decay=1", "~ema.rampup", "regularizer=[r2,r1]", "regularizer.r1.every=4", "trainer.precision=bf16"],
]


@pytest.mark.parametrize("overrides", OTHERS, ids=lambda value: value[0])
@pytest.mark.parametrize("known", [True, False], ids=["its overrides", "the config alone"])
def test_any_config_can_be_said(overrides, known):
    config = compose(overrides)
    said = RootComposer([], []).overrides(config, overrides if known else [], exact=True)
    assert signature(compose(said)) == signature(config)
    plain = compose(said)
    assert {key: plain[key] for key in ("thresholds", "trainer")} == {
        key: config[key] for key in ("thresholds", "trainer")
    }


def test_a_config_of_another_version():
    config = compose(["loss=lsgan"])
    config["loss"].pop("normalised")
    config.pop("diagnostics")
    config["loss"]["of_old"] = 1
    said = RootComposer([], [])
    assert compose(said.overrides(config, [], exact=True)) == config
    later = compose(said.overrides(config, [], exact=False))  # a new run: what came since is at its default
    assert later["diagnostics"]["spectrum_every"] is None
    assert later["loss"] == {**config["loss"], "normalised": False}


EVIL = {"_target_": "logging.FileHandler", "filename": "evil"}


def test_nothing_is_built_that_a_folder_names_and_nobody_trusts(steadygan, untrained, tmp_path):
    assert steadygan("train", "-m", *TINY, "seed=0,1", "name=some", "hydra/launcher=local")[0] == 0
    folder = tmp_path / "outputs" / "some"
    one, two = sorted(folder.glob("*/"))
    config = yaml.safe_load((one / "config.yaml").read_text())
    (one / "config.yaml").write_text(yaml.safe_dump({**config, "loss": EVIL}))
    for command, path in (("train", one), ("sweep", folder)):
        code, _, err = steadygan(command, "--from", str(path), "seed=5")
        assert code == 2
        assert "logging.FileHandler" in err
        assert "--trust" in err
    (one / "config.yaml").write_text(yaml.safe_dump(config))
    (two / "config.yaml").unlink()
    jobs = json.loads((folder / "jobs.json").read_text())
    jobs[two.name[-10:]]["overrides"] += ["++loss={_target_: logging.FileHandler, filename: evil}"]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    code, _, err = steadygan("sweep", "--from", str(folder))
    assert code == 2
    assert "logging.FileHandler" in err
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("overrides", "about", "words"),
    [
        (["++loss={_target_: logging.FileHandler, filename: evil}"], {}, "refused"),
        (["loss._target_=logging.FileHandler,logging.FileHandler", "++loss.filename=evil"], {}, "more than one value"),
        (["++x='{_target_: logging.FileHandler, filename: evil}'", "loss=${oc.decode:${x}}"], {}, "oc.decode"),
        (["network.width=["], {}, "cannot be read"),
        (["seed=1"], {"threshold": {"modes": EVIL}}, "logging.FileHandler: refused"),
        (["seed=1"], {"threshold": {"modes": "${oc.decode:'{_target_: logging.FileHandler, filename: evil}'}"}}, "oc."),
    ],
)
def test_what_has_not_begun_builds_nothing_either(overrides, about, words, steadygan, tmp_path):
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "jobs.json").write_text(json.dumps({"0123456789": {"options": [], "overrides": [*TINY, *overrides]}}))
    (folder / "sweep.yaml").write_text(yaml.safe_dump(about))
    code, _, err = steadygan("sweep", "--from", "sent", "--dry-run")
    assert code == 2
    assert words in err
    assert "Traceback" not in err
    assert not (tmp_path / "evil").exists()


def test_data_that_have_moved_are_the_same_data(steadygan, untrained, tmp_path):
    (tmp_path / "here").mkdir()
    for index in range(4):
        Image.fromarray(np.full((8, 8, 3), 60 * index, dtype=np.uint8)).save(tmp_path / "here" / f"{index}.png")
    said = [*TINY, "network=dcgan", "dataset=folder", "dataset.root=here", "dataset.size=8", "metrics=[]"]
    code, _, err = steadygan("train", "-m", *said, "seed=0", "hydra/launcher=local")
    assert code == 0, err
    (run,) = (tmp_path / "outputs" / "runs").glob("*/")
    (tmp_path / "here").rename(tmp_path / "there")
    for command, path in (("train", run), ("sweep", run.parent)):
        out = steadygan(command, "--from", str(path), "dataset.root=there", "--dry-run")[1]
        assert "1 job: 1 skipped (1 completed)" in out
        assert signatures(out) == {run.name[-10:]}


def test_a_run_whose_signature_is_not_what_it_was_does_not_go_on(steadygan, untrained, tmp_path):
    assert steadygan("train", "-m", *TINY, "seed=0,1", "name=some", "hydra/launcher=local")[0] == 0
    run = min((tmp_path / "outputs" / "some").glob("*/"))
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "batch_size": 9}))  # as other data would
    for command, path in (("train", run), ("sweep", run.parent)):
        code, _, err = steadygan(command, "--from", str(path), "iterations=9")
        assert code == 2
        assert "another signature" in err
    assert steadygan("train", "--from", str(run), "batch_size=4", "--dry-run")[0] == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train", "--from", "nowhere"], ["--from nowhere", "no such run folder"]),
        (["sweep", "--from", "nowhere"], ["--from nowhere", "no such sweep folder"]),
        (["sweep", "--from", "."], ["no run in this folder"]),
        (["train", "--from"], ["--from", "needs the folder"]),
        (["train", "--trust", "x"], ["--trust", "--from"]),
        (["train", "--from=a", "--from=b"], ["one folder"]),
        (["sweep", "--from", ".", "gamma"], ["gamma", "--from"]),
        (["sweep", "--from", ".", "--quick"], ["--quick", "--from"]),
        (["train", "--from", "."], ["config.yaml", "missing"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_mistakes(steadygan, args, words):
    code, out, err = steadygan(*args)
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err


@pytest.mark.parametrize("args", [["train"], ["train", "-m", "seed=3,4"], ["sweep", "gamma", "--run", "seed=3"]])
def test_a_dry_run_says_signature_and_folder_and_does_nothing(steadygan, tmp_path, args):
    code, out, err = steadygan(*args, *TINY, "--dry-run")
    assert code == 0, err
    first, *lines = out.splitlines()
    assert first == f"{len(lines)} job{'s' * (len(lines) > 1)}: {len(lines)} to run"
    for line in lines:
        signed, folder = line.split()[-2:]
        assert re.fullmatch(rf"outputs/\w+/.*-{signed}", folder)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_that_is_named_is_meant_and_no_copy_of_it(steadygan, untrained, tmp_path):
    assert steadygan("train", "-m", *TINY, "seed=0", "name=some", "hydra/launcher=local")[0] == 0
    (run,) = (tmp_path / "outputs" / "some").glob("*/")
    for name in ("backup", "best", f"earlier{run.name[-11:]}", "without"):
        shutil.copytree(run, run.parent / name)
    (run.parent / "without" / "summary.json").unlink()
    (tmp_path / "link").symlink_to(run)
    for path in ("outputs/some/best", f"outputs/some/{run.name}", "outputs/some/without", "link"):
        for more in ([], ["iterations=9"]):
            code, out, err = steadygan("train", "--from", path, *more, "--dry-run")
            assert code == 0, err
            assert out.splitlines()[1].endswith(f"  {path}")
    out = steadygan("train", "--from", "outputs/some/best", "name=other", "--dry-run")[1]
    assert "  outputs/other/" in out
    out = steadygan("train", "--from", "outputs/some/best", "seed=3", "--dry-run")[1]
    assert "  outputs/some/" in out
    assert "best" not in out
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({"seed": config["seed"], "loss": config["loss"]}))
    code, _, err = steadygan("train", "--from", str(run), "--dry-run")
    assert (code, "not whole: it lacks" in err) == (2, True)


def test_a_folder_is_found_from_within(steadygan, untrained, tmp_path, monkeypatch):
    assert steadygan("train", "-m", *TINY, "seed=0", "name=some", "hydra/launcher=local")[0] == 0
    (run,) = (tmp_path / "outputs" / "some").glob("*/")
    (run / "empty").mkdir()
    monkeypatch.chdir(run / "empty")
    for command, path in (("train", ".."), ("train", f"../../{run.name}/."), ("sweep", "../..")):
        code, out, err = steadygan(command, "--from", path, "--dry-run")
        assert code == 0, err
        assert "1 job: 1 skipped (1 completed)" in out
    jobs = {"0123456789": {"options": [], "overrides": [*TINY, "seed=7"]}}
    (run.parent / "jobs.json").write_text(json.dumps(jobs))
    monkeypatch.chdir(run.parent)
    code, out, err = steadygan("sweep", "--from", ".", "seed=7", "--dry-run")
    assert code == 0, err
    assert re.search(r"  default-[0-9a-f]{10}$", out, flags=re.MULTILINE)  # here, in outputs/some


def test_what_cannot_be_said_is_a_message():
    config = {**compose([]), "method": "of_my_own"}
    with pytest.raises(UserError, match="method=of_my_own"):
        RootComposer([], []).overrides(config, [], exact=True)


def test_what_comes_from_outside_the_config_is_said(steadygan, untrained, tmp_path, monkeypatch):
    """The number of a job, and the environment, are others when the command is given again."""
    monkeypatch.setenv("MINE", "7")
    bound = ["batch_size='${oc.env:MINE}'", "seed='${hydra:job.num}'", "dataset.sigma=0.1,0.2"]
    code, _, err = steadygan(
        "train", "-m", *[text for text in TINY if "batch" not in text], *bound, "hydra/launcher=local"
    )
    assert code == 0, err
    monkeypatch.delenv("MINE")
    runs = sorted((tmp_path / "outputs" / "runs").glob("*/"))
    assert {yaml.safe_load((run / "config.yaml").read_text())["seed"] for run in runs} == {0, 1}
    for run in runs:
        said = yaml.safe_load((run / "overrides.yaml").read_text())
        assert signatures(steadygan("train", *said, "--dry-run")[1]) == {run.name[-10:]}
