"""How a sweep stands, by hand: counts, rates, what waits, what has gone silent, what is printed."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import filter_overrides
from rich.console import Console

from hydra_plugins.steadygan.grid import combinations
from hydra_plugins.steadygan.local import swept
from steadygan import cli
from steadygan.common.errors import UserError
from steadygan.runs import files
from steadygan.sweeps import display
from steadygan.sweeps.launching import write_sweep
from steadygan.sweeps.watcher import ROWS, SILENT, Watcher

NOW = 1_000_000.0


def write(root, name, status="running", *, iteration=0, iterations=1000, rows=(), age=1.0, overrides=(), **more):
    """A run whose files were last changed ``age`` seconds before NOW; ``rows`` are (iteration, seconds, modes)."""
    run = root / name
    run.mkdir(parents=True, exist_ok=True)
    summary = {"status": status, "iteration": iteration, "iterations": iterations, "label": name, "seed": 3, **more}
    files.write_json(run / files.SUMMARY, summary)
    files.write_text(run / files.OVERRIDES, yaml.safe_dump(list(overrides)))
    if rows:
        cells = [{"iteration": i, "seconds": s, "metric/modes": m} for i, s, m in rows]
        files.write_rows(run / files.METRICS, ["iteration", "seconds", "metric/modes"], cells)
    for path in run.iterdir():
        os.utime(path, (NOW - age, NOW - age))
    return run


def look(folder):
    return Watcher(folder, clock=lambda: NOW).look()


def screen(terminal=False, width=100):
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, height=30, color_system=None)


def test_a_running_run_has_the_iteration_of_its_last_row_and_the_rate_of_its_last_rows(tmp_path):
    # resumed at 500: the first 500 iterations took 100 s, the next 20 rows of 10 iterations 1 s each
    rows = [(500, 100.0, 1.0), *((500 + 10 * k, 100.0 + k, 2.0 if k == 5 else "") for k in range(1, ROWS + 5))]
    write(tmp_path, "a", rows=rows, iteration=500)
    (run,) = look(tmp_path).runs
    assert (run.status, run.iteration, run.iterations, run.name) == ("running", 740, 1000, "a seed=3")
    assert run.rate == pytest.approx(10.0)
    assert run.metrics == {"metric/modes": 2.0}
    assert look(tmp_path).seconds_left() == pytest.approx(260 / 10)


def test_the_time_left_counts_what_waits_and_not_what_nobody_works_on(tmp_path):
    write(tmp_path, "a", rows=[(100, 10.0, ""), (200, 20.0, "")])
    write(tmp_path, "b", rows=[(100, 5.0, ""), (200, 10.0, "")])
    write(tmp_path, "c", "preempted", iteration=100)
    write(tmp_path, "d", rows=[(100, 1.0, "")], age=SILENT + 1)
    write(tmp_path, "e", "completed", iteration=1000, metrics={"modes": {"final": 8.0}})
    about = {"name": "s", "swept": {"loss": ["a", "b", "c", "d", "e", "f", "g"]}}
    files.write_text(tmp_path / "sweep.yaml", yaml.safe_dump(about))
    for name in "abcde":
        files.write_text(tmp_path / name / files.OVERRIDES, yaml.safe_dump([f"loss={name}"]))
    now = look(tmp_path)
    assert now.waiting == 2
    assert now.seconds_left() == pytest.approx((800 + 800 + 2 * 1000) / (10 + 20))
    assert now.line() == "1/7 done, 1 preempted, 1 stale, 2 running, 2 waiting, 30 it/s, 2:00 left"
    assert [run.status for run in now.runs] == ["running", "running", "stale", "preempted", "completed"]
    assert not now.over


def test_the_rate_is_that_of_the_last_minute_of_this_launch(tmp_path):
    # the first launch took 10 s for 10 iterations, compiled; the second began at 100 and compiled for 50 s
    before = [(10 * k, 10.0 * k, "") for k in range(1, 11)]
    slow = [(110 + k, 150.0 + k, "") for k in range(1, 61)]
    fast = [(170 + 20 * k, 210.0 + k, "") for k in range(1, 61)]
    write(tmp_path, "first", rows=[(1, 70.0, "")], iteration=0)
    write(tmp_path, "slow", rows=[*before, *slow[:2]], iteration=100)
    write(tmp_path, "fast", rows=[*before, *slow, *fast], iteration=100)
    rates = {run.path.name: run.rate for run in look(tmp_path).runs}
    assert rates == {"first": 0.0, "slow": pytest.approx(1.0), "fast": pytest.approx(20.0)}


def test_runs_that_train_together_share_the_clock(tmp_path):
    """Ten as one program: each counts a tenth of the time, and makes ten iterations a second of the wall's."""
    for index in range(10):
        write(tmp_path, f"{index}", rows=[(10 * k, 0.1 * k, "") for k in range(1, 100)], together=10)
    now = look(tmp_path)
    assert [run.rate for run in now.runs] == [pytest.approx(10.0)] * 10
    assert now.seconds_left() == pytest.approx(10 / 10)


