"""All checks, one after the other, each finding as soon as it is there."""

from collections.abc import Iterator
from pathlib import Path

from steadygan.doctor import machine
from steadygan.doctor.finding import BROKEN, Check, Finding


def examine(outputs: Path) -> Iterator[Finding]:
    """What needs no torch comes first and at once.

    Args:
        outputs: where runs would be written.
    """
    for name, check in machine.checks(outputs).items():
        yield from _run(name, check)
    from steadygan.doctor import libraries

    for name, check in libraries.CHECKS.items():
        yield from _run(name, check)


def _run(name: str, check: Check) -> Iterator[Finding]:
    """A check that fails itself is a finding, too."""
    try:
        found = check()
        yield from [found] if isinstance(found, Finding) else found
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
        yield Finding(name, BROKEN, seen, "make setup, or pip install --force-reinstall steadygan")
