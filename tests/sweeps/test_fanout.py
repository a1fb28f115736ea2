"""Events of groups as events of their jobs."""

from dataclasses import dataclass
from pathlib import Path

from steadygan.sweeps.fanout import FanOut
from steadygan.sweeps.pool import Event, Outcome


@dataclass(frozen=True)
class Job:
    signature: str
    directory: Path = Path("/nowhere")


@dataclass(frozen=True)
class Group:
    jobs: tuple


JOBS = [Job(name) for name in "abcd"]
GROUPS = [Group((JOBS[2], JOBS[0])), Group((JOBS[1], JOBS[3]))]


def reported(*events, jobs=JOBS):
    heard = []
    fan = FanOut(GROUPS, jobs, heard.append)
    for event in events:
        fan(event)
    return heard


def ended(group, **outcome):
    return Event("ended", group, outcome=Outcome(group, **outcome))


def report(group, **data):
    return Event("report", group, data)


def statuses(events):
    return [(event.index, event.outcome.status, event.outcome.value) for event in events if event.kind == "ended"]


def test_members_start_and_end_with_their_group():
    events = reported(
        Event("started", 0), ended(0, status="done", value={"a": "completed", "c": "diverged"}, seconds=3.0)
    )
    assert [(event.kind, event.index) for event in events[:2]] == [("started", 2), ("started", 0)]
    assert statuses(events) == [(2, "done", "diverged"), (0, "done", "completed")]
    assert {event.outcome.index for event in events[2:]} == {0, 2}
    assert {event.outcome.seconds for event in events[2:]} == {3.0}


def test_reports_reach_their_member_and_words_of_the_group_its_first():
    events = reported(
        Event("started", 1),
        report(1, kind="progress", iteration=5, member="d"),
        report(1, kind="message", text="compiling"),
    )
    assert [(event.index, dict(event.data)) for event in events[2:]] == [
        (3, {"kind": "progress", "iteration": 5}),
        (1, {"kind": "message", "text": "compiling"}),
    ]


def test_a_member_may_end_before_the_others_and_only_once():
    events = reported(
        Event("started", 0),
        report(0, kind="ended", member="c", status="diverged"),
        report(0, kind="progress", iteration=5, member="c"),
        ended(0, status="done", value={"a": "completed", "c": "diverged"}),
    )
    assert statuses(events) == [(2, "done", "diverged"), (0, "done", "completed")]
    assert not [event for event in events if event.kind == "report"]


def test_a_group_that_fails_takes_its_members_along():
    events = reported(
        Event("started", 0),
        report(0, kind="ended", member="a", status="diverged"),
        ended(0, status="failed", error="boom", died=True),
    )
    assert statuses(events) == [(0, "done", "diverged"), (2, "failed", None)]
    assert (events[-1].outcome.error, events[-1].outcome.died) == ("boom", True)


def test_a_member_that_fails_alone_is_told_with_its_log(tmp_path):
    (tmp_path / "log.txt").write_text("Traceback\nValueError: no")
    jobs = [Job(name, tmp_path) for name in "abcd"]
    events = reported(Event("started", 0), ended(0, status="done", value={"a": "failed", "c": "completed"}), jobs=jobs)
    failed = next(event.outcome for event in events if event.kind == "ended" and event.index == 0)
    assert (failed.status, failed.error.splitlines()[-1]) == ("failed", "ValueError: no")


def test_members_that_were_not_reached_are_preempted():
    events = reported(Event("started", 0), ended(0, status="done", value={"c": "completed"}))
    assert statuses(events) == [(2, "done", "completed"), (0, "done", "preempted")]
