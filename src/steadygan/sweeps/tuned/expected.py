"""What a tuned comparison will cost: runs, updates, gradient evaluations and hours of each stage."""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from steadygan.config.building import build
from steadygan.population import compiling
from steadygan.runs import files
from steadygan.runs.job import Job, action
from steadygan.sweeps.grouping import group, static
from steadygan.sweeps.pool import run_jobs
from steadygan.sweeps.tuned.operations import Cost, cost

TRIAL = 150
"""Iterations of the trial; the time of the last third before its evaluation counts."""

TOGETHER = 16
"""Settings of the trial, where they train as a population."""


class Work(NamedTuple):
    """Runs like a job: how many there are, how many of them are missing, and the iterations of one that are."""

    job: Job
    runs: float
    missing: float
    iterations: float


@dataclass(frozen=True)
class Expected:
    """The cost of what is missing of a stage; ``hours`` is None where nothing tells the rate."""

    stage: str
    runs: int
    missing: int
    generator: float
    discriminator: float
    gradients: float
    hours: float | None


@dataclass
class Rates:
    """Seconds of one process, from runs that are over or from a trial.

    Attributes:
        evaluation: of one gradient evaluation, by method; under "" that of methods without a run.
        scoring: of one evaluation of the metrics, where it is known apart.
        source: where they come from.
    """

    evaluation: dict[str, float] = field(default_factory=dict)
    scoring: float = 0.0
    source: str = ""

    def seconds(self, job: Job, gradients: float, iterations: float) -> float | None:
        """Return the seconds of so many iterations."""
        each = self.evaluation.get(job.method, self.evaluation.get(""))
        if each is None:
            return None
        return each * gradients * iterations + self.scoring * iterations / job.config["evaluate_every"]


class Costs:
    """The cost of an iteration of jobs; counted once for all that differ in numbers alone."""

    def __init__(self) -> None:
        self._known: dict[str, Cost] = {}

    def of(self, job: Job) -> Cost:
        """Return the cost of an iteration."""
        kind = static({**job.config, "iterations": 0, "horizon": 1, "name": "", "outputs": ""})
        if kind not in self._known:
            self._known[kind] = cost(job.config)
        return self._known[kind]


def planned(jobs: Sequence[Job]) -> list[Work]:
    """Return the work of jobs that are known."""
    works = []
    for job in jobs:
        done = files.read_summary(job.directory) or {}
        over = action(job).startswith("skip")
        left = 0 if over else job.iterations - (done.get("iteration") or 0 if files.checkpoints(job.directory) else 0)
        works.append(Work(job, 1, 0 if over else 1, left))
    return works


def unknown(jobs: Sequence[Job], settings: int, seeds: int, factor: int) -> list[Work]:
    """Return the work of a stage whose settings are among those of a search, each as likely as any other.

    Args:
        jobs: of the search of one method.
        settings: how many go on.
        seeds: that each is run with.
        factor: how many times as long as those of the search the runs are.
    """
    share = settings * seeds / max(1, len(jobs))
    return [Work(job, share, share, job.iterations * factor) for job in jobs]


def expected(stage: str, works: Sequence[Work], costs: Costs, rates: Rates, workers: int) -> Expected:
    """Return the cost of what is missing of a stage."""
    generator = discriminator = gradients = seconds = 0.0
    known = True
    for job, _, missing, iterations in works:
        if not missing:
            continue
        each, updates = costs.of(job), missing * iterations
        generator, discriminator = generator + updates, discriminator + updates * each.discriminator
        gradients += updates * each.gradients
        taken = rates.seconds(job, each.gradients, updates)
        known, seconds = known and taken is not None, seconds + (taken or 0.0)
    runs, left = (round(sum(values)) for values in ([w.runs for w in works], [w.missing for w in works]))
    hours = seconds / max(1, workers) / 3600 if known else None
    return Expected(stage, runs, left, generator, discriminator, gradients, hours)


def measured(jobs: Sequence[Job], costs: Costs) -> Rates:
    """Return the rates of those runs that are over; without any there are none."""
    seconds, gradients = defaultdict(float), defaultdict(float)
    count = 0
    for job in jobs:
        done = files.read_summary(job.directory) or {}
        if done.get("status") in files.FINISHED and done.get("iteration") and done.get("seconds"):
            count += 1
            seconds[job.method] += done["seconds"]
            gradients[job.method] += done["iteration"] * costs.of(job).gradients
    if not count:
        return Rates()
    rates = {name: seconds[name] / gradients[name] for name in seconds}
    rates[""] = sum(seconds.values()) / sum(gradients.values())
    return Rates(rates, source=f"{count} runs of this comparison that are over")


