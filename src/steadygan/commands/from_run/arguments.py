"""``--from FOLDER`` and ``--trust NAME`` on a command line that is Hydra's otherwise."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from steadygan.common.errors import UserError
from steadygan.common.paths import expanded

FLAG, TRUST = "--from", "--trust"


class FromArguments(NamedTuple):
    """A command line: the folder after ``--from``, the names after ``--trust``, and the rest."""

    folder: Path | None
    trust: tuple[str, ...]
    rest: list[str]


def from_arguments(arguments: Sequence[str]) -> FromArguments:
    """Read ``--from`` and ``--trust``."""
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
