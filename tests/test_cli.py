"""The command line as a user meets it: texts, exit codes, what is imported, what Hydra makes of it."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from steadygan import cli
from steadygan.commands.sweep import arguments, split
from steadygan.common.errors import Interrupted, UserError
from steadygan.common.paths import conf_dir, sweeps_dir
from steadygan.config import listing as config_listing

TINY = ["iterations=4", "log_every=2", "evaluate_every=4", "batch_size=8", "logger=none", "network.width=8"]


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize("args", [["--help"], ["train", "--help"], ["sweep", "-h"], ["sweep"], ["--version"], ["swep"]])
def test_help_and_listing_import_nothing_that_is_slow(args):
    script = (
        "import sys, steadygan.cli as cli\n"
        f"cli.main({args!r})\n"
        "print(*sorted({'torch', 'hydra', 'omegaconf', 'numpy', 'rich', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == ""


def test_help_lists_the_commands_that_exist_by_section(steadygan):
    code, out, _ = steadygan("--help")
    assert code == 0
    assert steadygan() == (0, out, "")
    run, read = out.index("\nRun:"), out.index("\nRead:")
    assert run < out.index("\n  train ") < out.index("\n  sweep ") < read < out.index("\n  report ")


def test_a_new_file_is_a_new_command(steadygan, tmp_path, monkeypatch):
    (tmp_path / "brand_new.py").write_text(
        "import click\n@click.command()\ndef command():\n    '''Something new.'''\n    click.echo('hello')\n"
    )
    monkeypatch.setattr(cli.commands, "__path__", [*cli.commands.__path__, str(tmp_path)])
    out = steadygan("--help")[1]
    assert "More:\n  brand-new  Something new." in out
    assert steadygan("brand-new") == (0, "hello\n", "")


def test_help_of_train_has_all_groups_options_and_settings(steadygan):
    out = steadygan("train", "--help")[1]
    words = out.split()
    for group, options in config_listing.groups().items():
        assert any(group in line for line in out.splitlines() if line.endswith(":") or "(* default)" in line), group
        for option in options:
            assert option in words or f"{option}*" in words, option
    assert {"nonsaturating*", "alternating*", "ring*", "adam*", "seed=0", "iterations=5000"} <= set(words)
    assert "optimizer@optimizer.generator" in out
    assert not {"slurm", "slurm_nodes"} & set(words)  # Hydra's own groups are not an algorithm's


def test_help_shows_the_users_own_options(steadygan, tmp_path):
    (tmp_path / "mine" / "loss").mkdir(parents=True)
    (tmp_path / "mine" / "loss" / "peculiar.yaml").write_text("# a loss of my own\nx: 1\n")
    assert "peculiar" in steadygan("train", "--config-dir", "mine", "--help")[1]
    assert "peculiar" not in steadygan("train", "--help")[1]


def test_the_listing_has_every_sweep_with_its_question(steadygan, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.yaml").write_text("# @package _global_\n# Is mine\n# better? Yes, it is.\ndefaults: []\n")
    code, out, _ = steadygan("sweep", "--config-dir", "mine")
    flat = " ".join(out.split())
    assert code == 0
    for path in sweeps_dir().glob("*.yaml"):
        assert f"{path.stem} {config_listing.question(path)}" in flat
    assert "own Is mine better? " in flat
    assert "Yes, it is" not in flat
    assert "own" not in steadygan("sweep")[1].split()


@pytest.mark.parametrize("args", [["trian"], ["report"], ["report", "nowhere"], ["--nothing"], ["train", "--nothing"]])
def test_wrong_usage_exits_2(args):
    done = subprocess.run([sys.executable, "-m", "steadygan", *args], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if args == ["trian"]:
        assert "Did you mean 'train'?" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["loss=hing"], ["loss=hing", "wasserstein", "Did you mean 'hinge'?"]),
        (["loss=3"], ["loss=3", "wasserstein"]),
        (["regularizer=[r9]"], ["regularizer=r9", "gradient_penalty"]),
        (["sead=1"], ["sead=1", "batch_size", "Did you mean 'seed'?"]),
        (["network.widht=1"], ["network.widht=1", "depth", "Did you mean 'width'?"]),
        (["lr=1"], ["lr=1", "optimizer.generator.lr", "optimizer.discriminator.lr"]),
        (["regularizer.r1.gamma=3"], ["regularizer.r1.gamma=3", "regularizer=[r1]"]),
        (["optimizer=adam"], ["optimizer@optimizer.discriminator"]),
        (["seed"], ["seed", "KEY=VALUE"]),
        (["name=/a=b"], ["name=/a=b", "quoted"]),
        (["seed=1,2"], ["seed=1,2", "--multirun"]),
        (["-cn", "gama"], ["gama", "Did you mean 'gamma'?"]),
        (["--config-dir", "nowhere"], ["nowhere"]),
        (["hydra.searchpath=[file:///nowhere]"], ["hydra.searchpath", "/nowhere"]),
        (["--cfg", "job", "-m"], ["--multirun"]),
        (["-m", "hydra/launcher=lokal"], ["hydra/launcher=lokal", "Did you mean 'local'?"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_users_mistake_is_one_clear_message(steadygan, args, words):
    code, out, err = steadygan("train", *args)
    assert code == 2
    assert out == ""
    assert all(word in err for word in words), err
    assert err.startswith("Error: ")
    assert not any(noise in err for noise in ("Traceback", "search path", "provider=", "HYDRA_FULL_ERROR", "To append"))
    assert list(Path.cwd().iterdir()) == []


def test_an_unknown_sweep(steadygan):
    code, _, err = steadygan("sweep", "gama", "seed=1")
    assert code == 2
    assert "Did you mean 'gamma'?" in err
    assert "stabilizers" in err
    assert steadygan("sweep", "seed=1")[0] == 2


@pytest.mark.parametrize(
    ("args", "name", "rest"),
    [
        (["a", "x=1"], "a", ["x=1"]),
        (["x=1", "--config-dir", "a", "-m", "b", "+y=2"], "b", ["--config-dir", "a", "-m", "x=1", "+y=2"]),
        (["--cfg", "job", "b", "~z"], "b", ["--cfg", "job", "~z"]),
        (["--config-dir=a", "x=1"], None, ["--config-dir=a", "x=1"]),
        (["--info", "b"], "b", ["--info"]),
        (["b", "--info", "searchpath", "x=1"], "b", ["--info", "searchpath", "x=1"]),
    ],
)
def test_the_name_of_a_sweep_among_other_arguments(args, name, rest):
    assert split(args) == (name, rest)


def test_what_hydra_is_told_of_a_sweep():
    assert arguments("a", ["x=1"]) == ["--multirun", "name=a", "x=1"]
    assert arguments("a", ["name=b"]) == ["--multirun", "name=b"]
    assert arguments("a", ["--cfg", "job"]) == ["name=a", "--cfg", "job"]


def test_hydra_prints_configs_of_runs_and_sweeps(steadygan, tmp_path):
    code, out, _ = steadygan("train", "--cfg", "job", "seed=7", "loss=hinge")
    assert code == 0
    config = yaml.safe_load(out)
    assert config["seed"] == 7
    assert config["loss"]["_target_"].endswith("Hinge")
    config = yaml.safe_load(steadygan("sweep", "gamma", "--cfg", "job")[1])
    assert config["name"] == "gamma"
    assert list(config["regularizer"]) == ["r1"]
    command = [sys.executable, "-m", "steadygan", "train", "seed=3", "--info", "searchpath", "loss=hinge"]
    info = subprocess.run(command, capture_output=True, text=True, check=True)
    assert str(sweeps_dir()) in info.stdout


def test_ones_own_sweep_builds_on_a_shipped_one_with_ones_own_options(steadygan, tmp_path):
    (tmp_path / "mine" / "network").mkdir(parents=True)
    (tmp_path / "mine" / "network" / "small.yaml").write_text("# small\nlatent: 3\n")
    (tmp_path / "mine" / "own.yaml").write_text("# Why?\ndefaults: [gamma, override network: small, _self_]\nseed: 5\n")
    code, out, err = steadygan("sweep", "own", "--config-dir", "mine", "--cfg", "job", "hydra.searchpath=[]")
    assert code == 0, err
    config = yaml.safe_load(out)
    assert (config["name"], config["seed"], config["network"]["latent"]) == ("own", 5, 3)
    assert list(config["regularizer"]) == ["r1"]


def test_two_sweeps_of_one_name(steadygan, tmp_path):
    (tmp_path / "mine").mkdir()
    shutil.copy(sweeps_dir() / "gamma.yaml", tmp_path / "mine")
    code, _, err = steadygan("sweep", "gamma", "--config-dir", "mine")
    assert code == 2
    assert str(tmp_path / "mine" / "gamma.yaml") in err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UserError("lr=-1: no"), 2, "Error: lr=-1: no\n"),
        (Interrupted("stopped at x"), 130, "Interrupted: stopped at x\n"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (ZeroDivisionError("oh"), 1, "ZeroDivisionError: oh"),
    ],
)
def test_exit_codes_of_what_a_run_raises(steadygan, monkeypatch, error, code, text):
    def fail(config, request):
        raise error

    monkeypatch.setattr("steadygan.train.main_job", fail)
    found, _, err = steadygan("train")
    assert found == code
    assert text in err
    assert ("Traceback" in err) == (code == 1)
    assert "Error executing job" not in err


def test_a_wrong_target_of_hydras_is_a_message_and_its_user_error_too(steadygan, monkeypatch):
    from hydra.utils import instantiate

    def fail(config, request):
        instantiate({"_target_": "pathlib.Nothing"})

    monkeypatch.setattr("steadygan.train.main_job", fail)
    code, _, err = steadygan("train")
    assert code == 2
    assert "pathlib.Nothing" in err

    def refuse(config, request):
        instantiate({"_target_": "steadygan.common.errors.bad_value", "key": "a"})

    monkeypatch.setattr("steadygan.train.main_job", refuse)
    assert steadygan("train")[0] == 2


def test_one_run_for_real_then_nothing_to_do(steadygan):
    code, _, err = steadygan("train", *TINY)
    assert code == 0, err
    (run,) = Path("outputs/runs").iterdir()
    assert json.loads((run / "summary.json").read_text())["status"] == "completed"
    assert "nothing to do: completed already" in steadygan("train", *TINY)[1]
    assert [path.name for path in Path.cwd().iterdir()] == ["outputs"]


LOCAL = ["hydra/launcher=local", "hydra/sweeper=grid"]


def test_a_sweep_for_real(steadygan, tmp_path):
    args = [
        "sweep",
        "gamma",
        *LOCAL,
        *TINY,
        "regularizer.r1.gamma=1,1.0",
        "seed=range(0,2)",
        "hydra.launcher.workers=1",
    ]
    code, out, err = steadygan(*args, "hydra.launcher.dry_run=true")
    assert code == 0, err
    assert out.startswith("2 jobs: 2 to run, 2 asked for more than once")
    assert list(tmp_path.iterdir()) == []
    code, out, err = steadygan(*args)
    assert code == 0, err
    assert "2 completed" in out
    assert out.splitlines()[-1] == "the runs are in outputs/gamma; next: steadygan report outputs/gamma"
    folder = Path("outputs/gamma")
    sweep = yaml.safe_load((folder / "sweep.yaml").read_text())
    assert sweep["question"] == config_listing.question(sweeps_dir() / "gamma.yaml")
    assert sweep["command"].startswith("steadygan sweep gamma hydra/launcher=local")
    assert sweep["command"].endswith("'seed=range(0,2)' hydra.launcher.workers=1")
    assert sweep["swept"] == {"regularizer.r1.gamma": [1, 1.0], "seed": [0, 1]}
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
    next(folder.glob("*/summary.json")).unlink()
    out = steadygan(*args, "hydra.launcher.dry_run=true")[1]
    assert out.startswith("2 jobs: 1 to run, 1 skipped (1 completed), 2 asked for more than once")


def test_mistakes_in_several_jobs_are_told_together_before_any_runs(steadygan, tmp_path):
    code, _, err = steadygan("train", "-m", *LOCAL, *TINY, "loss=hing,hinge", "batch_size=8,-1", "seed=1,2")
    assert code == 2
    assert err.count("loss=hing:") == 1
    assert "(in 4 of 8 jobs)" in err
    assert err.count("batch_size=-1") == 1
    assert "(in 2 of 8 jobs)" in err
    assert list(tmp_path.iterdir()) == []


def test_workers_must_be_a_number(steadygan):
    code, _, err = steadygan("train", "-m", *LOCAL, "hydra.launcher.workers=0", "seed=1,2")
    assert code == 2
    assert "hydra.launcher.workers=0" in err


def test_ctrl_c_stops_with_a_checkpoint(steadygan, tmp_path):
    options = ["seed=0,1", "iterations=100000", "hydra.launcher.workers=1"]
    asked = ["train", "-m", *LOCAL, *TINY, *options]
    command = [sys.executable, "-m", "steadygan", *asked]
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("outputs/runs/*/metrics.csv")):
        assert time.monotonic() < until
        time.sleep(0.1)
    os.killpg(driver.pid, signal.SIGINT)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert err.startswith("Interrupted: ")
    assert len(err.splitlines()) == 1
    (summary,) = tmp_path.glob("outputs/runs/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "preempted"
    out = steadygan(*asked, "hydra.launcher.dry_run=true")[1]
    assert out.startswith("2 jobs: 1 to run, 1 to resume")


@pytest.mark.parametrize("asked", [["trainer.devices=2"], ["-m", *LOCAL, "seed=0,1", "hydra.launcher.workers=1"]])
def test_a_terminal_that_is_closed_stops_with_a_checkpoint(steadygan, tmp_path, asked):
    """A run of several processes, and a pool: everything that is written to the terminal then fails."""
    frequent = ["evaluate_every=1000", "log_every=100", "checkpoint_every=100"]
    driver, terminal = pty.fork()
    if driver == 0:
        os.execv(
            sys.executable, [sys.executable, "-m", "steadygan", "train", *TINY, "iterations=1000000", *frequent, *asked]
        )
    until = time.monotonic() + 60
    while not list(tmp_path.glob("outputs/runs/*/checkpoints/last.ckpt")):
        assert time.monotonic() < until
        if select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 4096)
    os.close(terminal)  # the kernel tells the programs of the terminal
    time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(driver, signal.SIGHUP)  # and so does its shell
    _, code = os.waitpid(driver, 0)
    assert os.waitstatus_to_exitcode(code) == 130
    (summary,) = tmp_path.glob("outputs/runs/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "preempted"
    assert not (summary.parent / "lock").exists()


def test_bash_completes_commands_and_sweeps(tmp_path):
    script = tmp_path / "steadygan"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m steadygan "$@"\n')
    script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def complete(*words):
        text = (
            'eval "$(_STEADYGAN_COMPLETE=bash_source steadygan)"\n'
            f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}\n"
            '_steadygan_completion steadygan; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=environment, check=True)
        return done.stdout.split()

    assert complete("steadygan", "tr") == ["train"]
    assert complete("steadygan", "sweep", "gam") == ["gamma"]
    assert complete("steadygan", "sweep", "gamma", "x") == []


def test_every_option_says_what_it_is():
    silent = [
        path for group in config_listing.groups().values() for path in group.values() if not config_listing.about(path)
    ]
    assert silent == []
    assert (conf_dir() / "hydra" / "launcher" / "local.yaml").exists()


def test_a_method_of_ones_own_from_the_folder_one_works_in(steadygan, tmp_path):
    """One file and one yaml, as the README has it; workers find it too."""
    (tmp_path / "my_gan").mkdir()
    (tmp_path / "my_gan" / "penalty.py").write_text(
        "from steadygan.core.autodiff import input_gradient\n\n"
        "def quartic(critic, real, fake, eps, *, weight):\n"
        "    _, gradient = input_gradient(critic, real)\n"
        "    return weight * gradient.flatten(1).square().sum(1).square()\n"
    )
    folder = tmp_path / "my_conf" / "regularizer"
    folder.mkdir(parents=True)
    (folder / "quartic.yaml").write_text("quartic: {_target_: my_gan.penalty.quartic, _partial_: true, weight: 1.0}\n")
    own = ["--config-dir", "my_conf", "regularizer=[quartic]"]
    code, _, err = steadygan("train", "-m", *own, *TINY, "regularizer.quartic.weight=0,2", "name=own")
    assert code == 0, err
    penalties = {}
    for path in (tmp_path / "outputs" / "own").glob("*/config.yaml"):
        weight = yaml.safe_load(path.read_text())["regularizer"]["quartic"]["weight"]
        header, first, *_ = (path.parent / "metrics.csv").read_text().splitlines()
        penalties[weight] = float(dict(zip(header.split(","), first.split(",")))["penalty/quartic"])
    assert penalties[0] == 0
    assert penalties[2] > 0


def test_a_launch_of_what_has_failed_fails(steadygan, tmp_path):
    """Its exit code is that of the failure, not that of a launch with nothing to do; looking costs nothing."""
    assert steadygan("train", *TINY)[0] == 0
    (path,) = tmp_path.glob("outputs/runs/*/summary.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "status": "failed"}))
    log = str(path.with_name("log.txt"))
    code, out, err = steadygan("train", *TINY)
    assert (code, "retry=true" in out, log in err) == (1, True, True)
    code, out, err = steadygan("train", "-m", *TINY)
    assert (code, "failed before: " in out, "1 of 1 job failed before" in err, "retry=true" in err) == (1, *[True] * 3)
    assert steadygan("train", "-m", *TINY, "hydra.launcher.dry_run=true")[0] == 0
    assert steadygan("train", *TINY, "retry=true")[0] == 0
    assert steadygan("train", *TINY)[0] == 0


def test_numbers_however_they_are_written_are_one_run(steadygan, tmp_path):
    assert steadygan("train", *TINY)[0] == 0
    other = [
        "iterations=4.0",
        "log_every=2e0",
        "evaluate_every='4'",
        "batch_size=0.8e1",
        "network.width='8e0'",
        "seed=0e0",
    ]
    code, out, _ = steadygan("train", *TINY, *other)
    assert (code, "nothing to do: completed already" in out) == (0, True)
    assert steadygan("train", "-m", *TINY, *other, "hydra.launcher.workers=1e0", "trainer.threads=1.0")[0] == 0
    (run,) = tmp_path.glob("outputs/runs/*/config.yaml")
    code, _, err = steadygan("train", "-m", *TINY, "hydra.launcher.workers=1.5")
    assert (code, err) == (2, "Error: hydra.launcher.workers=1.5: must be 'auto' or a number from 1 on\n")
    code, out, err = steadygan("evaluate", str(run.parent), "metrics.modes.samples=1e2", "--out", "scores.json")
    assert (code, json.loads((tmp_path / "scores.json").read_text())["provenance"]["modes"]["samples"]) == (0, 100)
    code, _, err = steadygan("evaluate", str(run.parent), "metrics.modes.samples=abc")
    assert (code, err) == (2, "Error: metrics.modes.samples=abc: must be a whole number\n")


def test_numbers_of_studies(steadygan):
    for given, words in [("seed=abc", "a whole number"), ("step=abc", "a number"), ("unroll=1.5", "a whole number")]:
        assert steadygan("theory", "dirac", given)[1:] == ("", f"Error: {given}: must be {words}\n")
    from steadygan.analysis.studies.dirac.settings import Settings
    from steadygan.commands.shared.keys import values

    made = values(Settings, {"seed": "1e1", "unroll": "2.0", "step": "1"}, "dirac")
    assert made == {"seed": 10, "unroll": 2, "step": 1}
    assert isinstance(made["seed"], int)
