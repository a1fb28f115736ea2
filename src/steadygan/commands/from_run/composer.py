"""The config in a run's folder as overrides of the root config, and changes on top of it.

The config that was resolved is the truth; what was asked for only says which options of groups it came from, so that
interpolations (``network.width`` is the width of both players) stay alive. Nothing else of the folder is followed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import hydra
from hydra import initialize_config_dir
from omegaconf import DictConfig

from steadygan.commands.from_run.arguments import FLAG
from steadygan.commands.from_run.option_files import (
    best_fit,
    brought,
    content,
    is_global,
    named_options,
    package_of,
    targets,
)
from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config import listing
from steadygan.config.hydra_errors import explained
from steadygan.config.hydra_versions import BASE
from steadygan.config.node import Config, leaves, value_at
from steadygan.sweeps.overrides import CannotBeSaid, key_element, lacking, sets_values, still

Decision = tuple[str, frozenset[str] | None]
"""A key that is decided anew; for a list of options with the names that stay."""


class RootComposer:
    """Configs of runs as overrides of the root config.

    Args:
        folders: of the user's own with config groups.
        changes: KEY=VALUE to be put on top.
    """

    def __init__(self, folders: Sequence[Path], changes: Sequence[str]) -> None:
        self.groups = listing.groups(folders)
        self.places = {group: listing.places().get(group, [group]) for group in self.groups}
        self.lists = {group for group in listing.listed() if group in self.groups}
        self.folders, self.changes = tuple(folders), list(changes)
        self.compose: Callable[[tuple[str, ...]], DictConfig] = lru_cache(maxsize=64)(self._compose)

    def overrides(self, config: Config, recorded_overrides: Sequence[str], exact: bool) -> list[str]:
        """Return overrides that give ``config``.

        Args:
            config: resolved.
            recorded_overrides: the overrides that led to it, as far as they are known.
            exact: whether keys that only today's root config has are to be left out.
        """
        options = self._options(config, [text for text in recorded_overrides if self._is_group(text)])
        base = self.compose(tuple(options))
        try:
            after = lacking(base, config, set(self.groups))
        except CannotBeSaid as key:
            problem = "there is no such option in your config groups; --config-dir FOLDER adds those of a folder"
            raise UserError(f"{key}={config.get(str(key))}: {problem}") from key
        values = still([text for text in recorded_overrides if not self._is_group(text)], config)
        kept = set(map(key_element, values))
        after = [*values, *(text for text in after if text.startswith("~") or key_element(text) not in kept)]
        lost = [text[1:] for text in after if text.startswith("~") and text[1:] in self.lists]
        if lost:
            raise UserError(f"{FLAG}: the config in the folder is not whole: it lacks {', '.join(lost)}")
        if not exact:
            after = [text for text in after if not (text.startswith("~") and self._is_new(text[1:], base, config))]
        return [*options, *after]

    def _options(self, config: Config, recorded: Sequence[str]) -> list[str]:
        """Return the options of groups that ``config`` came from: the recorded ones, or those that fit it better."""
        options = [text for text in recorded if self._known(text)]
        try:
            base = self.compose(tuple(options))
        except UserError:
            options, base = [], self.compose(())
        unknown = {key_element(text) for text in recorded if not self._known(text)}
        guessed = {key_element(text): text for text in self._guessed(config, base) if key_element(text) not in unknown}
        return [*(text for text in options if key_element(text) not in guessed), *guessed.values()]

    def changed(self, base_overrides: Sequence[str]) -> list[str]:
        """Return the overrides with the changes on top; a group that is chosen anew begins anew."""
        decided = [decision for text in self.changes for decision in self._decides(text)]
        kept = [text for text in base_overrides if not any(self._within(text, *decision) for decision in decided)]
        added = {key_element(text) for text in base_overrides if text.startswith("+")}
        keys = {key_element(text) for text in self.changes if not sets_values(text)}
        kept = [text for text in kept if key_element(text) not in keys or text.startswith("~")]
        return [*kept, *(self._anew(text, key_element(text) in added) for text in self.changes)]

    def _anew(self, text: str, added: bool) -> str:
        """Return the override so that a key which had to be appended is appended again."""
        if not added or text[0] in "+~":
            return text
        return f"{'+' if self._is_group(text) else '++'}{text}"

    def _compose(self, options: tuple[str, ...]) -> DictConfig:
        search = [f"hydra.searchpath=[{','.join(repr(f'file://{folder}') for folder in self.folders)}]"]
        with explained(), initialize_config_dir(str(conf_dir()), **BASE):
            return hydra.compose("config", [*(search if self.folders else []), *options])

    def _is_group(self, text: str) -> bool:
        return key_element(text).partition("@")[0] in self.groups and not sets_values(text)

    def _known(self, text: str) -> bool:
        """Return whether this chooses options that there are."""
        options = self.groups.get(key_element(text).partition("@")[0])
        return options is not None and not text.startswith("~") and set(named_options(text)) <= set(options)

    def _guessed(self, config: Config, base: DictConfig) -> Iterator[str]:
        """Yield the options that the config came from, where they are not those of ``base``."""
        for group, places in self.places.items():
            options = self.groups[group]
            for target in places:
                path = package_of(target)
                node, now = value_at(config, path), value_at(base, path)
                if group in self.lists and isinstance(node, Mapping):
                    names = [name for name in node if name in options]
                    if names != [name for name in now or {} if name in options]:
                        yield f"{target}=[{','.join(names)}]"
                elif isinstance(node, Mapping):
                    if targets(node) != targets(now) and (name := best_fit(options, node)):
                        yield f"{target}={name}"
                elif group == "method" and node in options and node != now:
                    yield f"{target}={node}"

    def _decides(self, text: str) -> Iterator[Decision]:
        """Yield what a change of a group decides."""
        key = key_element(text)
        group = key.partition("@")[0]
        if not self._is_group(text) or text.startswith("~"):
            return
        names = [name for name in named_options(text) if name in self.groups[group]]
        yield package_of(key), frozenset(names) if group in self.lists else None
        for path in (self.groups[group][name] for name in names):
            for other in brought(path):
                yield from self._decides(other)
            if is_global(path):
                yield from ((key, None) for key, _ in leaves(content(path)) if key != "defaults")

    def _within(self, text: str, path: str, staying: frozenset[str] | None) -> bool:
        """Return whether an override is of what has been decided anew."""
        key = package_of(key_element(text))
        if key != path and not key.startswith(f"{path}."):
            return False
        if staying is None:
            return True
        below = key.removeprefix(path).lstrip(".").partition(".")[0]
        options = self.groups[path] if path in self.lists else {}
        return not below or (below in options and below not in staying)

    def _is_new(self, path: str, base: DictConfig, config: Config) -> bool:
        """Return whether a key that the config lacks is one that its version did not know."""
        above = path.rpartition(".")[0]
        node = value_at(base, path)
        now, then = (value_at(each, above) if above else each for each in (base, config))
        alike = isinstance(then, Mapping) and now.get("_target_") == then.get("_target_")
        return alike and (not above or not hasattr(node, "get") or "_target_" not in node)
