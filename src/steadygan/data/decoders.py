"""Worker processes that decode pictures into shards; they import no torch, and end with their parent."""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from steadygan.common.errors import UserError, printable
from steadygan.data.shards import Broken, shard_path
from steadygan.data.sources.base import Source
from steadygan.data.sources.pixels import View
from steadygan.runs.files import write_atomically, write_json

PAUSE = 0.2
"""Seconds between two looks at how far the workers are."""

_OBJECT = re.compile(r" <_io\.\w+ object at \w+>")
"""What PIL calls the bytes of a file: an address that differs each time."""

_child: dict[str, Any] = {}
"""What a worker shares with its parent: ``count`` of pictures, and the event ``stop``."""


class Task(NamedTuple):
    """One shard, and the rows of the source that it holds."""

    shard: int
    start: int
    end: int


class Stopped(Exception):
    """The parent wants no more."""


def run(
    tasks: Sequence[Task],
    entries: Sequence[Any],
    source: Source,
    view: View,
    folder: Path,
    workers: int,
    step: Callable[[int], None],
) -> dict[int, list[Broken]]:
    """Make the shards of all tasks; what is broken in each.

    Args:
        tasks: to be done.
        entries: of the source, all of them.
        source: of the pictures.
        view: of them.
        folder: of the shards.
        workers: processes; with 1, or for a single shard, this process does it.
        step: told how many pictures are done.

    Raises:
        UserError: a shard cannot be written, a file cannot be read, or a worker died.
    """
    workers = min(workers, len(tasks))
    if workers < 2:
        return {task.shard: _make(task, _part(entries, task), source, view, folder, step) for task in tasks}
    context = multiprocessing.get_context("spawn")
    count, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(count, stop))
    futures = {}
    try:
        for task in tasks:
            futures[pool.submit(_work, task, _part(entries, task), source, view, folder)] = task.shard
        _follow(set(futures), count, step)
        return {shard: future.result() for future, shard in futures.items()}
    except BrokenProcessPool as error:
        problem = "a process that decodes images was killed, for want of memory perhaps; what it had finished is kept"
        raise UserError(f"dataset.workers={workers}: {problem}.\nTry again with dataset.workers=1") from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _part(entries: Sequence[Any], task: Task) -> Sequence[Any]:
    return entries[task.start : task.end]


def _follow(left: set[Future], count: Any, step: Callable[[int], None]) -> None:
    reported = 0
    while left:
        done, left = wait(left, PAUSE, FIRST_COMPLETED)
        now = count.value
        step(now - reported)
        reported = now
        for future in done:
            future.result()  # the first that failed ends it


def _begin(count: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    _child.update(count=count, stop=stop)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _work(task: Task, entries: Sequence[Any], source: Source, view: View, folder: Path) -> list[Broken]:
    def step(done: int) -> None:
        if _child["stop"].is_set():
            raise Stopped
        with _child["count"].get_lock():
            _child["count"].value += done

    return _make(task, entries, source, view, folder, step)


def _make(
    task: Task, entries: Sequence[Any], source: Source, view: View, folder: Path, step: Callable[[int], None]
) -> list[Broken]:
    """Write one shard; first the pictures, then what is broken, which says that it is done."""
    made, number, broken = np.empty((len(entries), *view.shape), dtype=np.uint8), 0, []
    for row, (name, payload) in enumerate(source.read(entries), task.start):
        try:
            made[number] = view.of(payload)
            number += 1
        except MemoryError:
            raise UserError(f"{name}: there is not enough memory to decode it") from None
        except Exception as error:  # damaged bytes show themselves by almost any exception
            broken.append(Broken(row, printable(name), reason(error), error is payload and isinstance(error, OSError)))
        step(1)
    path = shard_path(folder, task.shard)
    try:
        write_atomically(path, lambda file: np.save(file, made[:number]))
        write_json(path.with_suffix(".json"), {"broken": broken})
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    return broken


def reason(error: Exception) -> str:
    """Return why a file is no picture, in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _OBJECT.sub("", (text or type(error).__name__).splitlines()[0])[:200]