def test_the_last_score_is_found_however_long_ago_and_shown_with_its_largest_value(tmp_path):
    rows = [(100, 1.0, 5.0), *((100 + k, 1.0 + k, "") for k in range(1, 2 * ROWS))]
    provenance = {"modes": {"samples": 10, "most": {"modes": 8}}}
    write(tmp_path, "a", rows=rows, provenance=provenance, age=NOW - time.time())
    out = screen()
    display.show(tmp_path, out)
    assert "  modes 5 of 8\n" in out.file.getvalue()


def test_the_largest_value_is_read_from_summaries_with_the_old_key(tmp_path):
    rows, facts = [(10, 1.0, "5")], {"modes": {"samples": 10, "most": {"modes": 8}}}
    write(tmp_path, "a", rows=rows, passports=facts, age=NOW - time.time())
    out = screen()
    display.show(tmp_path, out)
    assert "  modes 5 of 8\n" in out.file.getvalue()


def test_silence_is_long_beside_the_time_between_rows(tmp_path):
    slow = [(100, 100.0, ""), (200, 200.0, "")]  # 100 s a row: ten times that is 1000 s
    run = write(tmp_path, "slow", rows=slow, age=900)
    assert look(tmp_path).runs[0].status == "running"
    for path in run.iterdir():
        os.utime(path, (NOW - 1100, NOW - 1100))
    (seen,) = look(tmp_path).runs
    assert (seen.status, seen.quiet, seen.rate) == ("stale", 1100, 0)


def test_any_file_that_changes_is_a_sign_of_life(tmp_path):
    run = write(tmp_path, "a", rows=[(1, 1.0, "")], age=5000)
    assert look(tmp_path).runs[0].status == "stale"
    (run / files.CHECKPOINT).parent.mkdir()
    (run / files.CHECKPOINT).write_bytes(b"x")
    os.utime(run / files.CHECKPOINT, (NOW, NOW))
    assert look(tmp_path).runs[0].status == "running"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.001, 1], ["1e-3", "1.0"]),
        (["r1", "none"], ["r1", "'none'"]),
        ([["r1", "r2"], []], ["[r1,r2]", "[]"]),
        ([True, None], ["true", "null"]),
    ],
)
def test_what_waits_is_told_by_values_however_they_are_written(tmp_path, values, texts):
    files.write_text(tmp_path / "sweep.yaml", yaml.safe_dump({"swept": {"x.y": values, "seed": [0, 1, 2]}}))
    assert look(tmp_path).waiting == 6
    write(tmp_path, "a", "completed", overrides=[f"+x.y={texts[0]}", "seed=1"])
    write(tmp_path, "b", "completed", overrides=["seed=0", f"x.y={texts[1]}", "iterations=5"])
    write(tmp_path, "c", "completed", overrides=["seed=7", f"x.y={texts[1]}"])  # of another launch
    assert look(tmp_path).waiting == 4


def test_what_launching_writes_is_read_here(tmp_path):
    """The override texts that the sweeper makes and the ``sweep.yaml`` that the launcher writes."""
    given = ["regularizer=[],[r1]", "optimizer.generator.lr=1e-3,2e-4", "+schedule@loss.alpha=linear,cosine",
             "ema=null,'a b'", "seed=range(0,2)", "iterations=5"]  # fmt: skip
    jobs = combinations(OverridesParser.create().parse_overrides(given))
    write_sweep(tmp_path, "s", "", "", swept(jobs))
    assert look(tmp_path).waiting == len(jobs) == 32
    for index, overrides in enumerate(jobs[:20]):
        write(tmp_path, f"run-{index}", "completed", overrides=filter_overrides(overrides))
    assert look(tmp_path).waiting == 12


