"""What is shown is what happened: rates and times by hand, lines as they are printed."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from steadygan.sweeps.display import RunProgress, SweepProgress
from steadygan.sweeps.pool import Event, Outcome
from steadygan.sweeps.state import Tally, duration, main_metric, speed


@dataclass
class Job:
    label: str
    seed: int
    iterations: int
    directory: Path = Path("/runs/there")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def report(index, iteration, iterations=1000, **metrics):
    data = {"kind": "progress", "iteration": iteration, "iterations": iterations, "metrics": metrics}
    return Event("report", index, data)


def ended(index, status="done", value="completed", error=None):
    return Event("ended", index, outcome=Outcome(index, status, value, error, 65.0))


def screen(terminal, width=100):
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)


def test_rate_and_time_left_count_only_what_was_done_here():
    clock = Clock()
    tally = Tally([Job("r1", 0, 1000), Job("r1", 1, 1000), Job("r2", 0, 500)], clock)
    assert tally.now().seconds_left() is None
    tally.add(Event("started", 0))
    tally.add(Event("started", 1))
    tally.add(report(0, 600))  # resumed at 600
    tally.add(report(1, 1))
    clock.now += 10
    tally.add(report(0, 900))
    tally.add(report(1, 101))
    # 300 and 100 iterations in 10 s; 100 and 899 of these and all 500 of the third are left
    assert tally.now().rate() == pytest.approx(40)
    assert tally.now().seconds_left() == pytest.approx(899 / 10)  # the slowest; all together would take 1499 / 40
    tally.add(ended(0))
    assert tally.now().rate() == pytest.approx(10)
    assert tally.now().seconds_left() == pytest.approx((899 + 500) / 10)
    assert tally.now().line(waiting=False) == "1/3 done, 1 running, 10 it/s, 2:20 left"
    tally.add(ended(1))
    tally.add(Event("started", 2))  # it has no rate yet: the one before tells
    assert tally.now().seconds_left() == pytest.approx(500 / 10)


def test_only_the_last_minute_counts_and_neither_start_nor_compilation():
    clock = Clock()
    tally = Tally([Job("r1", 0, 10_000)], clock)
    tally.add(Event("started", 0))
    clock.now += 300  # imports, data, compilation
    tally.add(report(0, 1, 10_000))
    assert tally.now().seconds_left() is None
    for _ in range(100):  # a second each: slow
        clock.now += 1
        tally.add(report(0, tally.run(0).iteration + 2, 10_000))
    assert tally.now().rate() == pytest.approx(2)
    for _ in range(60):  # and fast
        clock.now += 1
        tally.add(report(0, tally.run(0).iteration + 50, 10_000))
    assert tally.now().rate() == pytest.approx(50)
    assert tally.now().seconds_left() == pytest.approx((10_000 - 3201) / 50)
    assert tally.now().line(waiting=False) == "0/1 done, 1 running, 50 it/s, 2:16 left"


def test_slow_iterations_have_a_rate_too():
    clock = Clock()
    progress = RunProgress(Job("r1", 0, 10), "run", screen(False), clock)
    for iteration in (1, 2, 3):
        clock.now += 100
        progress.report(report(0, iteration, 10).data)
    clock.now += 50  # in the middle of the fourth
    assert progress.line() == "iteration 3/10, 0.01 it/s, 11:40 left"


def test_statuses_are_counted():
    tally = Tally([Job("a", i, 10) for i in range(4)], Clock())
    for index in range(4):
        tally.add(Event("started", index))
    tally.add(ended(0))
    tally.add(ended(1, value="diverged"))
    tally.add(ended(2, "failed", None, "Traceback\nValueError: x"))
    tally.add(ended(3, "failed", None, "gone"))
    assert [tally.now().count(status) for status in ("completed", "diverged", "failed")] == [1, 1, 2]
    assert tally.now().line(waiting=False) == "4/4 done, 2 failed, 1 diverged"


def test_plain_lines_without_a_terminal():
    clock, console = Clock(), screen(False, width=20)
    with SweepProgress([Job("a rather long label of a job", 0, 1000), Job("b", 1, 1000)], console, clock) as progress:
        progress(Event("started", 0))
        for second in range(40):
            clock.now = 100.0 + second
            progress(report(0, 10 * second, **{"loss/generator": 1.0, "metric/modes": 8.0}))
        progress(Event("report", 0, {"kind": "message", "text": "W&B is offline"}))
        progress(ended(0, value="diverged"))
    lines = console.file.getvalue().splitlines()
    assert lines == [
        "start a rather long label of a job seed=0",
        "0/2 done, 1 running, 10 it/s, 3:05 left",  # 150 of 2000 are done
        "0/2 done, 1 running, 10 it/s, 2:50 left",
        "a rather long label of a job seed=0: W&B is offline",
        "[1/2] diverged  a rather long label of a job seed=0  in 1:05  modes 8",
    ]


def test_a_terminal_shows_bars_of_the_running_and_the_latest():
    clock, console = Clock(), screen(True)
    progress = SweepProgress([Job(f"job{i}", i, 1000) for i in range(9)], console, clock)
    for index in range(8):
        progress(Event("started", index))
        clock.now += 1
        if index < 7:
            progress(ended(index))
    progress(report(7, 100))
    clock.now += 2
    progress(report(7, 500, **{"metric/fid": 12.3456}))
    console.print(progress.render())
    text = console.file.getvalue()
    assert "7/9 done" in text
    assert "job1 " not in text  # only the last five
    assert all(f"job{index} seed={index}" in text for index in range(2, 8))
    (line,) = [line for line in text.splitlines() if line.startswith("running")]
    assert "fid 12.35" in line
    assert "200 it/s" in line  # 400 in the 2 s since the first report


def test_a_terminal_shows_a_dozen_of_many_that_run():
    console = screen(True)
    progress = SweepProgress([Job(f"job{i}", i, 1000) for i in range(64)], console, Clock())
    for index in range(64):
        progress(Event("started", index))
    console.print(progress.render())
    text = console.file.getvalue()
    assert text.count("running") == 12 + 1  # and the line of the whole
    assert "and 52 more" in text


def test_a_failure_stays_on_the_terminal_with_its_last_line():
    console = screen(True)
    with SweepProgress([Job("bad", 3, 10)], console) as progress:
        progress(Event("started", 0))
        progress(ended(0, "failed", None, "Traceback\n  ...\nValueError: [no] good\n"))
    assert "failed  bad seed=3: ValueError: [no] good" in console.file.getvalue()


def test_a_single_run():
    clock, console = Clock(), screen(False)
    with RunProgress(Job("r1", 0, 1000), "resume", console, clock) as progress:
        progress.report(report(0, 500).data)
        clock.now += 20
        progress.report(report(0, 900, **{"metric/modes": 7}).data)
        progress.report({"kind": "message", "text": "hello"})
        progress.finish("completed")
    assert console.file.getvalue().splitlines() == [
        "resuming r1 seed=0 in /runs/there",
        "iteration 900/1000, 20 it/s, 0:05 left, modes 7",
        "hello",
        "completed  in 0:20  modes 7",
    ]


@pytest.mark.parametrize(("status", "hint"), [("completed", ""), ("failed", "; retry=true runs it again")])
def test_a_single_run_that_is_skipped(status, hint):
    console = screen(False)
    with RunProgress(Job("r1", 0, 1000), f"skip: {status}", console) as progress:
        progress.finish(status)
    assert console.file.getvalue() == f"nothing to do: {status} already, in /runs/there{hint}\n"


def test_small_words():
    assert main_metric({"loss/generator": 1.0, "metric/kl": 0.123456, "metric/modes": 8}, {"modes": 8}) == "kl 0.1235"
    assert main_metric({"fid": 3, "kid": 2}, {}) == "fid 3"
    assert main_metric({"loss/generator": 1.0, "note": "x"}, {}) == ""
    assert main_metric({"metric/modes": 7.0}, {"modes": 8}) == "modes 7 of 8"
    assert main_metric({"modes": 981.0}, {"modes": 1000.0}) == "modes 981 of 1000"
    rates = [speed(rate) for rate in (None, 0.0, 0.0123, 2.34, 12.3, 1234.5)]
    assert rates == ["", "", "0.012 it/s", "2.3 it/s", "12 it/s", "1,234 it/s"]
    assert [duration(s) for s in (0, 59.6, 61, 3661)] == ["0:00", "1:00", "1:01", "1:01:01"]


def test_what_goes_on_before_the_first_iteration_is_shown_and_not_counted():
    clock, console = Clock(), screen(terminal=False)
    progress = RunProgress(Job("r1", 0, 1000), "run", console, clock)
    phase = {"text": "pre-training generator 8x8, epoch 2/10", "done": 30, "total": 120}
    clock.now += 50
    reported = {"kind": "progress", "iteration": 0, "iterations": 1000, "metrics": {}}
    progress.report({**reported, "phase": phase})
    assert progress.line() == "pre-training generator 8x8, epoch 2/10, step 30/120"
    console.print(progress.render())
    assert "30/120 pre-training generator 8x8, epoch 2/10" in console.file.getvalue()
    clock.now += 50
    progress.report({**reported, "iteration": 1})
    clock.now += 10
    progress.report({**reported, "iteration": 101})
    assert progress.line().startswith("iteration 101/1000, 10 it/s")
