"""Weights & Biases: offline by default, and never in the way of a run."""

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from steadygan.common.errors import bad_value
from steadygan.loggers import fragments, service
from steadygan.loggers.base import flatten
from steadygan.loggers.guard import Guard, attempt, describe
from steadygan.runs.job import Job

if TYPE_CHECKING:
    import wandb

MODES = ("offline", "online", "disabled")
Mode = Literal["offline", "online"]
OLD_MODES = {"dryrun": "offline", "run": "online"}
"""Names of modes that wandb still takes."""

LAST_HALF = ("oscillation", "spectrum")
"""Keys of ``summary.json`` of the last half of the run; ``metrics.csv`` has other quantities of these names."""

_SECONDS = 10.0
"""For a row or a picture, which take a millisecond; and what wandb adds to its own timeouts."""

_log = logging.getLogger("steadygan")


class _Server:
    """Whether the server answers, for the whole process: a sweep waits once for one that does not, not in every run."""

    problem: str | None = None


class Wandb:
    """One W&B run for one run, written to ``wandb/`` in its folder.

    Its id is the signature. Under ``wandb agent`` it is the agent's, at the first launch; whatever launches the run
    again, it stays that of the first launch.

    Every call is limited in time and guarded: after the first failure there is one warning and no further call.
    ``metrics.csv`` stays the truth, and ``steadygan sync`` sends what W&B missed.

    Raises:
        UserError: at construction, for an unknown mode or a timeout that is not positive.
    """

    def __init__(
        self,
        mode: str = "offline",
        project: str = "steadygan",
        entity: str | None = None,
        tags: Sequence[str] = (),
        init_timeout: float = 10.0,
        finish_timeout: float = 60.0,
    ) -> None:
        requested = mode
        mode = OLD_MODES.get(requested, requested) or MODES[0]  # an empty variable is none
        if mode not in MODES:
            whence = " (WANDB_MODE says so)" if os.environ.get("WANDB_MODE") == requested else ""
            raise bad_value("logger.mode", requested, f"no such mode{whence}", MODES)
        for key, value in (("init_timeout", init_timeout), ("finish_timeout", finish_timeout)):
            if not value > 0:
                raise bad_value(f"logger.{key}", value, "must be a positive number of seconds")
        self.mode, self.project, self.entity = mode, project, entity
        self.tags = tuple(str(tag)[:64] for tag in tags if str(tag))
        self.init_timeout, self.finish_timeout = float(init_timeout), float(finish_timeout)
        self._run: wandb.Run | None = None
        self._online = False
        self._guard = Guard("W&B", "; `steadygan sync` sends what it missed")

    @property
    def failed(self) -> bool:
        """Whether W&B may have missed something of the run opened last."""
        return self._guard.quiet

    def open(self, job: Job) -> None:
        """Begin a run, or a further fragment of one: online if asked and possible, else offline, else not at all."""
        self._run, self._guard.quiet = None, False
        if self.mode == "disabled":
            return
        problem = self._open_online(job) if self.mode == "online" else None
        if self._run is None:
            self._open_offline(job, problem)

    def row(self, row: Mapping[str, float]) -> None:
        """Log one row; its ``iteration`` is the x axis of everything."""
        values = dict(row)
        self._call(lambda run: run.log(values))

    def picture(self, iteration: int, name: str, path: Path) -> None:
        """Log a PNG file by its pixels as they are: wandb takes floats for 0 to 255 and makes them black."""

        def log(run: "wandb.Run") -> None:
            import numpy as np
            import wandb
            from PIL import Image

            with Image.open(path) as opened:
                pixels = np.asarray(opened.convert("RGB"), dtype=np.uint8)
            run.log({"iteration": iteration, name: wandb.Image(pixels)})

        self._call(log)

    def close(self, summary: Mapping[str, object]) -> None:
        """End the run with ``summary``; takes ``finish_timeout`` and a little more at most."""
        run, self._run = self._run, None
        if run is None:
            return
        file = Path(run.settings.sync_file)
        error = attempt(lambda: _finish(run, summary), self.finish_timeout + _SECONDS)
        if error is not None:
            self._guard.stop(describe(error))  # which says nothing if it has failed before
            _clear_away(error)
        elif self._online and not self._guard.quiet and not getattr(run, "_finish_timed_out", False):
            _mark_sent(file)

    def _call(self, use: "Callable[[wandb.Run], object]") -> None:
        run = self._run
        if run is not None and not self._guard.quiet and not self._guard(lambda: use(run), _SECONDS):
            _clear_away(None)

    def _open_online(self, job: Job) -> str | None:
        """None, or why the run cannot be online."""
        if _Server.problem is None:
            _Server.problem = service.unavailable(self.init_timeout)
        if _Server.problem is None:
            error = self._start(job, "online")
            _Server.problem = describe(error) if error else None
        self._online = self._run is not None
        return _Server.problem

    def _open_offline(self, job: Job, problem: str | None) -> None:
        error = self._start(job, "offline")
        if error and (problem or service.dead()):  # it holds the id of the failed attempt, or died under an earlier run
            service.forget()
            error = self._start(job, "offline")
        if error:
            self._guard.stop(f"{problem}; {describe(error)}" if problem else describe(error))
        elif problem:
            _log.warning("W&B cannot be online (%s); this run is kept offline, `steadygan sync` sends it", problem)

    def _start(self, job: Job, mode: Mode) -> BaseException | None:
        def begin() -> None:
            self._run = self._init(job, mode)

        return attempt(begin, self.init_timeout + _SECONDS)

    def _init(self, job: Job, mode: Mode) -> "wandb.Run":
        with service.untouched():
            import wandb

            session = wandb.setup(service.settings())
            agent = service.agent(session.settings)
            sweep = {"sweep_id": agent.sweep_id} if agent.sweep_id else {}
            run = wandb.init(
                dir=str(job.directory),
                project=agent.project or self.project,
                entity=agent.entity or self.entity,
                id=fragments.first_id(job.directory) or agent.run_id or job.signature,
                group=job.group[:128],
                job_type=job.method[:64],
                name=_name(job),
                tags=self.tags,
                config={**job.config, "signature": job.signature, "overrides": list(job.overrides)},
                mode=mode,
                resume="allow",  # without it a further fragment overwrites the earlier ones on the server
                reinit="create_new",
                settings=service.settings(init_timeout=self.init_timeout, finish_timeout=self.finish_timeout, **sweep),
            )
        run.define_metric("*", step_metric="iteration")
        return run


