"""The option ``--trust`` of commands that build what a run's folder describes."""

from collections.abc import Callable
from typing import Any

import click


def option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--trust NAME``, as often as one likes, as the argument ``trust``."""
    text = (
        "Build objects of this package too where RUN names them, beside steadygan's own; also STEADYGAN_TRUST=NAME,..."
    )
    return click.option("--trust", multiple=True, metavar="NAME", help=text)(command)
