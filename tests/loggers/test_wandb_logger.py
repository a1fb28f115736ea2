"""The W&B logger, read back with W&B's own reader."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from steadygan import cli
from steadygan.common.errors import UserError
from steadygan.config.hydra_versions import allowing
from steadygan.loggers import fragments, service
from steadygan.loggers import wandb as module
from steadygan.loggers.wandb import Wandb
from steadygan.runs.job import Job

CONFIG = {"name": "sweeps/first", "seed": 3, "loss": {"alpha": 0.25, "names": ["a", "b"]}, "method": None}
SUMMARY = {
    "status": "completed",
    "metrics": {"modes": {"final": 8.0, "best": 8.0}, "kl": {"final": None}},
    "oscillation": {"generator": 0.1},
    "versions": {"torch": "2.9"},
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """No credentials, nothing known of the server, and nothing of wandb left for the next test."""
    for key in [key for key in os.environ if key.startswith("WANDB_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("NETRC", "/nonexistent")
    monkeypatch.setattr(module._Server, "problem", None)
    yield
    service.forget()


@pytest.fixture
def info(tmp_path):
    return make_info(tmp_path / "run")


def make_info(directory: Path, signature: str = "0123abcd", method: str = "r1") -> Job:
    directory.mkdir(parents=True)
    return Job(CONFIG, ("loss.alpha=0.25",), directory, signature, "gamma=1", method, 3, 9)


def records(directory: Path) -> list[list[dict]]:
    """The records of every fragment of a run, by ``wandb leet inspect``, the oldest fragment first."""
    found = []
    for path in directory.glob("wandb/*run-*/*.wandb"):
        output = fragments.inspect(path)
        found.append([json.loads(line) for line in output.splitlines()])
    return sorted(found, key=lambda fragment: only(fragment, "run")[0]["start_time"])


def only(fragment: list[dict], kind: str) -> list[dict]:
    return [record[kind] for record in fragment if record["type"] == kind]


def rows(fragment: list[dict]) -> list[dict]:
    return [{k: v for k, v in item["item"].items() if k[0] != "_"} for item in only(fragment, "history")]


def summary_of(fragment: list[dict]) -> dict:
    merged: dict = {}
    for record in only(fragment, "summary"):
        merged |= record["update"]
    return merged


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "steadygan"]


def core():
    return service._process()


def test_everything_is_in_the_file(info, tmp_path, caplog, capfd):
    logger = Wandb(tags=["toy", "x" * 80])
    logged = [
        {"iteration": 100, "images": 25600, "seconds": 0.1, "loss/discriminator": 0.1 + 0.2, "loss/generator": -1e-12},
        {"iteration": 200, "loss/discriminator": float("nan"), "metric/modes": 8.0},
        {"iteration": 300, "loss/discriminator": 1 / 3},
    ]
    logger.open(info)
    for row in logged:
        logger.row(row)
    logger.close(SUMMARY)

    (fragment,) = records(info.directory)
    run = only(fragment, "run")[0]
    assert run["run_id"] == "0123abcd"
    assert (run["run_group"], run["job_type"], run["display_name"]) == ("sweeps/first", "r1", "gamma=1 seed=3")
    assert (run["project"], run["tags"]) == ("steadygan", ["toy", "x" * 64])
    config = {key: value for key, value in run["config"]["update"].items() if key != "_wandb"}
    assert config == {**CONFIG, "signature": "0123abcd", "overrides": ["loss.alpha=0.25"]}
    logged[1]["loss/discriminator"] = "NaN"
    assert rows(fragment) == logged
    (metric,) = only(fragment, "metric")
    assert (metric["glob_name"], metric["step_metric"]) == ("*", "iteration")
    got = summary_of(fragment)
    assert {key: got[key] for key in got if key.split("/")[0] in (*SUMMARY, "last_half")} == {
        "status": "completed",
        "metrics/modes/final": 8.0,
        "metrics/modes/best": 8.0,
        "last_half/oscillation/generator": 0.1,
        "versions/torch": "2.9",
    }
    assert "oscillation/generator" not in got
    assert only(fragment, "exit") == [{"exit_code": 0}]
    assert warnings(caplog) == []
    assert capfd.readouterr() == ("", "")


def test_nothing_private_is_captured(info):
    logger = Wandb()
    logger.open(info)
    logger.row({"iteration": 1})
    print("on the console")
    logger.close(SUMMARY)
    (fragment,) = records(info.directory)
    assert {record["type"] for record in fragment} <= {
        "header", "run", "telemetry", "metric", "summary", "history", "exit",
    }  # fmt: skip
    (files,) = info.directory.glob("wandb/*run-*/files")
    assert list(files.iterdir()) == []


def test_pictures_keep_their_pixels(info, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "sample.png")
    logger = Wandb()
    logger.open(info)
    logger.picture(1000, "samples", tmp_path / "sample.png")
    logger.close(SUMMARY)
    (fragment,) = records(info.directory)
    (row,) = rows(fragment)
    assert row["iteration"] == 1000
    (folder,) = info.directory.glob("wandb/*run-*/files")
    assert (np.asarray(Image.open(folder / row["samples.path"])) == pixels).all()


DIVERGED = {
    "status": "diverged",
    "diverged_at": 57,
    "directions": {"modes": "max", "kl": "min"},
    "metrics": {"modes": {"final": 8.0, "best": 8.0, "direction": "max"}},
}


@pytest.mark.parametrize("evaluated", [True, False])
def test_a_run_that_diverged_says_so(info, evaluated):
    logger = Wandb(tags=["toy"])
    logger.open(info)
    logger.row({"iteration": 1, **({"metric/modes": 8.0} if evaluated else {})})
    logger.close(DIVERGED if evaluated else {**DIVERGED, "metrics": {}})
    (fragment,) = records(info.directory)
    assert only(fragment, "exit") == [{"exit_code": 1}]
    assert only(fragment, "run")[-1]["tags"] == ["toy", "diverged"]
    got = summary_of(fragment)
    assert (got["status"], got["diverged_at"]) == ("diverged", 57)
    # NaN, which wandb's files call null: no last value, and none that looks well
    for name in ("modes", "kl"):
        assert [got[f"metrics/{name}/final"], got[f"metric/{name}"]] == [None, None]
    assert got.get("metrics/modes/best") == (8.0 if evaluated else None)


def test_a_run_that_was_stopped_is_preempted(info):
    """That is W&B's word for what is to be gone on with; "finished" it is not."""
    logger = Wandb()
    logger.open(info)
    logger.close({**SUMMARY, "status": "preempted"})
    (fragment,) = records(info.directory)
    assert len(only(fragment, "preempting")) == 1
    assert only(fragment, "exit") == [{"exit_code": 1}]