def trial(jobs: Sequence[Job], costs: Costs) -> Rates:
    """Return the rates of a short training of the first jobs on one process of this machine.

    Args:
        jobs: of one stage; those that can train with the first one do.
        costs: of iterations.
    """
    first = jobs[0]
    together = "members" in first.config["engine"]
    alike = [job for job in jobs if static(job.config) == static(first.config)] if together else [first]
    compile_ = _compiles(first, len(alike)) if together else False
    with tempfile.TemporaryDirectory(prefix="steadygan-trial-") as folder:
        short = [_short(job, Path(folder)) for job in alike[:TOGETHER]]
        threads = int(first.config["trainer"]["threads"])
        if together:
            groups = group(short, workers=1, most=lambda _: TOGETHER, compile=compile_)
            (outcome,) = run_jobs("steadygan.sweeps.executing:execute_group", groups, workers=1, threads=threads)
        else:
            (outcome,) = run_jobs("steadygan.sweeps.executing:execute", short, workers=1, threads=threads)
        times = _times(short[0]) if outcome.status == "done" else {}
    if TRIAL not in times:
        return Rates()
    step = (times[2 * TRIAL // 3] - times[TRIAL // 3]) / (TRIAL // 3)
    scoring = max(0.0, times[TRIAL] - times[2 * TRIAL // 3] - step * (TRIAL // 3))
    what = f"a population of {len(short)}" if together else "one run"
    return Rates(
        {"": step / costs.of(first).gradients}, scoring, f"a short trial on this machine, {what} of {first.method}"
    )


def _compiles(job: Job, settings: int) -> bool:
    """Return whether the engine will compile a population of so many settings."""
    updates = settings * job.iterations * job.config["batch_size"]
    return compiling.decide(job.config["engine"].get("compile", "auto"), build(job.config).networks, updates)[0]


def _short(job: Job, folder: Path) -> Job:
    more = {"outputs": str(folder), "name": "trial", "iterations": TRIAL, "log_every": TRIAL // 3}
    more |= {"evaluate_every": TRIAL, "checkpoint_every": TRIAL, "checkpoint_minutes": None}
    logger = {"_target_": "steadygan.loggers.none.NoLogger"}
    return replace(
        job,
        config={**job.config, **more, "logger": logger},
        iterations=TRIAL,
        directory=folder / "trial" / job.signature,
    )


def _times(job: Job) -> dict[int, float]:
    path = job.directory / files.METRICS
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return {int(row["iteration"]): float(row["seconds"]) for row in csv.DictReader(file)}


def show(stages: Sequence[Expected], rates: Rates, workers: int, console: Console) -> None:
    """Print a table of the stages, and where the hours come from."""
    table = Table(title="what is missing", title_justify="left", padding=(0, 1, 0, 0))
    for name in ("stage", "runs", "to run", "updates of G", "updates of D", "gradients", "hours"):
        table.add_column(name, justify="left" if name == "stage" else "right", no_wrap=True)
    for row in _rows(stages):
        table.add_row(*row)
    console.print(table)
    processes = "1 process" if workers == 1 else f"{workers} processes at a time"
    if rates.source:
        console.print(f"hours with {processes}, by the rate of {rates.source}", soft_wrap=True, highlight=False)
    else:
        console.print("hours: not known for runs that are not for this machine", soft_wrap=True, highlight=False)


def _rows(stages: Sequence[Expected]) -> Iterator[list[str]]:
    for each in [*stages, _total(stages)]:
        counts = (each.runs, each.missing, each.generator, each.discriminator, each.gradients)
        hours = "?" if each.hours is None else f"{each.hours:.2f}"
        yield [each.stage, *(f"{value:,.0f}" for value in counts), hours]


def _total(stages: Sequence[Expected]) -> Expected:
    hours = [each.hours for each in stages]
    return Expected(
        "all",
        sum(each.runs for each in stages),
        sum(each.missing for each in stages),
        sum(each.generator for each in stages),
        sum(each.discriminator for each in stages),
        sum(each.gradients for each in stages),
        None if None in hours else sum(each or 0.0 for each in hours),
    )
