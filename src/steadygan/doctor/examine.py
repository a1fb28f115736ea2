"""All checks, one after the other, each finding as soon as it is there."""

from collections.abc import Iterator
from pathlib import Path

from steadygan.doctor import machine
from steadygan.doctor.finding import BROKEN, Check, Finding


def examine(outputs: Path) -> Iterator[Finding]:
    """Yield the findings; those that need no torch come first and at once.

    Args:
        outputs: where runs would be written.
    """
    for name, check in machine.checks(outputs).items():
        yield from _run(name, check)
    from steadygan.doctor import libraries

    for name, check in libraries.CHECKS.items():
        yield from _run(name, check)


def _run(name: str, check: Check) -> Iterator[Finding]:
    """Yield the findings of a check; one that fails itself is a finding, too."""
    try:
        findings = check()
        yield from [findings] if isinstance(findings, Finding) else findings
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
        yield Finding(name, BROKEN, seen, "make setup, or pip install --force-reinstall steadygan")
