"""``--from RUN``: the config in a run's folder as overrides of the root config, and changes on top of it.

The config that was resolved is the truth; what was asked for only says which options of groups it came from, so that
interpolations (``network.width`` is the width of both players) stay alive. Nothing else of the folder is followed.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from steadygan.commands import _hydra_app
from steadygan.commands._passthrough import config_dirs
from steadygan.common.errors import UserError, first_line
from steadygan.common.paths import expanded
from steadygan.config import listing as config_listing
from steadygan.config.node import leaves, value_at
from steadygan.runs import files
from steadygan.sweeps.request import Request

FLAG, TRUST = "--from", "--trust"

PLACES = ("dataset.root", "dataset.download")
"""Keys that say where data lie."""


@dataclass(frozen=True)
class FromArguments:
    """A command line: the folder after ``--from``, the names after ``--trust``, and the rest."""

    folder: Path | None
    trust: tuple[str, ...]
    rest: list[str]


def from_arguments(arguments: Sequence[str]) -> FromArguments:
    """Read ``--from`` and ``--trust``.

    Raises:
        UserError: one of them without a value, or ``--trust`` without ``--from``.
    """
    flags: dict[str, list[str]] = {FLAG: [], TRUST: []}
    rest, waiting = [], iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if name not in flags:
            rest.append(argument)
            continue
        value = value if equals else next(waiting, "")
        if not value:
            raise UserError(f"{name}: needs {'the folder of a run or a sweep' if name == FLAG else 'a name'}")
        flags[name].append(value)
    if len(flags[FLAG]) > 1:
        raise UserError(f"{FLAG}: one folder at a time")
    if flags[TRUST] and not flags[FLAG]:
        raise UserError(f"{TRUST}: goes with {FLAG}; configs of your own need no trust")
    folder = _folder(flags[FLAG][0]) if flags[FLAG] else None
    return FromArguments(folder, tuple(flags[TRUST]), rest)


def _folder(text: str) -> Path:
    """Return the path with a name at its end, which says where the run lies: that of ``.`` is looked up."""
    path = expanded(FLAG, text)
    return path.resolve() if not path.name or ".." in path.parts else path


class RootComposer:
    """Configs of runs as overrides of the root config.

    Args:
        folders: of the user's own with config groups.
        changes: KEY=VALUE to be put on top.
    """

    def __init__(self, folders: Sequence[Path], changes: Sequence[str]) -> None:
        self.groups = config_listing.groups(folders)
        self.places = {group: config_listing.places().get(group, [group]) for group in self.groups}
        self.lists = {group for group, names in config_listing.listed().items() if group in self.groups}
        self.folders, self.changes = tuple(folders), list(changes)
        self.compose: Callable[[tuple[str, ...]], Any] = lru_cache(maxsize=64)(self._compose)

    def overrides(self, config: Mapping[str, Any], recorded_overrides: Sequence[str], exact: bool) -> list[str]:
        """Return overrides that give ``config``.

        Args:
            config: resolved.
            recorded_overrides: the overrides that led to it, as far as they are known.
            exact: whether keys that only today's root config has are to be left out.

        Raises:
            UserError: no overrides can.
        """
        from steadygan.sweeps.overrides import CannotBeSaid, key_element, lacking, still

        groups = [text for text in recorded_overrides if self._is_group(text)]
        options = [text for text in groups if self._known(text)]
        try:
            base = self.compose(tuple(options))
        except UserError:
            options, base = [], self.compose(())
        unknown = {key_element(text) for text in groups if not self._known(text)}
        guessed = [text for text in self._guessed(config, base) if key_element(text) not in unknown]
        again = {key_element(text) for text in guessed}
        options = [*(text for text in options if key_element(text) not in again), *guessed]
        base = self.compose(tuple(options))
        try:
            after = lacking(base, config, set(self.groups))
        except CannotBeSaid as key:
            problem = "there is no such option in your config groups; --config-dir FOLDER adds those of a folder"
            raise UserError(f"{key}={config.get(str(key))}: {problem}") from key
        values = still([text for text in recorded_overrides if not self._is_group(text)], config)
        kept_elements = set(map(key_element, values))
        after = [*values, *(text for text in after if text.startswith("~") or key_element(text) not in kept_elements)]
        lost = [text[1:] for text in after if text.startswith("~") and text[1:] in self.lists]
        if lost:
            raise UserError(f"{FLAG}: the config in the folder is not whole: it lacks {', '.join(lost)}")
        if not exact:
            after = [text for text in after if not (text.startswith("~") and self._is_new(text[1:], base, config))]
        return [*options, *after]

    def changed(self, base_overrides: Sequence[str]) -> list[str]:
        """Return the overrides with the changes on top; a group that is chosen anew begins anew."""
        from steadygan.sweeps.overrides import key_element, sets_values

        decided = [path for text in self.changes for path in self._decides(text)]
        kept = [text for text in base_overrides if not any(self._within(text, path, names) for path, names in decided)]
        added = {key_element(text) for text in base_overrides if text.startswith("+")}
        keys = {key_element(text) for text in self.changes if not sets_values(text)}
        kept = [text for text in kept if key_element(text) not in keys or text.startswith("~")]
        return [*kept, *(self._anew(text, key_element(text) in added) for text in self.changes)]

    def _anew(self, text: str, added: bool) -> str:
        """Return the override so that a key which had to be appended is appended again."""
        if not added or text[0] in "+~":
            return text
        return f"{'+' if self._is_group(text) else '++'}{text}"

    def _compose(self, options: tuple[str, ...]) -> Any:
        import hydra
        from hydra import initialize_config_dir

        from steadygan.common.paths import conf_dir
        from steadygan.config.hydra_errors import explained
        from steadygan.config.hydra_versions import BASE

        search = [f"hydra.searchpath=[{','.join(repr(f'file://{folder}') for folder in self.folders)}]"]
        with explained(), initialize_config_dir(str(conf_dir()), **BASE):
            return hydra.compose("config", [*(search if self.folders else []), *options])

    def _is_group(self, text: str) -> bool:
        from steadygan.sweeps.overrides import key_element, sets_values

        return key_element(text).partition("@")[0] in self.groups and not sets_values(text)

    def _known(self, text: str) -> bool:
        """Return whether this chooses options that there are."""
        from steadygan.sweeps.overrides import key_element

        group = key_element(text).partition("@")[0]
        return group in self.groups and not text.startswith("~") and set(_names(text)) <= set(self.groups[group])

    def _guessed(self, config: Mapping[str, Any], base: Any) -> list[str]:
        """Return the options that the config came from, where they are not those of ``base``."""
        guesses = []
        for group, places in self.places.items():
            for target in places:
                path = _package(target)
                node, now = value_at(config, path), value_at(base, path)
                if group in self.lists and isinstance(node, Mapping):
                    names = [name for name in node if name in self.groups[group]]
                    if names != [name for name in now or {} if name in self.groups[group]]:
                        guesses.append(f"{target}=[{','.join(names)}]")
                elif isinstance(node, Mapping) and _targets(node) != _targets(now):
                    guesses += [f"{target}={name}" for name in self._fitting(group, node)]
                elif group == "method" and node in self.groups[group] and node != now:
                    guesses.append(f"{target}={node}")
        return guesses

    def _fitting(self, group: str, node: Mapping[str, Any]) -> list[str]:
        """Return the one option with these targets and the most values in common, or nothing."""
        have = dict(leaves(node))
        best, most = [], 0
        for name, path in self.groups[group].items():
            content = _content(path)
            values = dict(leaves(content))
            if _targets(content) and _targets(content) == _targets(node):
                common = sum(have.get(key) == value for key, value in values.items())
                best, most = ([name], common) if common > most else (best, most)
        return best

    def _decides(self, text: str) -> list[tuple[str, frozenset[str] | None]]:
        """Return the keys that a change of a group decides; for a list of options with the names that stay."""
        from steadygan.sweeps.overrides import key_element

        key = key_element(text)
        group = key.partition("@")[0]
        if not self._is_group(text) or text.startswith("~"):
            return []
        names = [name for name in _names(text) if name in self.groups[group]]
        decided: list[tuple[str, frozenset[str] | None]] = []
        if group in self.lists:
            decided.append((_package(key), frozenset(names)))
        else:
            decided.append((_package(key), None))
        for name in names:
            content = _content(self.groups[group][name])
            for entry in content.pop("defaults", None) or []:
                if isinstance(entry, Mapping):
                    for other, value in entry.items():
                        target = str(other).removeprefix("override ").strip().lstrip("/").replace("@_global_.", "@")
                        if not target.startswith("hydra"):
                            decided += self._decides(f"{target}={value}")
            if _is_global(self.groups[group][name]):
                decided += [(path, None) for path, _ in leaves(content)]
        return decided

    def _within(self, text: str, path: str, staying: frozenset[str] | None) -> bool:
        """Return whether an override is of what has been decided anew."""
        from steadygan.sweeps.overrides import key_element

        key = _package(key_element(text))
        if key != path and not key.startswith(f"{path}."):
            return False
        if staying is None:
            return True
        below = key.removeprefix(path).lstrip(".").partition(".")[0]
        group = next((name for name in self.lists if name == path), "")
        return not below or (below in self.groups.get(group, {}) and below not in staying)

    def _is_new(self, path: str, base: Any, config: Mapping[str, Any]) -> bool:
        """Return whether a key that the config lacks is one that its version did not know."""
        above, _, _ = path.rpartition(".")
        node, now, then = (
            value_at(base, path),
            value_at(base, above) if above else base,
            value_at(config, above) if above else config,
        )
        alike = isinstance(then, Mapping) and now.get("_target_") == then.get("_target_")
        return alike and (not above or not hasattr(node, "get") or "_target_" not in node)


def _names(text: str) -> list[str]:
    """Return the options that an override of a group names, swept or not."""
    words = text.partition("=")[2].replace("[", ",").replace("]", ",").replace("'", "").replace('"', "").split(",")
    return [word.strip() for word in words if word.strip() and word.strip() != "null"]


def _package(key: str) -> str:
    """Return where the key of an override puts what it sets."""
    group, at, package = key.partition("@")
    return package.removeprefix("_global_.") if at else group.replace("/", ".")


def _targets(node: Any) -> dict[str, str]:
    if not hasattr(node, "items"):
        return {}
    if not isinstance(node, dict):
        from omegaconf import OmegaConf

        node = OmegaConf.to_container(node)
    return {key: value for key, value in leaves(node) if key.split(".")[-1] == "_target_"}


@lru_cache(maxsize=512)
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _content(path: Path) -> dict[str, Any]:
    import yaml

    content = yaml.safe_load(_text(path))
    return content if isinstance(content, dict) else {}


def _is_global(path: Path) -> bool:
    return "@package _global_" in _text(path)


@contextlib.contextmanager
def complete(folder: Path) -> Iterator[None]:
    """Raise a UserError where the config of the folder turns out to lack a key."""
    try:
        yield
    except KeyError as error:
        raise UserError(
            f"{FLAG} {folder}: its config lacks {error}, which this version of steadygan needs. Go on with the version "
            "that made it, or begin a new run: any KEY=VALUE that changes the result, such as another seed"
        ) from error


def location(run: Path, config: Mapping[str, Any]) -> list[str]:
    """Return the overrides that put a run where the folder lies: below ``outputs`` in ``name``."""
    from steadygan.sweeps.overrides import literal

    above, name = run.parent, Path(str(config.get("name", "runs")))
    if above.parts[-len(name.parts) :] != name.parts:
        above, name = above.absolute(), Path(above.absolute().name)
    outputs = Path(*above.parts[: len(above.parts) - len(name.parts)])
    return [f"outputs={literal(str(outputs))}", f"name={literal(name.as_posix())}"]


def recorded(run: Path) -> list[str]:
    """Return the overrides that a run's folder names."""
    import yaml

    try:
        texts = yaml.safe_load((run / files.OVERRIDES).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    return [str(text) for text in texts] if isinstance(texts, list) else []


def signatures(runs: Iterable[Path]) -> frozenset[str]:
    """Return the signatures that the summaries of runs name."""
    return frozenset(str(s["signature"]) for run in runs if (s := files.read_summary(run)) and "signature" in s)


def folders(run: Path, arguments: Sequence[str]) -> dict[str | None, Path]:
    """Return the run's folder by its signature: the one that was named is meant, whatever copies of it there are."""
    signed = (files.read_summary(run) or {}).get("signature")
    if signed is None and _signed(_hydra_app.split(arguments)[1]):
        return {}  # what is asked for is another run
    return {signed: run}


def of_run(run: Path, trust: Sequence[str], arguments: Sequence[str]) -> tuple[list[str], Request]:
    """Return Hydra's command line for ``train --from RUN``, and which signature it has to give in which folder.

    Args:
        run: the folder.
        trust: what its config may name beside steadygan's own.
        arguments: the rest of the command line.

    Raises:
        UserError: there is no such run, or it cannot be said, or names what is not trusted.
    """
    from steadygan.config import run_config

    if not run.is_dir():
        raise UserError(f"{FLAG} {run}: no such run folder")
    options, changes = _hydra_app.split(arguments)
    exact = not _signed(changes, elsewhere=True)
    composer = RootComposer(config_dirs(arguments), changes)
    config = run_config.read(run, trust)
    texts = composer.changed([*composer.overrides(config, recorded(run), exact), *location(run, config)])
    expected = frozenset() if _signed(changes) else signatures([run])
    return [*options, *texts], Request(expected=expected, folders=folders(run, arguments))


def of_sweep(folder: Path, trust: Sequence[str], arguments: Sequence[str]) -> tuple[list[str], Request]:
    """Return Hydra's command line for ``sweep --from DIR``, and the jobs that it is to launch; see ``of_run``."""
    from steadygan.config import run_config
    from steadygan.sweeps.launching import launched

    inside = files.find_runs(folder, depth=1) if folder.is_dir() else ()
    runs = [run for run in inside if run != folder and (run / files.CONFIG).exists()]
    begun = signatures(runs)
    waiting = {key: job for key, job in launched(folder).items() if key not in begun}
    if not runs and not waiting:
        raise UserError(f"{FLAG} {folder}: {'no run in this folder' if folder.is_dir() else 'no such sweep folder'}")
    options, changes = _hydra_app.split(arguments)
    exact = not _signed(changes, elsewhere=True)
    composer = RootComposer(config_dirs(arguments), changes)
    texts = []
    for run in runs:
        config = run_config.read(run, trust)
        texts.append(composer.changed([*composer.overrides(config, recorded(run), exact), *location(run, config)]))
    for job in waiting.values():
        _check_waiting(job, folder, trust, composer.folders)
        ours = [text for text in job["overrides"] if not text.lstrip("+~:").startswith("hydra")]
        texts.append(composer.changed([*ours, *location(folder / "run", {"name": folder.name})]))
    every = set.intersection(*map(set, texts))
    common = [text for text in texts[0] if text in every]
    jobs = [[text for text in job if text not in common] for job in texts]
    expected = () if _signed(changes) else begun | waiting.keys()
    about = _about(folder)
    command = ["--multirun", "hydra/sweeper=again", *options, *common, *_threshold_override(about, folder, trust)]
    return command, Request(question=str(about.get("question") or ""), jobs=jobs, expected=frozenset(expected))


def _signed(changes: Sequence[str], elsewhere: bool = False) -> bool:
    """Return whether changes may have a part in the result, so that other runs come of them.

    Args:
        changes: KEY=VALUE.
        elsewhere: whether the place of the data has none, which is so if they are the same data.
    """
    from steadygan.runs import signature

    others = [text for text in changes if not text.lstrip("+~").startswith("hydra/")]
    return any(not (elsewhere and signature.key_of(text) in PLACES) for text in signature.relevant(others))


def _check_waiting(
    job: Mapping[str, Sequence[str]], folder: Path, trust: Sequence[str], folders: Sequence[Path]
) -> None:
    """A job that has not begun is known by its overrides alone, which may name no more than a config may."""
    from hydra.errors import HydraException

    from steadygan.runs import trust as trusting
    from steadygan.sweeps.overrides import as_configs

    wanted = [text for text in job["options"] if text.startswith("--config-dir")]
    if wanted and not folders:
        raise UserError(f"{FLAG} {folder}: some of its jobs have not begun yet; they need {wanted[0]}: add it")
    try:
        configs = as_configs(job["overrides"])
    except HydraException as error:
        raise UserError(f"{folder / files.JOBS}: cannot be read ({first_line(error)})") from error
    for config in configs:
        trusting.check(config, folder / files.JOBS, trust)


def _about(folder: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load((folder / files.SWEEP).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _threshold_override(about: Mapping[str, Any], folder: Path, trust: Sequence[str]) -> list[str]:
    """Return the overrides that keep what the sweep says of its own report."""
    from steadygan.runs import trust as trusting
    from steadygan.sweeps.overrides import literal

    kept = {key: about[key] for key in ("threshold", "baseline") if about.get(key)}
    trusting.check(kept, folder / files.SWEEP, trust)
    return [f"hydra.sweeper.{key}={literal(value)}" for key, value in kept.items()]
