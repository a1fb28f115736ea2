"""``dataset.root=FOLDER`` on the command line of what works on a run: where its data are now."""

from collections.abc import Sequence
from typing import Any

import yaml

PREFIX = "dataset."


def split(texts: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the keys of the data set, as ``steadygan.load`` takes them, and the texts that are left."""
    data = [text.removeprefix(PREFIX).partition("=") for text in texts if text.startswith(PREFIX)]
    return {key: _value(key, value) for key, _, value in data}, [text for text in texts if not text.startswith(PREFIX)]


def _value(key: str, text: str) -> Any:
    return yaml.safe_load(text) if key == "download" else text