def summary_values(summary: Mapping[str, object]) -> dict[str, object]:
    """What W&B's summary says of ``summary.json``: its keys joined by ``/``, none of which is one of a row.

    A run that diverged has no last score: each of its metrics is NaN there, whatever it was before.
    """
    half = {key: summary[key] for key in LAST_HALF if key in summary}
    kept = {key: value for key, value in summary.items() if key not in (*LAST_HALF, "directions")}
    flat = {**flatten(kept), **flatten(half, "last_half/")}
    if summary.get("status") == "diverged":
        names = summary.get("directions") or summary.get("metrics")
        names = names if isinstance(names, Mapping) else {}
        flat |= {key: math.nan for name in names for key in (f"metrics/{name}/final", f"metric/{name}")}
    return flat


def _name(job: Job) -> str:
    """Return the label, cut where it is too long for W&B, and the seed."""
    seed = f" seed={job.seed}"
    return job.label[: 128 - len(seed)] + seed


def _finish(run: "wandb.Run", summary: Mapping[str, object]) -> None:
    """W&B knows "finished", "failed" and "preempted", which is how a run of a W&B sweep is queued again."""
    status = summary.get("status")
    run.summary.update(summary_values(summary))
    if status == "diverged":
        run.tags = (*(run.tags or ()), "diverged")
    if status == "preempted":
        run.mark_preempting()
    run.finish(exit_code=0 if status == "completed" else 1)


def _clear_away(error: BaseException | None) -> None:
    """After a failure: leave no wandb-core behind that does not answer, nor a connection to one that is dead."""

    def clear() -> None:
        if isinstance(error, TimeoutError):
            service.kill()
        if service.dead():
            service.forget()

    attempt(clear, _SECONDS)


def _mark_sent(file: Path) -> None:
    """The mark that ``wandb sync`` leaves: all of this file is on the server."""
    with suppress(OSError):
        file.with_name(f"{file.name}.synced").touch()
