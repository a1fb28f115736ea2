"""A population from its checkpoints to its end, with the files of every member."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from steadygan.common.signals import Interrupt
from steadygan.population.compiling import at_once, compiled, decide
from steadygan.population.evaluation import look
from steadygan.population.member import Member
from steadygan.population.population import Population
from steadygan.population.program import CALLBACKS, NotVmappable
from steadygan.runs.job import Job, Report, tagged
from steadygan.training.callbacks import run_callbacks
from steadygan.training.callbacks.progress import PROGRESS_SECONDS
from steadygan.training.components import Components
from steadygan.training.context import Due, RunContext

Slot = tuple[Components, Job] | None
"""A member, or the empty slot of one that has ended in an earlier launch."""


@dataclass(frozen=True)
class Plan:
    """How a population is computed, as fixed at its first launch.

    Attributes:
        compile: ``auto``, true or false.
        decided: told before the first iteration whether it was compiled, and how many settings one call computes.
        device: where it trains.
        together: how many settings one call of a compiled program computes; ``auto``: as many as a cache holds.
    """

    compile: bool | str = "auto"
    decided: Callable[[bool, int], None] = lambda compiled, together: None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    together: int | str = "auto"


def train(slots: Sequence[Slot], report: Report, plan: Plan) -> dict[str, str]:
    """Train all members to their common number of iterations; one that diverges stays as it was.

    Args:
        slots: of the same static configuration, at the same iteration.
        report: called with the events of each run, tagged by ``member``, those that end before the others included.
        plan: how.

    Returns:
        The status of each member, by its signature.

    Raises:
        NotVmappable: the algorithm does not run as one program; nothing was trained or written.
    """
    components = next(slot[0] for slot in slots if slot)
    if reason := components.scheme.alone or (CALLBACKS if components.callbacks else None):
        raise NotVmappable(reason)
    filled = [slot and (*slot, Member(*slot, plan.device)) for slot in slots]
    share = 1 / sum(slot is not None for slot in slots)
    runs = [RunContext(own, job, tagged(report, job), member, share) for own, job, member in filter(None, filled)]
    size = runs[0].job.config["batch_size"]
    population = Population([each and (each[2], each[0]) for each in filled], size)
    prepare(population, runs[0], report, plan)
    return _fit(population, runs, report)


def prepare(population: Population, run: RunContext, report: Report, plan: Plan) -> None:
    """Try one iteration of each kind, compiled if that pays; the population keeps the programs that work.

    Raises:
        NotVmappable: neither does.
    """
    job, slots = run.job, len(population.members)
    compile, why = decide(plan.compile, run.components.networks, slots * job.iterations * job.config["batch_size"])
    tried = kinds(run.components, population.iteration, job.iterations)
    problem = _try(population, tried)
    if problem:
        raise NotVmappable(problem)
    if compile:
        eager, population.program = population.program, compiled(population.program)
        population.divide(at_once(plan.together, run.components, job.config["batch_size"], plan.device) or slots)
        calls = "" if population.together >= slots else f", {population.together} at once"
        report({"kind": "message", "text": f"compiling the step of {slots} settings{calls}: {why}"})
        problem = _try(population, tried)
        if problem:
            population.program, compile = eager, False
            population.divide(slots)
            report({"kind": "message", "text": f"cannot be compiled, goes on without ({problem})"})
    plan.decided(compile, population.together)


def kinds(components: Components, start: int, end: int) -> list[int]:
    """Return an iteration of each kind from ``start`` on: of which penalties are due, and of each stage."""
    sampling, growth = components.sampling, components.algorithm.growth
    period = math.lcm(*sampling.every.values()) * sampling.critic_every
    begins = [] if growth is None else [growth.begins(stage) for stage in range(1, len(growth.sizes))]
    found: dict[tuple[int | None, str], int] = {}
    for begin in (start, *(begin for begin in begins if start < begin < end)):
        for iteration in range(begin, max(min(begin + period, end), begin + 1)):
            stage = growth and growth.stage(iteration)
            found.setdefault((stage, str(sampling.due(iteration))), iteration)
    return list(found.values())


def _try(population: Population, iterations: Sequence[int]) -> str | None:
    """Return what is wrong with the programs, if anything; vmap and compilers raise dozens of kinds of errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for iteration in iterations:
                population.trial(iteration)
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            return f"{type(error).__name__}: {lines[0][:200]}"
    return None


def _fit(population: Population, runs: Sequence[RunContext], report: Report) -> dict[str, str]:
    opened: list[RunContext] = []
    try:
        with Interrupt() as interrupt:
            for run in runs:
                run.callbacks = run_callbacks(run)
                opened.append(run)
                run.open()
            population.gather()
            return _Loop(population, runs, report, interrupt).run()
    finally:
        for run in opened:
            run.teardown()


class _Loop:
    """Step, and have the callbacks of each member act between steps."""

    def __init__(
        self, population: Population, runs: Sequence[RunContext], report: Report, interrupt: Interrupt
    ) -> None:
        self.population, self.report, self.interrupt = population, report, interrupt
        self.runs, self.job = list(runs), runs[0].job
        self.statuses: dict[str, str] = {}
        self.settled_at = time.monotonic()

    def run(self) -> dict[str, str]:
        """Return the statuses, by signature."""
        population = self.population
        while population.iteration < self.job.iterations and self.runs and not self.interrupt.requested:
            population.step()
            due = Due.after(population.iteration, self.job, self.runs[0].checkpoints.overdue())
            if due.anything or time.monotonic() - self.settled_at > PROGRESS_SECONDS:
                self._settle(due.evaluates or due.saves or due.analyses)
                if due.evaluates and self.runs:
                    look(population, self.runs)
                for run in self.runs:
                    run.due = due
                    for callback in run.callbacks:
                        callback.after_iteration()
                if due.logs:
                    population.reset_windows()
        self._settle(True)
        for run in self.runs:
            self.statuses[run.job.signature] = run.close()
        return self.statuses

    def _settle(self, states: bool) -> None:
        """Bring the members up to date; who has diverged is closed, and goes on no more."""
        self.settled_at = time.monotonic()
        diverged = self.population.settle(states)
        for run in [run for run in self.runs if run.gan in diverged]:
            status = run.close()
            self.statuses[run.job.signature] = status
            self.report({"kind": "ended", "member": run.job.signature, "status": status})
            self.runs.remove(run)
