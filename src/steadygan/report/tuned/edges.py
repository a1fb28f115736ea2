"""Where a setting lies in the ranges that were searched, and whether at an edge of one."""

import math
import re

from steadygan.config.node import Config

NEAR = 0.05
"""Of the range, on its own scale."""

_INTERVAL = re.compile(r"interval\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)")
_CHOICE = re.compile(r"choice\((.*)\)")


def edges(node: Config) -> list[str]:
    """Return the overrides of a tuned setting within a twentieth of an end of an interval, or at an end of choices.

    Of two choices each is an end, which says nothing: these are left out.
    """
    near = []
    for text in node.get("tuned") or ():
        key, _, value = str(text).partition("=")
        range_text = str(node["space"].get(key, ""))
        place = None if _has_two_choices(range_text) else position(range_text, value)
        if place is not None and not NEAR <= place <= 1 - NEAR:
            near.append(f"{key}={value}")
    return near


def _has_two_choices(text: str) -> bool:
    match = _CHOICE.search(text)
    return match is not None and match[1].count(",") < 2


def position(text: str, value: str) -> float | None:
    """Return where a value lies in a range, from 0 to 1; None where it lies in none.

    Args:
        text: the range as written, such as ``tag(log,interval(1e-4,3e-2))`` or ``choice(1,5)``.
        value: as written.
    """
    if match := _CHOICE.search(text):
        choices = [choice.strip() for choice in match[1].split(",")]
        return choices.index(value) / max(len(choices) - 1, 1) if value in choices else None
    match = _INTERVAL.search(text)
    if match is None:
        return None
    scale = math.log if "log" in text else float
    try:
        number, low, high = (scale(float(each)) for each in (value, match[1], match[2]))
    except ValueError:
        return None
    return (number - low) / (high - low)
