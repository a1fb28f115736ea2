"""``python docs/config_page.py``: the page of all config groups, options and keys, from ``conf/`` itself.

``docs/config.md`` is what this prints; a test keeps the two the same.
"""

import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from steadygan.common.paths import conf_dir
from steadygan.common.typed import range_of
from steadygan.config import listing as config_listing
from steadygan.config.check import ROOT, annotations
from steadygan.config.node import Config

HEAD = """# Config groups

Every word of a run is one option of a group: `GROUP=OPTION`, then `KEY=VALUE` for its keys. `steadygan train --help`
lists the same options, `steadygan train KEY=VALUE ... --cfg job` prints the config that comes of it, and a number out
of its range stops the command before anything is computed. A schedule may stand in the place of any number that
enters the mathematics of a loss, penalty, noise or update rule:
`loss=lsgan +schedule@loss.alpha=linear loss.alpha.end=0.5`.
"""

NOTES = {
    "hydra/launcher": "Who runs the jobs of a multirun.",
    "hydra/sweeper": "How a multirun makes jobs of the values that are swept.",
    "method": "An algorithm under a name. What it chooses and sets can be chosen and set again: "
    "`method=r1 loss=hinge regularizer.r1.gamma=3`.",
    "metrics": "A list, `metrics=[modes]`; the data set brings those that fit it.",
    "optimizer": "One for each player: `optimizer@optimizer.generator=OPTION`, "
    "`optimizer@optimizer.discriminator=OPTION`; PLAYER below stands for one of the two.",
    "regularizer": "A list: `regularizer=[r1,r2]`.",
    "schedule": "In the place of a number: `loss=lsgan +schedule@loss.alpha=linear loss.alpha.end=0.5`; NUMBER "
    "below stands for its key. The time is the iteration.",
}

PLACES = {"method": "", "optimizer": "optimizer.PLAYER.", "schedule": "NUMBER."}
"""Where a group's keys are, if not below its name."""


@dataclass(frozen=True)
class Key:
    """A line of a table."""

    name: str
    default: str
    allowed: str
    about: str


def page() -> str:
    """Return all of ``docs/config.md``."""
    groups = [*config_listing.groups(), *_of_hydra()]
    return "\n".join([HEAD, _settings(), *map(_group, groups)]).rstrip() + "\n"


def _of_hydra() -> list[str]:
    folders = sorted((conf_dir() / "hydra").glob("*/"))
    return [folder.relative_to(conf_dir()).as_posix() for folder in folders if any(folder.glob("*.yaml"))]


def _settings() -> str:
    path = conf_dir() / "config.yaml"
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    keys = [Key(s.key, s.value, _words(ROOT.get(s.key)), s.about) for s in config_listing.settings()]
    keys += [key for key in _keys(path, node) if key.name.startswith(("ema.", "diagnostics."))]
    return "## Settings\n\nRoot keys.\n\n" + _table(keys)


def _group(group: str) -> str:
    chosen = config_listing.defaults().get(group, [])
    lines = [f"## {group}", ""]
    if group in NOTES:
        lines += [NOTES[group], ""]
    for path in sorted((conf_dir() / group).glob("*.yaml")):
        mark = " (default)" if path.stem in chosen else ""
        lines += [f"### {group}={path.stem}{mark}", "", _opening(path), "", *_option(group, path)]
    return "\n".join(lines)


def _option(group: str, path: Path) -> list[str]:
    node = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    brought = [f"`{entry}`" for entry in _brought(node.get("defaults", []))]
    prefix = PLACES.get(group, group.replace("/", ".") + ".")
    keys = [replace(key, name=prefix + key.name) for key in _keys(path, node) if prefix or key.name != "method"]
    lines = [f"Brings {', '.join(brought)}.", ""] if brought else []
    return [*lines, _table(keys)] if keys else lines


def _opening(path: Path) -> str:
    """Return the comment that a file opens with; a line that begins like a sentence ends the one before."""
    text_so_far = ""
    for line in itertools.takewhile(lambda text: text.startswith("#"), path.read_text(encoding="utf-8").splitlines()):
        text = line.strip("# ")
        if text and not text.startswith("@"):
            ends = text[0].isupper() and text_so_far[-1:] not in (".", ":", ",", "")
            text_so_far += (". " if ends else " ") + text
    text_so_far = text_so_far.strip(". ")
    return text_so_far + "."


def _brought(defaults: Sequence[object]) -> Iterator[str]:
    """Yield the other options that a file chooses, as one would write them."""
    for entry in defaults:
        if isinstance(entry, Mapping):
            for key, value in entry.items():
                group, _, package = str(key).removeprefix("override ").lstrip("/").partition("@")
                text = f"[{','.join(value)}]" if isinstance(value, list) else str(value)
                inside = package and not package.startswith("_global_")
                plus = "" if str(key).startswith("override ") else "+"
                yield f"{plus}{group}{'@' + package if inside else ''}={text}"


def _keys(path: Path, node: Config) -> Iterator[Key]:
    comments = _comments(path)
    allowed = dict(_ranges(node))
    for name, value in _leaves(node):
        yield Key(name, _text(value), allowed.get(name, ""), comments.get(name, ""))


def _leaves(node: Config, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in node.items():
        if str(key).startswith("_") or (not prefix and key in ("defaults", "hydra")):
            continue
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        elif not (prefix and str(value).startswith("${network.")):  # handed on from a key above
            yield f"{prefix}{key}", value


def _ranges(node: Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the allowed values of each number by its key, as declared beside the method that takes it."""
    of_target = annotations(node)
    for key, value in node.items():
        yield f"{prefix}{key}", _words(of_target.get(key))
        if isinstance(value, Mapping):
            yield from _ranges(value, f"{prefix}{key}.")


def _words(annotation: object) -> str:
    allowed = range_of(annotation)
    return allowed.words if allowed else ""


def _comments(path: Path) -> dict[str, str]:
    """Return the comment behind each key, by the key's path; yaml's own reader drops them."""
    comments, stack = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"( *)([\w/@]+):(?:\s|$)", line)
        if match:
            indent = len(match.group(1))
            stack = [(depth, key) for depth, key in stack if depth < indent] + [(indent, match.group(2))]
            comment = re.search(r"\s#\s*(.*)$", line)
            if comment:
                comments[".".join(key for _, key in stack)] = comment.group(1).strip()
    return comments


def _text(value: object) -> str:
    """As it is written in yaml."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


def _table(keys: list[Key]) -> str:
    rows = ["| key | default | must be | |", "| --- | --- | --- | --- |"]
    for key in keys:
        words = key.allowed.removeprefix("must be ")
        rows.append(f"| `{key.name}` | `{key.default}` | {_cell(words)} | {_cell(key.about)} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.stdout.write(page())
