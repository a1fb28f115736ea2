"""Values as the types, and within the ranges, that annotations state: ``lr: Annotated[float, positive]``.

YAML, a command line and a sweep file each write the same number in their own way: 1e1, 10.0 and the text '1e1' are the
whole number 10, too. Annotations stand where everybody looks for them, in a signature or beside a field.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints

from steadygan.common.errors import UserError, bad_value
from steadygan.common.ranges import Range, count, finite

PLAIN = (bool, int, float, str, NoneType)


class Misfit(ValueError):
    """A value is not what is meant; the message says what it must be."""


@dataclass(frozen=True)
class Kind:
    """What an annotation allows.

    Attributes:
        plain: types of a single value.
        choices: single values that are allowed beside them.
        items: of each item, where a list is allowed.
        range: of a number.
    """

    plain: frozenset[type] = frozenset()
    choices: frozenset[object] = frozenset()
    items: "Kind | None" = None
    range: Range | None = None

    def __or__(self, other: "Kind") -> "Kind":
        return Kind(
            self.plain | other.plain, self.choices | other.choices, self.items or other.items, self.range or other.range
        )

    @property
    def words(self) -> str:
        """Describe what a value must be, for messages."""
        number = "must be a number" if float in self.plain else "must be a whole number" if int in self.plain else ""
        truth = "true or false" if bool in self.plain else ""
        others = [truth, *map(str, sorted(self.choices, key=str)), "null" if NoneType in self.plain else ""]
        words = [self.range.words if self.range else number, *others]
        return " or ".join(filter(None, words)) if words[0] else "must be " + " or ".join(filter(None, others))

    @property
    def strict(self) -> bool:
        """Whether nothing but numbers, truth values or choices will do."""
        return bool(self.choices or self.plain & {int, float, bool}) and str not in self.plain


@lru_cache(maxsize=4096)
def hints(target: object) -> Mapping[str, object]:
    """Return the annotation of each keyword argument of ``target``; those that nothing is known of are left out.

    A default is always allowed, whatever the annotation says. A constructor that hands the rest on (``**numbers`` of a
    class method) takes what its class takes.
    """
    made = target.__init__ if isinstance(target, type) else target
    try:
        types = get_type_hints(made, include_extras=True)
        parameters = inspect.signature(target).parameters  # pyright: ignore[reportArgumentType] one may raise
    except (TypeError, ValueError, NameError, AttributeError):
        return MappingProxyType({})
    owner = getattr(target, "__self__", None)
    annotations = dict(hints(owner)) if isinstance(owner, type) else {}
    for name, parameter in parameters.items():
        if name in types and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            kind, default = _kind(types[name]), parameter.default
            stated = default is inspect.Parameter.empty or (
                isinstance(default, str) and kind and default in kind.choices
            )
            annotations[name] = types[name] if stated else Union[types[name], type(default)]  # noqa: UP007
    return MappingProxyType(annotations)


def range_of(annotation: object) -> Range | None:
    """Return the range that an annotation states of a number, if any."""
    kind = _kind(annotation)
    return kind.range if kind else None


def ranged(annotation: object, allowed: Range) -> object:
    """Return an annotation (None: there is none) with the range of its number."""
    kind = int if allowed.whole else float if _kind(annotation) is None or annotation is None else annotation
    return Annotated[kind, allowed]


def read(value: object, annotation: object) -> object:
    """Return ``value`` as the number or truth value, or the list of them, that ``annotation`` asks for.

    All else is left as it is. A number without a range has to be finite.

    Raises:
        Misfit: it is no such value, or out of its range.
    """
    kind = _kind(annotation)
    if kind is not None and kind.strict and isinstance(value, Mapping) and "_target_" not in value:
        raise Misfit(kind.words)  # with a target it may be a schedule
    if kind is None or isinstance(value, Mapping):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _items(value, kind)
    return _single(value, kind)


def check(key: str, value: object, annotation: object) -> object:
    """``read``, for the value of one key."""
    try:
        return read(value, annotation)
    except Misfit as misfit:
        raise bad_value(key, value, str(misfit)) from None


def number(key: str, value: object, allowed: Range = finite) -> float:
    """Return ``value`` as a number within a range, else raise a ``UserError`` that names the key."""
    made = check(key, value, ranged(None, allowed))
    if not is_number(made):
        raise bad_value(key, value, allowed.words)
    return made


def whole_number(key: str, value: object, allowed: Range = count) -> int:
    """Return ``value`` as a whole number within a range, else raise a ``UserError`` that names the key."""
    return int(number(key, value, allowed))


def check_all(values: Mapping[str, object], annotations: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """``read`` for all values of a mapping; those without an annotation are left as they are."""
    typed, problems = dict(values), []
    for key in (key for key in values if key in annotations):
        try:
            typed[key] = read(values[key], annotations[key])
        except Misfit as misfit:
            problems.append(f"{prefix}{key}={values[key]}: {misfit}")
    if problems:
        raise UserError("\n".join(problems))
    return typed


def check_fields(settings: object, prefix: str = "") -> None:
    """``check_all`` for the fields of a dataclass, frozen or not; for its ``__post_init__``."""
    names = [field.name for field in dataclasses.fields(settings) if field.init]  # pyright: ignore[reportArgumentType]
    values = {name: getattr(settings, name) for name in names}
    for name, value in check_all(values, hints(type(settings)), prefix).items():
        object.__setattr__(settings, name, value)


def _items(values: Sequence[object], kind: Kind) -> object:
    if kind.items is None:
        if kind.strict:
            raise Misfit(kind.words)
        return values
    return [_single(value, kind.items) for value in values]


def _single(value: object, kind: Kind) -> object:
    number = _parsed(value) if isinstance(value, str) else None if isinstance(value, bool) else value
    if int in kind.plain and _is_whole(number):
        return _within(int(number), kind)
    if float in kind.plain and isinstance(number, int | float):
        return _within(number, kind)
    if type(value) in kind.plain or value in kind.choices or not kind.strict:
        return value
    if bool in kind.plain and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    number = kind.range is not None and not kind.range.whole
    raise Misfit(f"must be a number ({kind.words})" if number else kind.words)


def _within(number: int | float, kind: Kind) -> int | float:
    if number not in (kind.range or finite):
        raise Misfit(kind.words if kind.range else finite.words)
    return number


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(number: object) -> TypeGuard[int | float]:
    return isinstance(number, int | float) and math.isfinite(number) and number == int(number)


def _parsed(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


@lru_cache(maxsize=1024)
def _kind(annotation: object) -> Kind | None:
    """Return what is allowed; None where anything goes."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kind = _kind(parts[0])
        ranges = [each for each in parts[1:] if isinstance(each, Range)]
        return dataclasses.replace(kind, range=ranges[0]) if kind and ranges else kind
    if origin in (Union, UnionType):
        kinds = [kind for kind in map(_kind, parts) if kind is not None]
        return functools.reduce(Kind.__or__, kinds) if kinds else None
    if origin is Literal:
        return Kind(choices=frozenset(parts))
    if annotation in PLAIN or annotation is None:
        return Kind(frozenset({annotation or NoneType}))
    arguments = [each for each in parts if each is not Ellipsis]
    if inspect.isclass(origin) and issubclass(origin, Sequence) and len(arguments) == 1:
        items = _kind(arguments[0])
        return None if items is None else Kind(items=items)
    return None
