"""What commands that work on a run take: where its data are now, and what its config may name."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

C = TypeVar("C", bound=Callable[..., object])

PREFIX = "dataset."


def split(texts: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Return the keys of the data set, as ``steadygan.load`` takes them, and the texts that are left."""
    data = [text.removeprefix(PREFIX).partition("=") for text in texts if text.startswith(PREFIX)]
    return {key: _value(key, value) for key, _, value in data}, [text for text in texts if not text.startswith(PREFIX)]


def _value(key: str, text: str) -> object:
    import yaml

    return yaml.safe_load(text) if key == "download" else text


def trust_option(command: C) -> C:
    """Add ``--trust NAME``, as often as one likes, as the argument ``trust``."""
    text = (
        "Build objects of this package too where RUN names them, beside steadygan's own; also STEADYGAN_TRUST=NAME,..."
    )
    return click.option("--trust", multiple=True, metavar="NAME", help=text)(command)
