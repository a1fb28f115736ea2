"""Listing of the config folders, read without Hydra so that help appears at once."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from steadygan.common.paths import conf_dir, sweeps_dir


class Setting(NamedTuple):
    """A plain key of the root config."""

    key: str
    value: str
    about: str


SPACES = "search"
"""The folder of what is tuned in each method: files of ranges, no options of a group."""


def about(path: Path) -> str:
    """Return the comment that a yaml file opens with, in one line."""
    words = []
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            if not line.startswith("#"):
                break
            text = line.strip("# \n")
            words += [text] if text and not text.startswith("@") else []
    return " ".join(words)


def question(path: Path) -> str:
    """Return the question that a sweep file opens with: its comment, up to the question mark if there is one."""
    text = about(path)
    match = re.match(r".*?\?(?=\s|$)", text)
    return match.group() if match else text


def groups(extra: Iterable[Path] = ()) -> dict[str, dict[str, Path]]:
    """Return the config groups, Hydra's own left out: the file of every option; the shipped folder comes first."""
    options: dict[str, dict[str, Path]] = {}
    for root in (conf_dir(), *extra):
        for path in sorted(root.glob("*/**/*.yaml")):
            group = path.parent.relative_to(root).as_posix()
            if not group.startswith("hydra") and group != SPACES:
                options.setdefault(group, {}).setdefault(path.stem, path)
    return dict(sorted(options.items()))


def sweeps(extra: Iterable[Path] = ()) -> dict[str, list[Path]]:
    """Return the sweep files by name; more than one path where folders have the same name."""
    paths: dict[str, list[Path]] = {}
    for root in (sweeps_dir(), *extra):
        for path in sorted(root.glob("*.yaml")):
            paths.setdefault(path.stem, []).append(path)
    return dict(sorted(paths.items()))


def defaults() -> dict[str, list[str]]:
    """Return the options that the root config chooses, by group."""
    chosen: dict[str, list[str]] = {}
    for key, value in _choices():
        names = value if isinstance(value, list) else [value]
        group = key.removeprefix("override ").partition("@")[0]
        chosen.setdefault(group, []).extend(str(name) for name in names if name is not None)
    return chosen


def listed() -> dict[str, list[str]]:
    """Return the groups of which the root config chooses a list of options, with that list."""
    return {key: value for key, value in _choices() if isinstance(value, list)}


def places() -> dict[str, list[str]]:
    """Return the groups that are chosen for several places: ``optimizer`` as ``optimizer@optimizer.generator``, ..."""
    packages: dict[str, list[str]] = {}
    for key, _ in _choices():
        group, at, _ = key.partition("@")
        if at:
            packages.setdefault(group, []).append(key)
    return packages


def settings() -> list[Setting]:
    """Return the plain keys of the root config with their comments."""
    text = (conf_dir() / "config.yaml").read_text(encoding="utf-8")
    lines = re.findall(r"^(\w+): +([^\s{\[#]\S*) *(?:# *(.*))?$", text, flags=re.MULTILINE)
    return [Setting(*line) for line in lines]


def _choices() -> list[tuple[str, str | list[str] | None]]:
    """Return the groups of the root config's defaults list, with the options chosen."""
    import yaml

    root = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))
    entries = [entry for entry in root.get("defaults", []) if isinstance(entry, Mapping)]
    return [(str(key), value) for entry in entries for key, value in entry.items()]