def test_half_written_files_and_foreign_content_are_shown_not_raised(tmp_path):
    write(tmp_path, "whole", "completed", iteration=1000)
    torn = write(tmp_path, "torn", rows=[(10, 1.0, "")])
    with (torn / files.METRICS).open("a") as file:
        file.write("20,2")
    beginning = tmp_path / "beginning"
    beginning.mkdir()
    (beginning / files.CONFIG).write_text("seed: 0\n")
    odd = write(tmp_path, "odd", iterations="many", rows=[("x", "nan", "")], error=None, metrics=[1])
    (odd / files.OVERRIDES).write_text("a: [")
    (tmp_path / "sweep.yaml").write_text("- no\n- mapping\n")
    bytes_ = write(tmp_path, "bytes", rows=[(10, 1.0, "many")])
    (bytes_ / files.SUMMARY).write_text('{"status": "comp')
    with (bytes_ / files.METRICS).open("ab") as file:
        file.write(b"\xff\xfe,2,3\n")
    now = look(tmp_path)
    seen = {run.path.name: run for run in now.runs}
    assert set(seen) == {"whole", "torn", "beginning", "odd", "bytes"}
    assert seen["bytes"].error == "summary.json cannot be read"
    assert seen["torn"].iteration == 10
    assert (seen["beginning"].status, seen["beginning"].iteration) == ("running", 0)
    assert (seen["odd"].iteration, seen["odd"].iterations) == (0, 0)


def test_a_folder_that_is_no_sweep_is_a_users_mistake(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name, words in (("empty", "no run"), ("file", "a file"), ("nowhere", "no such folder")):
        with pytest.raises(UserError, match=words):
            Watcher(tmp_path / name)
        assert cli.main(["watch", str(tmp_path / name), "--once"]) == 2
        assert "outputs/gamma" in capsys.readouterr().err


def test_only_what_changed_is_read_again(tmp_path, monkeypatch):
    run = write(tmp_path, "a", rows=[(10, 1.0, "")])
    write(tmp_path, "b", "completed")
    watcher = Watcher(tmp_path, clock=lambda: NOW)
    watcher.look()
    read = []
    original = files.read_summary
    monkeypatch.setattr(files, "read_summary", lambda path: read.append(path.name) or original(path))
    watcher.look()
    assert read == []
    write(tmp_path, "a", rows=[(10, 1.0, ""), (20, 2.0, "")])
    assert [seen.iteration for seen in watcher.look().runs if seen.path == run] == [20]
    assert read == ["a"]


def test_plain_lines_where_there_is_no_terminal(tmp_path):
    write(tmp_path, "[b]r1[/b]", rows=[(100, 10.0, 7.0), (200, 20.0, 8.0)], age=NOW - time.time())
    write(tmp_path, "bad", "failed", iteration=5, error="ValueError: no")
    out = screen(width=40)
    display.show(tmp_path, out)
    lines = out.file.getvalue().splitlines()
    assert lines[0] == "1/2 done, 1 failed, 1 running, 10 it/s, 1:20 left"
    assert lines[1] == "running  [b]r1[/b] seed=3  200/1000  10 it/s  modes 8"
    assert lines[2] == "failed  bad seed=3  5/1000  ValueError: no"
    assert "retry=true" in lines[3]


def test_a_table_on_a_terminal_that_fits_the_screen(tmp_path):
    for index in range(40):
        write(tmp_path, f"run-{index:02}", "completed", iteration=1000, age=index)
    write(tmp_path, "alive", rows=[(100, 10.0, "")], age=NOW - time.time())
    out = screen(terminal=True)
    display.show(tmp_path, out)
    text = out.file.getvalue()
    assert "40/41 done, 1 running" in text
    assert text.index("alive") < text.index("run-00") < text.index("run-04")  # the last to end
    assert "run-05" not in text
    assert "and 35 more" in text
    assert max(map(len, text.splitlines())) <= 100


def test_following_ends_with_the_sweep_and_says_what_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(display, "SECONDS", 0.01)
    write(tmp_path, "a", rows=[(100, 10.0, "")], age=NOW - time.time())
    done = {"status": "completed", "iteration": 1000, "iterations": 1000, "label": "a", "seed": 3, "metrics": {}}
    timer = threading.Timer(0.2, files.write_json, (tmp_path / "a" / files.SUMMARY, done))
    timer.start()
    out = screen()
    display.follow(tmp_path, out)
    timer.join()
    lines = out.file.getvalue().splitlines()
    assert lines[0].startswith("0/1 done, 1 running")
    assert lines[1].startswith("completed  a seed=3  1000/1000")
    assert lines[-1] == "1/1 done"


def test_ctrl_c_ends_the_watch_alone(tmp_path):
    write(tmp_path, "a", rows=[(100, 10.0, "")], age=NOW - time.time())
    process = subprocess.Popen(
        [sys.executable, "-m", "steadygan", "watch", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("0/1 done, 1 running")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out, err) == ("", "")


def test_watching_needs_no_torch(tmp_path):
    write(tmp_path, "a", "completed", iteration=1000)
    script = (
        f"import sys, steadygan.cli as cli\nassert cli.main(['watch', '--once', {str(tmp_path)!r}]) == 0\n"
        "assert not {'torch', 'hydra', 'lightning', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
