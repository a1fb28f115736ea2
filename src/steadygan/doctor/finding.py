"""One line of the doctor's."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

OK, MISSING, BROKEN = "ok", "missing", "broken"
"""As it should be; not there, but not everybody needs it; nothing trains like this."""


@dataclass(frozen=True)
class Finding:
    """One check: its subject, status, observation, and the command that repairs it."""

    name: str
    state: str
    seen: str
    mend: str = ""


Check = Callable[[], Finding | Iterable[Finding]]
