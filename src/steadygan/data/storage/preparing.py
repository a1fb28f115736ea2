"""Makes shards: decodes each picture of a source once, by worker processes, and goes on where it was stopped."""

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from filelock import Timeout

from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import cache_dir
from steadygan.common.progress import show_progress
from steadygan.data.sources.base import Source
from steadygan.data.sources.pixels import View
from steadygan.data.storage.decoders import Task, Work, run
from steadygan.data.storage.hashes import look_again
from steadygan.data.storage.shards import INDEX, Broken, Shards, read_shard, spans
from steadygan.runs.files import TEMPORARY, write_json, write_text
from steadygan.runs.locks import lease

log = logging.getLogger("steadygan")

VERSION = 2
"""Of the layout, and of what is made of a picture."""

SHARD_BYTES, LEAST_BYTES, PARTS = 128_000_000, 8_000_000, 64
"""Of a shard: at most and, of small data, at least; between them there are about so many.

A shard is what a worker does at a time, and what it loses when it is stopped.
"""

NAMED = 10
"""Broken pictures that a message names."""

CORRUPT = ("refuse", "skip")


def prepared(source: Source, split: str, view: View, workers: int, corrupt: str) -> Shards:
    """Return the pictures of a split as ``view`` shows them, from the cache or made now; the same object in a process.

    Of several processes that ask at once one makes them and the others wait; the lock is one that a dead owner loses
    (``steadygan.runs.locks``).
    """
    return remembered(source, source.content(), split, view, workers, corrupt)


@lru_cache(maxsize=8)
def remembered(source: Source, content: str, split: str, view: View, workers: int, corrupt: str) -> Shards:
    """Return ``prepared``, of the ``content`` that the source has now."""
    settings = {"version": VERSION, "source": type(source).__name__, "content": content, "split": split,
                "selection": selection(source), **vars(view)}  # fmt: skip
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    folder = cache_dir() / "images" / key[:32]
    shards = _opened(folder)
    if shards is None:
        with _locked(folder):
            shards = _opened(folder) or _decoded(folder, source, split, view, workers, settings)
    return _checked(shards, corrupt)


def selection(source: Source) -> dict[str, object]:
    """Return the settings that, beside its content, decide which images a split has: not where they lie."""
    return {key: getattr(source, key) for key in ("test_share", "column", "categories") if hasattr(source, key)}


def _opened(folder: Path) -> Shards | None:
    try:
        return Shards(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = lease(folder.with_suffix(".lock"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("Another process prepares these images; waiting for it (%s)", folder)
            lock.acquire()
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}), and the images have to be decoded to somewhere.\n"
            f"Name another place by the environment variable STEADYGAN_CACHE."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _decoded(folder: Path, source: Source, split: str, view: View, workers: int, settings: dict[str, object]) -> Shards:
    for left in folder.glob(f".*{TEMPORARY}"):  # of a writer that was killed
        left.unlink(missing_ok=True)
    entries = source.entries(split)
    size = _rows(len(entries), math.prod(view.shape))
    broken: dict[int, list[Broken]] = {}
    tasks = []
    for shard, (start, end) in enumerate(spans(len(entries), size)):
        broken_files = read_shard(folder, shard, view.shape, end - start)
        if broken_files is None:
            tasks.append(Task(shard, start, end))
        else:
            broken[shard] = broken_files
    missing = sum(task.end - task.start for task in tasks)
    _check_space(folder, missing * math.prod(view.shape))
    began = time.monotonic()
    with show_progress(f"Decoding the {split} images, once", missing, "images") as step:
        broken |= run(tasks, entries, Work(source, view, folder), workers, step)
    if tasks:
        _check_unchanged(source, settings["content"], folder)
    if missing * math.prod(view.shape) > SHARD_BYTES:
        log.info("%d images decoded in %.0f s, kept in %s", missing, time.monotonic() - began, folder)
    return _finished(folder, view, len(entries), size, broken, settings)


def _check_unchanged(source: Source, before: object, folder: Path) -> None:
    """Look at the files again: what was decoded is kept under the hash of what was there before."""
    look_again()
    if source.content() != before:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError("The images were changed while they were decoded, so nothing is kept; launch it again")


def _rows(images: int, each: int) -> int:
    """Images of a shard, of ``each`` so many bytes."""
    return max(1, min(SHARD_BYTES, max(LEAST_BYTES, images * each // PARTS)) // each)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: {needed / 1e9:.1f} GB of decoded images have to be written and {free / 1e9:.1f} GB are free.\n"
            f"Name a larger disk by the environment variable STEADYGAN_CACHE, or choose a smaller dataset.size."
        )


def _finished(
    folder: Path, view: View, rows: int, size: int, broken: dict[int, list[Broken]], settings: dict[str, object]
) -> Shards:
    counts = [end - start - len(broken[shard]) for shard, (start, end) in enumerate(spans(rows, size))]
    every = [each for shard in sorted(broken) for each in broken[shard]]
    if every:
        write_text(folder / "broken.txt", "".join(f"{each.name}: {each.reason}\n" for each in every))
    write_json(
        folder / INDEX, {"shape": view.shape, "rows": rows, "counts": counts, "broken": every, "settings": settings}
    )
    return Shards(folder)


def _checked(shards: Shards, corrupt: str) -> Shards:
    broken = shards.broken
    if broken and (corrupt == "refuse" or not len(shards)):
        named = _named(broken)
        more = f"\n... all in {shards.folder / 'broken.txt'}" if len(broken) > NAMED else ""
        problem = f"{len(broken)} of {shards.rows} images cannot be read"
        raise bad_value("dataset.corrupt", corrupt, f"{problem}:\n{named}{more}", CORRUPT if len(shards) else ())
    if broken:
        log.warning("%d of %d images cannot be read and are left out:\n%s", len(broken), shards.rows, _named(broken))
    return shards


def _named(broken: Sequence[Broken]) -> str:
    return "\n".join(f"{each.name}: {each.reason}" for each in broken[:NAMED])
