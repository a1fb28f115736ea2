"""Events of a group of runs as events of its members."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from steadygan.runs import files
from steadygan.runs.job import Job
from steadygan.sweeps.pool import Event, Outcome

if TYPE_CHECKING:
    from steadygan.sweeps.grouping import Group


class FanOut:
    """Turns the events of groups into events of their jobs: observers see a sweep of single runs.

    Reports say whose they are by ``member``, a signature; those of kind ``ended`` with a ``status`` end that job before
    its group. What a group says for itself is told of its first job.

    Args:
        groups: the payloads of the pool.
        jobs: all of their jobs; events are numbered by this order.
        on_event: called with each.
    """

    def __init__(self, groups: "Sequence[Group]", jobs: Sequence[Job], on_event: Callable[[Event], None]) -> None:
        indices = {job.signature: index for index, job in enumerate(jobs)}
        self._members = [{job.signature: indices[job.signature] for job in group.jobs} for group in groups]
        self._running: dict[int, dict[str, int]] = {}
        self._jobs = jobs
        self._on_event = on_event

    def __call__(self, event: Event) -> None:
        """Take in an event of the pool."""
        if event.kind == "started":
            self._running[event.index] = dict(self._members[event.index])
            for index in self._members[event.index].values():
                self._on_event(Event("started", index))
        elif event.kind == "report":
            self._report(event)
        elif event.outcome is not None:
            self._ended(event.index, event.outcome)

    def _report(self, event: Event) -> None:
        members = self._members[event.index]
        data = {key: value for key, value in event.data.items() if key != "member"}
        signature = event.data.get("member", next(iter(members)))
        if data["kind"] == "ended":
            self._end(event.index, signature, Outcome(0, "done", data["status"]))
        elif signature in self._running[event.index] or data["kind"] == "message":
            self._on_event(Event("report", members[signature], data))

    def _ended(self, group: int, outcome: Outcome) -> None:
        statuses: Mapping[str, str] = outcome.value if outcome.status == "done" else {}
        for signature in list(self._running[group]):
            job_outcome = outcome if not statuses else replace(outcome, value=statuses.get(signature, "preempted"))
            self._end(group, signature, job_outcome)

    def _end(self, group: int, signature: str, outcome: Outcome) -> None:
        index = self._running[group].pop(signature)
        if outcome.value == "failed":
            log = self._jobs[index].directory / files.LOG
            outcome = Outcome(index, "failed", error=log.read_text() if log.exists() else "failed")
        self._on_event(Event("ended", index, outcome=replace(outcome, index=index)))
