"""Mistakes of the user's: one clear message and exit code 2, never a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user asked for cannot be done as asked; the message says how to ask for it."""

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message)))


class DataMissing(UserError):
    """The data that a run was trained on cannot be read here, and what was asked for needs them."""


class Interrupted(Exception):
    """The user pressed Ctrl-C; what was done is on disk and the same command goes on from there."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def printable(text: str) -> str:
    r"""Return the text with the bytes of names that are not UTF-8 written out: ``caf\xe9.png``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def bad_value(key: str, value: object, problem: str, choices: Iterable[str] = ()) -> UserError:
    """Return an error that names the key, the value, what is wrong with it and the valid choices."""
    message = f"{key}={value}: {problem}"
    choices = sorted(choices)
    if choices:
        message += f"\nValid choices: {', '.join(choices)}" + did_you_mean(str(value), choices)
    return UserError(message)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``". Did you mean 'r1'?"`` for the choice closest to ``word``, or nothing."""
    close = get_close_matches(word, list(choices), n=1)
    if close == [word]:  # what was said is a choice, and wrong for another reason
        return ""
    return f". Did you mean '{close[0]}'?" if close else ""
