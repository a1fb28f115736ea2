"""Which objects the config in a run's folder may name: a folder that somebody sent is data, not a program."""

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.node import Built, Config
from steadygan.config.renamed import present_name
from steadygan.config.targets import resolve

_only: ContextVar[tuple[str, ...] | None] = ContextVar("only", default=None)

ENVIRONMENT = "STEADYGAN_TRUST"
"""The variable that names what is trusted, separated by commas."""

PURE = ("steadygan.core", "steadygan.networks")
"""Packages that touch no files. Of the others only the modules that an option of ``conf`` names are built."""

NAMES = ("_target_", "draw")
"""Keys whose value is the dotted name of an object."""

PLAIN = re.compile(r"\$\{(?:[\w./@\[\]-]+\}|(?:oc\.env|now|hydra|python_version):)")
"""Interpolations that give a part of the same config, or a text: any other may make an object's config of a text."""

FORMER = ("steadygan.loggers.lightning.Adapter",)
"""Names that options of earlier versions had, and that their runs' configs still have."""

LOGGER = "logger"
"""The group whose shipped options name objects of other packages."""

AT_HOME = (LOGGER, "engine", "hydra")
"""Groups whose options write files when they are used: they are built in their place and nowhere else."""


def trusted(named: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the packages and objects that the user trusts: those named, and those of ``STEADYGAN_TRUST``."""
    if isinstance(named, str):
        named = (named,)
    names = (name.strip() for text in (*named, os.environ.get(ENVIRONMENT, "")) for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def check(config: Config, where: Path, trust: Iterable[str] = ()) -> None:
    """Compare every dotted name in a config with what may be built from a run's folder, before any is imported.

    A name is good if it is one of steadygan's methods or lies in a trusted package, and if what it leads to is defined
    there as well: ``steadygan.core.draws.torch.load`` is torch's. A name that is trusted to the letter may lead
    anywhere.

    Args:
        config: as read from the folder, plain containers; values that still have to be computed are refused.
        where: the file, for the message.
        trust: what the user trusts; see ``trusted``.

    Raises:
        UserError: naming all that is refused, and how it is trusted; or one of the objects does not exist.
    """
    allowed = trusted(trust)
    refused = [(key, target) for key, target in _names(config) if not _good(target, key, allowed)]
    if refused:
        raise UserError(_message(refused, where))


@contextmanager
def only(trust: Iterable[str]) -> Iterator[None]:
    """Build nothing within but what is steadygan's or trusted: Hydra's own lock, behind that of ``check``."""
    token = _only.set(("steadygan", *trusted(trust)))
    try:
        yield
    finally:
        _only.reset(token)


def allowed() -> tuple[str, ...] | None:
    """Return the names that may be built now; None outside ``only``: everything."""
    return _only.get()


def _message(refused: Sequence[tuple[str, str]], where: Path) -> str:
    lines = [f"{key}={target}: refused" for key, target in refused]
    example = refused[0][1]
    return "\n".join(
        [
            f"{where}: the folder of a run is data, and nothing is built from it but steadygan's own methods",
            *lines,
            f"If you know what it does, trust it by name, or its package: --trust {example}, "
            f"{ENVIRONMENT}={example}, or from Python trust=['{example}']",
        ]
    )


def _names(node: object, path: str = "", built: bool = False) -> Iterator[tuple[str, str]]:
    """Keys and values of all dotted names, and of texts that would be computed where an object is built, or be one."""
    if isinstance(node, list | tuple):
        node = dict(enumerate(node))
    if not isinstance(node, Mapping):
        if isinstance(node, str) and "${" in (node if built else PLAIN.sub("", node)):
            yield path, node
        return
    built = built or "_target_" in node
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        if key in NAMES and value is not None:
            yield where, str(value)
        else:
            yield from _names(value, where, built)


def _good(target: str, key: str, trust: tuple[str, ...]) -> bool:
    """Return whether a name may be followed; its object is only looked up where the name itself is good."""
    group = key.split(".")[0]
    if target in trust or (group == LOGGER and target in (*FORMER, *_shipped().get(group, ()))):
        return True
    packages = (*PURE, *_modules(group), *trust)
    return _within(present_name(target), packages) and _within(_identity(resolve(target)), packages)


def _within(name: str, packages: Iterable[str]) -> bool:
    return any(name.startswith(f"{package}.") for package in packages)


def _identity(thing: Built) -> str:
    """Return where an object is defined, whatever name led to it."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


@functools.cache
def _shipped() -> dict[str, frozenset[str]]:
    """Return all that the options of ``conf`` name, by group."""
    shipped: dict[str, frozenset[str]] = {}
    for path in conf_dir().rglob("*.yaml"):
        group = path.relative_to(conf_dir()).parts[0]
        names = re.findall(r"_target_: *(\w+(?:\.\w+)+)", path.read_text(encoding="utf-8"))
        shipped[group] = shipped.get(group, frozenset()).union(names)
    return shipped


@functools.cache
def _modules(group: str) -> tuple[str, ...]:
    """Return steadygan's packages with what the options of a group name, or of any group but ``AT_HOME``."""
    targets = (names for other, names in _shipped().items() if other == group or other not in AT_HOME)
    modules = {name.rpartition(".")[0] for names in targets for name in names}
    return tuple(sorted(module for module in modules if module.startswith("steadygan.")))