@pytest.mark.parametrize(("agents", "expected"), [(["a1", "a2", None], "a1"), ([None, "a2"], "0123abcd")])
def test_under_an_agent_every_launch_of_a_run_is_one_run(info, monkeypatch, agents, expected):
    """The first launch has the agent's id; whatever launches it again, it goes on under this one."""
    for start, agent in enumerate(agents):
        time.sleep(1.0 if start else 0.0)  # the names of wandb's folders have seconds
        service.forget()  # each in a process of its own
        with monkeypatch.context() as patch:
            if agent:
                patch.setenv("WANDB_SWEEP_ID", "sweep1")
                patch.setenv("WANDB_PROJECT", "theirs")
                patch.setenv("WANDB_RUN_ID", agent)
            logger = Wandb()
            logger.open(info)
            logger.row({"iteration": start})
            logger.close(SUMMARY)
    runs = [only(fragment, "run")[0] for fragment in records(info.directory)]
    assert [run["run_id"] for run in runs] == [expected] * len(agents)
    assert [run.get("sweep_id") for run in runs] == ["sweep1" if agent else None for agent in agents]
    assert [run["project"] for run in runs] == ["theirs" if agent else "steadygan" for agent in agents]
    assert all(run["config"]["update"]["signature"] == "0123abcd" for run in runs)


def test_an_agent_that_gives_no_id_gets_the_signature(info, monkeypatch):
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep1")
    for _ in range(2):  # and the second run of a process is as the first
        logger = Wandb()
        logger.open(info)
        logger.close(SUMMARY)
        run = only(records(info.directory)[-1], "run")[0]
        assert (run["run_id"], run["sweep_id"]) == ("0123abcd", "sweep1")


