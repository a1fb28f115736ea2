"""Building the object that one node of a config names, and checking that it can be used as its kind is used."""

import functools
import inspect

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from steadygan.common.errors import UserError, bad_value, first_line
from steadygan.config.hydra_versions import allowing
from steadygan.config.node import Built, Config
from steadygan.config.protocols import has_members, is_callable
from steadygan.config.targets import resolve
from steadygan.core.settings import fields
from steadygan.runs.trust import allowed

WRONG_CALL = (TypeError, ValueError, ImportError, AttributeError, OSError)
"""What a ``_target_`` raises that does not exist, does not take these keys or lacks a file: behind Hydra's complaint in
1.3, as it is in 1.4."""


def make(node: Config, key: str) -> Built:
    """Instantiate one node, plain containers inside.

    Hydra's own partial checks its target at every call, which costs more than many a penalty: it is unwrapped.
    """
    try:
        made = instantiate(node, _convert_="all", **allowing(allowed()))
    except (InstantiationException, *WRONG_CALL) as error:
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, UserError):
            raise cause from error
        if cause is None or isinstance(cause, WRONG_CALL):
            early = isinstance(cause, TypeError) and "missing" in str(cause) and not node.get("_partial_")
            hint = "; does its yaml lack _partial_: true?" if early else ""
            raise UserError(f"{key}: {cause or first_line(error)}{hint}") from error
        raise
    if isinstance(made, functools.partial):
        return functools.partial(made.func, *made.args, **made.keywords)
    return made


def make_kind(kind: str, node: Config, key: str = "") -> Built:
    """Build an object of a kind with its members; its key in the config is that of the kind unless given."""
    made = make(node, key or kind)
    has_members(kind, key or kind, made)
    return made


def check_call(made: Built, key: str, *arguments: str) -> None:
    """Refuse what cannot be called with these arguments: a partial with a wrong key would only fail in training."""
    is_callable(key, made)
    partial = isinstance(made, functools.partial)
    signature = _signature(made.func if partial else made)
    if signature is None:
        return
    try:
        signature.bind(*arguments, **(fields(made) if partial else {}))
    except TypeError as error:
        keys = [name for name in signature.parameters if name not in arguments]
        raise UserError(f"{key}: {error}\nIts keys: {', '.join(keys) or 'none'}") from error


def check_engine(node: Config) -> None:
    """Refuse an engine that could not be called, before a run has a folder."""
    check_call(make(node, "engine"), "engine", "parts", "job", "report")


def check_keys(node: Config, key: str) -> None:
    """Refuse a key that the object of a node does not take: presets bring some that not all have."""
    made = resolve(node["_target_"])
    signature = _signature(made)
    if signature is None or inspect.Parameter.VAR_KEYWORD in {each.kind for each in signature.parameters.values()}:
        return
    for name in (name for name in node if not name.startswith("_") and name not in signature.parameters):
        raise bad_value(f"{key}.{name}", node[name], f"{made.__name__} has no such key", signature.parameters)


def _signature(method: Built) -> inspect.Signature | None:
    """Return what it takes; None of what is written in C and does not say."""
    try:
        return inspect.signature(method)
    except ValueError:
        return None
