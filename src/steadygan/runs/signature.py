"""The signature of a run: a hash of what determines its result, and the folder that is named after it."""

import functools
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from steadygan.common.errors import UserError
from steadygan.config.node import Config
from steadygan.config.targets import SHARED, resolve
from steadygan.core.declare import declared, stable_name
from steadygan.runs import files
from steadygan.runs.job import Job

UNSIGNED = (
    "outputs",
    "name",
    "logger",
    "engine",
    "iterations",
    "horizon",
    "retry",
    "checkpoint_every",
    "checkpoint_minutes",
    "keep_checkpoints",
    "keep_best",
    "thresholds",
    "diagnostics",
    "hydra",
)
"""Root keys that do not change a run's result; ``iterations`` only says how far it goes,
and what ``horizon`` does to schedules is signed with them."""

UNSIGNED_TRAINER = ("accelerator", "devices", "num_nodes", "strategy", "threads", "timeout", "callbacks")
"""Where a run is computed, and who looks on: callbacks of the user's own; precision is signed."""

USUAL_TRAINER = {"sync_batchnorm": True}
"""Signed where they differ from this: with statistics of their own, processes do not take the step that one takes."""

LENGTH = 10

READABLE = 100
"""Characters of a folder's name before the signature, at most."""

SETTLED = 2 * 10**9
"""Nanoseconds after which a folder's time of modification would show another change."""

SHORTEST = 12
"""Characters to which a word of it is cut, at least."""


def signature(config: Config) -> str:
    """Return the hash of a resolved config: 1 and 1.0 are the same, files count by their content."""
    signed = {key: value for key, value in config.items() if key not in UNSIGNED}
    trainer = {k: v for k, v in config.get("trainer", {}).items() if k not in UNSIGNED_TRAINER}
    if config.get("metrics"):
        signed["metrics"] = {k: v for k, v in config["metrics"].items() if k not in SHARED}
    signed["trainer"] = {k: v for k, v in trainer.items() if k not in USUAL_TRAINER or v != USUAL_TRAINER[k]}
    text = json.dumps(_canonical(signed), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _canonical(value: object) -> object:
    if isinstance(value, Mapping):
        if "_target_" in value:
            method = resolve(value["_target_"])
            value = {**value, "_target_": stable_name(method, value["_target_"])}
            fingerprint = declared(method, "fingerprint")
        else:
            fingerprint = None
        if fingerprint is not None:
            words = {key: item for key, item in value.items() if key.startswith("_")}
            value = {**words, **fingerprint(**{key: item for key, item in value.items() if key not in words})}
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def relevant(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that have a part in the result, in the order in which they were given."""
    texts = [text for text in overrides if key_of(text).split(".")[0] not in UNSIGNED]
    return [text for text in texts if not key_of(text).startswith("trainer.callbacks")]


def refuse_lost(jobs: Iterable[Job]) -> None:
    """Refuse jobs that would be one run though the user asked for different ones.

    Raises:
        UserError: jobs of one folder and signature are asked for with different values of what is not signed.
    """
    first: dict[tuple[Path, str], Job] = {}
    for job in jobs:
        known = first.setdefault((job.directory.parent, job.signature), job)
        if known is job or known.overrides == job.overrides:
            continue
        for one, other in zip(known.overrides, job.overrides):
            if one != other and not _signs(key_of(other)):
                both = f"{one} and {other}"
                raise UserError(
                    f"{both}: these jobs would be one run, since `{key_of(other)}` is no part of what a run is.\n"
                    f"Ask for one value, or for a folder each, such as 'name=mine-${{{key_of(other)}}}'"
                )


def _signs(key: str) -> bool:
    """Return whether another value of this key makes it another run."""
    words = key.replace("/", ".").split(".")
    return words[0] not in UNSIGNED and not (words[0] == "trainer" and {*words[1:]} & {*UNSIGNED_TRAINER})


def key_of(override: str) -> str:
    """Return ``regularizer.r1.gamma`` of ``++regularizer.r1.gamma=3``; the package of a group is left out."""
    return override.lstrip("+~").partition("=")[0].partition("@")[0]


def label(method: str | None, overrides: Iterable[str]) -> str:
    """Return the name of a run among others: its method and its overrides, less the seed."""
    rest = [text for text in relevant(overrides) if key_of(text) not in ("seed", "method") and _distinguishes(text)]
    return " ".join([*([method] if method else []), *rest]) or "default"


def _distinguishes(override: str) -> bool:
    """Return whether a reader would tell runs by an override: not what a value of the same node takes along."""
    return not override.startswith("~") and not key_of(override).endswith("._partial_")


def run_directory(
    root: Path, signed: str, overrides: Iterable[str], folders: Mapping[str | None, Path] = MappingProxyType({})
) -> Path:
    """Return the folder of the run with this signature.

    Args:
        root: the folder that holds it, or will.
        signed: the signature.
        overrides: what tells the run from others; a folder that is not there yet is named after them.
        folders: that were named for runs, by signature; None: of a run whose signature nobody has written down.

    Returns:
        The folder that was named for it; else the one whose name ends with the signature, else the one whose summary
        says the signature, else a new one.
    """
    named = folders.get(signed, folders.get(None))
    if named is not None and named.parent.absolute() == root.absolute():
        return named.absolute()
    return known(root).get(signed) or root / f"{_readable(filter(_distinguishes, relevant(overrides)))}-{signed}"


def known(root: Path) -> dict[str, Path]:
    """Return the folders in ``root`` by the signatures of their runs.

    Only folders whose names do not end with a signature are opened; all is looked at again where ``root`` has changed.
    """
    try:
        changed = root.stat().st_mtime_ns
    except OSError:
        return {}
    settled = time.time_ns() - changed > SETTLED
    return (_known if settled else _known.__wrapped__)(root, changed)


@functools.lru_cache(maxsize=16)
def _known(root: Path, changed: int) -> dict[str, Path]:
    named, renamed = {}, {}
    for name in sorted(entry.name for entry in os.scandir(root) if entry.is_dir()):
        match = re.search(rf"-([0-9a-f]{{{LENGTH}}})$", name)
        signed = match.group(1) if match else (files.read_summary(root / name) or {}).get("signature")
        (named if match else renamed).setdefault(signed, root / name)
    return {**renamed, **named}


def _readable(overrides: Iterable[str]) -> str:
    words = []
    for text in overrides:
        key, _, value = text.lstrip("+~").partition("=")
        word = re.sub(r"[^A-Za-z0-9.+-]+", "_", f"{'.'.join(key.split('.')[-2:])}-{value}")
        words.append(word.strip("._-"))
    return "_".join(fitted([word for word in words if word], READABLE)).strip("._-") or "default"


def fitted(words: Sequence[str], most: int) -> list[str]:
    """Return words that take ``most`` characters at most, with one between two of them.

    The longest are cut in their middle, all to the same length, since what differs is at the ends: the key in front,
    the end of a path behind. Of very many the first and the last are kept.
    """
    count = (most + 1) // (SHORTEST + 1)
    if sum(map(len, words)) + len(words) - 1 > most and len(words) > count:
        words = [*words[: count - count // 2], *words[len(words) - count // 2 :]]
    room = most - (len(words) - 1)
    length = max(map(len, words), default=0)
    while sum(min(len(word), length) for word in words) > room:
        length -= 1
    return [word if len(word) <= length else _cut(word, length) for word in words]


def _cut(word: str, length: int) -> str:
    return word[: length - length // 2 - 1] + "_" + word[len(word) - length // 2 :]