def test_the_runs_of_a_multirun_do_not_share_the_agents_id(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_RUN_ID", "theirs")
    job = ["train", "-m", "seed=0,1", f"outputs={tmp_path}", "hydra.launcher.dry_run=true"]
    assert cli.main(job) == 0
    assert "WANDB_RUN_ID" not in os.environ  # which the processes of the runs inherit


@pytest.mark.parametrize("status", ["failed", "running", None])
def test_a_run_that_ended_badly_has_failed(info, status):
    logger = Wandb()
    logger.open(info)
    logger.close({"status": status} if status else {})
    assert only(records(info.directory)[0], "exit") == [{"exit_code": 1}]


def test_runs_do_not_mix(tmp_path):
    first, second, third = (make_info(tmp_path / name, name) for name in ("one", "two", "three"))
    one, two = Wandb(), Wandb()
    one.open(first)
    two.open(second)
    for step in range(3):
        one.row({"iteration": step, "x": 1.0})
        two.row({"iteration": step, "x": 2.0})
    one.close({"status": "completed", "who": 1})
    one.open(third)
    one.row({"iteration": 7, "x": 3.0})
    two.row({"iteration": 3, "x": 2.0})
    two.close({"status": "completed", "who": 2})
    one.close({"status": "completed", "who": 3})
    for info, who, steps in ((first, 1, [0, 1, 2]), (second, 2, [0, 1, 2, 3]), (third, 3, [7])):
        (fragment,) = records(info.directory)
        assert rows(fragment) == [{"iteration": step, "x": float(who)} for step in steps]
        assert summary_of(fragment)["who"] == who
        assert only(fragment, "run")[0]["run_id"] == info.signature


def test_a_resumed_run_is_a_further_fragment_of_the_same_run(info):
    for start in (0, 10):
        logger = Wandb()
        logger.open(info)
        logger.row({"iteration": start})
        logger.close(SUMMARY)
    fragments = records(info.directory)
    assert [rows(fragment) for fragment in fragments] == [[{"iteration": 0}], [{"iteration": 10}]]
    runs = [only(fragment, "run")[0] for fragment in fragments]
    assert [(run["run_id"], run["resume"]) for run in runs] == [("0123abcd", True)] * 2


def test_open_leaves_the_process_as_it_was(info):
    """Except for WANDB's own threads: no draw taken, no signal handled, no hook, no variable for child processes."""

    def state():
        signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
        numpy = np.random.get_state()  # noqa: NPY002
        return (
            (random.getstate(), numpy[1].tolist(), numpy[2], torch.get_rng_state().tolist()),
            signals,
            (sys.excepthook, sys.exit, threading.excepthook, sys.stdout, sys.stderr),
            dict(os.environ),
            Path.cwd(),
        )

    before = state()
    logger = Wandb()
    logger.open(info)
    logger.row({"iteration": 0, "x": 1.0})
    logger.close(SUMMARY)
    assert not logger.failed
    assert state() == before


@pytest.mark.parametrize("variable", ["online", "disabled", "offline"])
def test_the_mode_is_ours_not_the_environments(info, monkeypatch, variable):
    monkeypatch.setenv("WANDB_MODE", variable)
    monkeypatch.setenv("WANDB_RUN_ID", "theirs")
    logger = Wandb()
    logger.open(info)
    logger.row({"iteration": 5})
    logger.close(SUMMARY)
    (fragment,) = records(info.directory)
    assert only(fragment, "run")[0]["run_id"] == "0123abcd"
    assert rows(fragment) == [{"iteration": 5}]


@pytest.mark.parametrize(
    ("variable", "asked", "mode"),
    [
        *[(None, [], "offline"), ("disabled", [], "disabled"), ("online", [], "online"), ("offline", [], "offline")],
        *[("dryrun", [], "offline"), ("", [], "offline"), ("disabled", ["logger.mode=offline"], "offline")],
    ],
)
def test_the_environment_decides_where_nothing_is_asked_for(monkeypatch, compose, variable, asked, mode):
    """As in wandb: an argument comes before the environment, which comes before the default."""
    from hydra.utils import instantiate

    if variable is not None:
        monkeypatch.setenv("WANDB_MODE", variable)
    assert instantiate(compose(*asked).logger, **allowing(None)).mode == mode


def test_disabled_writes_nothing(info, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # it does not even need the package
    logger = Wandb(mode="disabled")
    logger.open(info)
    logger.row({"iteration": 5})
    logger.picture(5, "samples", info.directory / "none.png")
    logger.close(SUMMARY)
    assert list(info.directory.iterdir()) == []


def test_a_killed_wandb_costs_one_warning(info, tmp_path, caplog):
    logger = Wandb()
    logger.open(info)
    logger.row({"iteration": 0})
    core().kill()
    core().wait()
    for step in range(1, 5):
        logger.row({"iteration": step})
    logger.picture(5, "samples", tmp_path / "none.png")
    logger.close(SUMMARY)
    (warning,) = warnings(caplog)
    assert "W&B stopped logging" in warning
    assert "steadygan sync" in warning
    assert logger.failed

    after = make_info(tmp_path / "next", "next")  # the next run of this process is not concerned
    logger.open(after)
    logger.row({"iteration": 9})
    logger.close(SUMMARY)
    assert rows(records(after.directory)[0]) == [{"iteration": 9}]
    assert not logger.failed


def test_killed_between_runs(tmp_path, caplog):
    first, second = make_info(tmp_path / "one", "one"), make_info(tmp_path / "two", "two")
    logger = Wandb()
    logger.open(first)
    logger.close(SUMMARY)
    core().kill()
    core().wait()
    logger.open(second)
    logger.row({"iteration": 9})
    logger.close(SUMMARY)
    assert rows(records(second.directory)[0]) == [{"iteration": 9}]
    assert warnings(caplog) == []


def test_close_does_not_wait_for_a_wandb_that_hangs(info, monkeypatch, caplog):
    monkeypatch.setattr(module, "_SECONDS", 0.5)
    logger = Wandb(finish_timeout=0.5)
    logger.open(info)
    process = core()
    process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    logger.row({"iteration": 0})
    logger.close(SUMMARY)
    assert time.monotonic() - started < 5
    assert len(warnings(caplog)) == 1
    assert process.wait(timeout=5) != 0  # nor does Python's exit wait for it


def test_python_ends_cleanly_after_wandb_died(tmp_path):
    code = f"""
from pathlib import Path
from steadygan.loggers import fragments, service
from steadygan.runs.job import Job
from steadygan.loggers.wandb import Wandb
logger = Wandb()
logger.open(Job({{'name': 's'}}, (), Path({str(tmp_path)!r}), "abc", "r1", "r1", 0, 9))
service._process().kill(); service._process().wait()
logger.row({{"iteration": 1}}); logger.close({{}})
print("trained")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("broken", [None, object()])
def test_a_missing_or_broken_wandb_stops_nothing(info, monkeypatch, caplog, broken):
    monkeypatch.setitem(sys.modules, "wandb", broken)
    for mode in ("offline", "online"):
        logger = Wandb(mode=mode)
        logger.open(info)
        logger.row({"iteration": 1})
        logger.picture(1, "samples", info.directory / "none.png")
        logger.close(SUMMARY)
    assert len(warnings(caplog)) == 2
    monkeypatch.undo()


def test_online_without_login_is_offline_and_says_so(info, caplog, capfd):
    logger = Wandb(mode="online")
    logger.open(info)
    logger.row({"iteration": 5})
    logger.close(SUMMARY)
    (warning,) = warnings(caplog)
    assert "wandb login" in warning
    assert len(list(info.directory.glob("wandb/offline-run-*/*.wandb"))) == 1
    assert rows(records(info.directory)[0]) == [{"iteration": 5}]
    assert capfd.readouterr() == ("", "")


def test_online_without_a_server_is_offline_and_waits_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(service, "unavailable", lambda seconds: None)  # the server goes away just after
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    times = []
    for name in ("one", "two"):
        info = make_info(tmp_path / name, name)
        logger = Wandb(mode="online", init_timeout=1.0)
        started = time.monotonic()
        logger.open(info)
        times.append(time.monotonic() - started)
        logger.row({"iteration": 5})
        logger.close(SUMMARY)
        assert [rows(fragment) for fragment in records(info.directory) if rows(fragment)] == [[{"iteration": 5}]]
    assert times[1] < 0.9
    assert len(warnings(caplog)) == 2


def test_an_unwritable_folder_stops_nothing(tmp_path, caplog):
    info = make_info(tmp_path / "run")
    (info.directory / "wandb").write_text("a file where W&B wants its folder")
    logger = Wandb()
    logger.open(info)
    logger.row({"iteration": 5})
    logger.close(SUMMARY)
    assert len(warnings(caplog)) == 1


def test_a_mode_of_the_environment_that_there_is_not(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "shared")
    with pytest.raises(UserError, match=r"logger.mode=shared: no such mode .WANDB_MODE"):
        Wandb("shared")


@pytest.mark.parametrize(("key", "value"), [("mode", "onlin"), ("init_timeout", 0.0), ("finish_timeout", -1.0)])
def test_mistakes_are_named(key, value):
    with pytest.raises(UserError, match=f"logger.{key}={value}"):
        Wandb(**{key: value})


def test_ctrl_c_reaches_the_run_while_wandb_is_waited_for(info, monkeypatch):
    logger = Wandb()
    monkeypatch.setattr(logger, "_init", lambda *_: time.sleep(20))
    main = threading.main_thread().ident
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        logger.open(info)
    assert time.monotonic() - started < 5
