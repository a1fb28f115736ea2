"""Hydra's command lines for ``train --from RUN`` and ``sweep --from DIR``."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from hydra.errors import HydraException

from steadygan.commands.from_run.arguments import FLAG, FromArguments
from steadygan.commands.from_run.composer import RootComposer
from steadygan.commands.shared import hydra_app
from steadygan.commands.shared.passthrough import config_dirs
from steadygan.common.errors import UserError, first_line
from steadygan.config import run_config
from steadygan.config.node import Config
from steadygan.runs import files, trust
from steadygan.runs.signature import key_of, relevant
from steadygan.sweeps.launching import launched
from steadygan.sweeps.overrides import as_configs, literal
from steadygan.sweeps.request import Request

T = TypeVar("T", dict, list)

PLACES = ("dataset.root", "dataset.download")
"""Keys that say where data lie."""


@contextlib.contextmanager
def complete(folder: Path | None) -> Iterator[None]:
    """Raise a UserError where the config of the folder turns out to lack a key."""
    try:
        yield
    except KeyError as error:
        raise UserError(
            f"{FLAG} {folder}: its config lacks {error}, which this version of steadygan needs. Go on with the version "
            "that made it, or begin a new run: any KEY=VALUE that changes the result, such as another seed"
        ) from error


class Source:
    """A folder whose jobs are launched again.

    Args:
        folder: of a run or a sweep.
        trusted: what its configs may name beside steadygan's own.
        arguments: the rest of the command line.
    """

    def __init__(self, folder: Path, trusted: Sequence[str], arguments: Sequence[str]) -> None:
        self.folder, self.trusted = folder, trusted
        self.options, changes = hydra_app.split(arguments)
        self.composer = RootComposer(config_dirs(arguments), changes)
        others = [text for text in changes if not text.lstrip("+~").startswith("hydra/")]
        self.changes = [key_of(text) for text in relevant(others)]
        """Keys by which other runs come of these; the place of the data is none where they are the same data."""
        self.exact = set(self.changes) <= set(PLACES)

    def overrides(self, run: Path) -> list[str]:
        """Return all overrides of a run, changes included."""
        config = run_config.read(run, self.trusted)
        base = self.composer.overrides(config, recorded(run), self.exact)
        return self.composer.changed([*base, *location(run, config)])

    def expected(self, signatures: Iterable[str]) -> frozenset[str]:
        """Return the signatures that have to come of it: any, where the changes make other runs."""
        return frozenset() if self.changes else frozenset(signatures)


def of_run(asked: FromArguments) -> tuple[list[str], Request]:
    """Return Hydra's command line for ``train --from RUN``, and which signature it has to give in which folder."""
    run, trusted, arguments = asked
    if run is None or not run.is_dir():
        raise UserError(f"{FLAG} {run}: no such run folder")
    source = Source(run, trusted, arguments)
    signed = signature_of(run)
    folders = {} if signed is None and source.changes else {signed: run}  # else what is asked for is another run
    expected = source.expected([signed] if signed else [])
    return [*source.options, *source.overrides(run)], Request(expected=expected, folders=folders)


def of_sweep(asked: FromArguments) -> tuple[list[str], Request]:
    """Return Hydra's command line for ``sweep --from DIR``, and the jobs that it is to launch; see ``of_run``."""
    folder, trusted, arguments = asked
    found = files.find_runs(folder, depth=1) if folder is not None and folder.is_dir() else ()
    runs = [run for run in found if run != folder and (run / files.CONFIG).exists()]
    begun = {signed for run in runs if (signed := signature_of(run))}
    waiting = {key: job for key, job in launched(folder).items() if key not in begun} if folder is not None else {}
    if folder is None or not (runs or waiting):
        problem = "no run in this folder" if folder is not None and folder.is_dir() else "no such sweep folder"
        raise UserError(f"{FLAG} {folder}: {problem}")
    source = Source(folder, trusted, arguments)
    texts = [*map(source.overrides, runs), *(_waiting(job, source) for job in waiting.values())]
    every = set.intersection(*map(set, texts))
    common = [text for text in texts[0] if text in every]
    about = _loaded(folder / files.SWEEP, {})
    command = ["--multirun", "hydra/sweeper=again", *source.options, *common, *_criterion(about, folder, trusted)]
    request = Request(
        question=str(about.get("question") or ""),
        jobs=[[text for text in job if text not in common] for job in texts],
        expected=source.expected(begun | waiting.keys()),
    )
    return command, request


def location(run: Path, config: Config) -> list[str]:
    """Return the overrides that put a run where the folder lies: below ``outputs`` in ``name``."""
    above, name = run.parent, Path(str(config.get("name", "runs")))
    if above.parts[-len(name.parts) :] != name.parts:
        above, name = above.absolute(), Path(above.absolute().name)
    outputs = Path(*above.parts[: len(above.parts) - len(name.parts)])
    return [f"outputs={literal(str(outputs))}", f"name={literal(name.as_posix())}"]


def recorded(run: Path) -> list[str]:
    """Return the overrides that a run's folder names."""
    return [str(text) for text in _loaded(run / files.OVERRIDES, [])]


def signature_of(run: Path) -> str | None:
    """Return the signature that the summary of a run names, if any."""
    signed = (files.read_summary(run) or {}).get("signature")
    return None if signed is None else str(signed)


def _loaded(path: Path, default: T) -> T:
    """Return what a yaml file holds; the default where it cannot be read, or holds something of another type."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return default
    return loaded if isinstance(loaded, type(default)) else default


def _waiting(job: Mapping[str, Sequence[str]], source: Source) -> list[str]:
    """Return the overrides of a job that has not begun; they may name no more than a config may."""
    folder = source.folder
    wanted = [text for text in job["options"] if text.startswith("--config-dir")]
    if wanted and not source.composer.folders:
        raise UserError(f"{FLAG} {folder}: some of its jobs have not begun yet; they need {wanted[0]}: add it")
    try:
        configs = as_configs(job["overrides"])
    except HydraException as error:
        raise UserError(f"{folder / files.JOBS}: cannot be read ({first_line(error)})") from error
    for config in configs:
        trust.check(config, folder / files.JOBS, source.trusted)
    ours = [text for text in job["overrides"] if not text.lstrip("+~:").startswith("hydra")]
    return source.composer.changed([*ours, *location(folder / "run", {"name": folder.name})])


def _criterion(about: Config, folder: Path, trusted: Sequence[str]) -> list[str]:
    """Return the overrides that keep what the sweep says of its own report."""
    kept = {key: about[key] for key in ("threshold", "baseline") if about.get(key)}
    trust.check(kept, folder / files.SWEEP, trusted)
    return [f"hydra.sweeper.{key}={literal(value)}" for key, value in kept.items()]
