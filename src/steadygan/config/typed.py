"""Values of a config as the types that they are meant for: 1e1, 2.0 and the text '1e3' are whole numbers, too.

The types stand where everybody looks for them, in the signature of what a node builds; YAML, a command line and a sweep
file each write the same number in their own way.
"""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from steadygan.common.errors import UserError

PLAIN = (bool, int, float, str, NoneType)


class Misfit(ValueError):
    """A value cannot be of the type that is meant; the message says what it must be."""


@dataclass(frozen=True)
class Kind:
    """What a type hint allows.

    Attributes:
        plain: types of a single value.
        items: of each item, where a list is allowed.
    """

    plain: frozenset[type]
    items: "Kind | None" = None

    @property
    def words(self) -> str:
        """Describe what a value must be, for messages."""
        number = "a number" if float in self.plain else "a whole number" if int in self.plain else ""
        choices = [number, "true or false" if bool in self.plain else "", "null" if NoneType in self.plain else ""]
        return "must be " + " or ".join(filter(None, choices))

    @property
    def strict(self) -> bool:
        """Whether nothing but numbers or truth values will do."""
        return bool(self.plain & {int, float, bool}) and str not in self.plain


@lru_cache(maxsize=4096)
def hints(target: Any) -> Mapping[str, Any]:
    """Return the type of each keyword argument of ``target``; those that nothing is known of are left out.

    A default is always allowed, whatever the hint says. A constructor that hands the rest on (``**numbers`` of a class
    method) takes what its class takes.
    """
    made = target.__init__ if isinstance(target, type) else target
    try:
        types, parameters = get_type_hints(made), inspect.signature(target).parameters
    except (TypeError, ValueError, NameError, AttributeError):
        return MappingProxyType({})
    types_by_name = dict(hints(target.__self__)) if isinstance(getattr(target, "__self__", None), type) else {}
    for name, parameter in parameters.items():
        if name in types and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            default = parameter.default
            required = default is inspect.Parameter.empty
            types_by_name[name] = types[name] if required else Union[types[name], type(default)]  # noqa: UP007 strings
    return MappingProxyType(types_by_name)


def read(value: Any, hint: Any) -> Any:
    """Return ``value`` as the type that ``hint`` asks for, where that is a number, a truth value or a list of them.

    Args:
        value: of a config, plain.
        hint: ``int``, ``float | None``, ``int | Sequence[int]``, ...; what is neither number nor truth value is left.

    Raises:
        Misfit: it is no such number.
    """
    kind = _kind(hint)
    if kind is not None and kind.strict and isinstance(value, Mapping) and "_target_" not in value:
        raise Misfit(kind.words)  # with a target it may be a schedule
    if kind is None or isinstance(value, Mapping):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _items(value, kind)
    return _single(value, kind)


def allows(hint: Any, value: Any) -> bool:
    """Return whether ``hint`` names the very type of a plain value."""
    kind = _kind(hint)
    return kind is None or type(value) in kind.plain


def _items(values: Sequence[Any], kind: Kind) -> Any:
    if kind.items is None:
        if kind.strict:
            raise Misfit(kind.words)
        return values
    return [_single(value, kind.items) for value in values]


def _single(value: Any, kind: Kind) -> Any:
    number = _parsed(value) if isinstance(value, str) else None if isinstance(value, bool) else value
    if int in kind.plain and _is_whole(number):
        return int(number)
    if float in kind.plain and isinstance(number, int | float):
        return number
    if type(value) in kind.plain or not kind.strict:
        return value
    if bool in kind.plain and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise Misfit(kind.words)


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | float) and math.isfinite(number) and number == int(number)


def _parsed(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


@lru_cache(maxsize=1024)
def _kind(hint: Any) -> Kind | None:
    """Return the allowed types; None where anything goes."""
    if get_origin(hint) in (Union, UnionType):
        parts = [_kind(each) for each in get_args(hint)]
        known = [part for part in parts if part is not None]
        if not known:
            return None
        items = [part.items for part in known if part.items is not None]
        return Kind(frozenset().union(*(part.plain for part in known)), items[0] if items else None)
    if hint in PLAIN or hint is None:
        return Kind(frozenset({hint or NoneType}))
    arguments = [each for each in get_args(hint) if each is not Ellipsis]
    if inspect.isclass(get_origin(hint)) and issubclass(get_origin(hint), Sequence) and len(arguments) == 1:
        items = _kind(arguments[0])
        return None if items is None else Kind(frozenset(), items)
    return None


def arguments(target: Any, values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return ``values`` as the types that ``target`` takes.

    Args:
        target: what is to be called with them.
        values: keyword arguments.
        path: of their node, for messages.

    Raises:
        UserError: names each key that is of another type.
    """
    typed, problems, types = {}, [], hints(target)
    for key, value in values.items():
        try:
            typed[key] = read(value, types.get(key, Any))
        except Misfit as misfit:
            problems.append(f"{path}.{key}={value}: {misfit}")
    if problems:
        raise UserError("\n".join(problems))
    return typed
