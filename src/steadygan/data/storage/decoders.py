"""Worker processes that decode pictures into shards; they import no torch, and end with their parent."""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Generic, NamedTuple

import numpy as np

from steadygan.common.errors import UserError, printable
from steadygan.data.sources.base import E, Source
from steadygan.data.sources.pixels import View
from steadygan.data.storage.shards import Broken, shard_path
from steadygan.runs.files import write_atomically, write_json

PAUSE = 0.2
"""Seconds between two looks at how far the workers are."""

_OBJECT = re.compile(r" <_io\.\w+ object at \w+>")
"""What PIL calls the bytes of a file: an address that differs each time."""


class Shared(NamedTuple):
    """What a worker shares with its parent: how many pictures are done, and whether it is to stop."""

    done: "Synchronized[int]"
    stop: Event


_shared: list[Shared] = []


class Task(NamedTuple):
    """One shard, and the rows of the source that it holds."""

    shard: int
    start: int
    end: int


class Work(NamedTuple, Generic[E]):
    """The pictures of a source, as shown by ``view``, and the ``folder`` of the shards that are made of them."""

    source: Source[E]
    view: View
    folder: Path


class Stopped(Exception):
    """The parent wants no more."""


def run(
    tasks: Sequence[Task], entries: Sequence[E], work: Work[E], workers: int, step: Callable[[int], None]
) -> dict[int, list[Broken]]:
    """Make the shards of all tasks; return what is broken in each.

    With one of the ``workers``, or for a single shard, this process does it. ``step`` is called with how many more
    pictures are done. A shard that cannot be written, or a worker that died, is a ``UserError``.
    """
    workers = min(workers, len(tasks))
    if workers < 2:
        return {task.shard: _make(task, entries[task.start : task.end], work, step) for task in tasks}
    context = multiprocessing.get_context("spawn")
    shared = Shared(context.Value("q", 0), context.Event())
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(shared,))
    futures = {}
    try:
        for task in tasks:
            futures[pool.submit(_work, task, entries[task.start : task.end], work)] = task.shard
        _follow(set(futures), shared.done, step)
        return {shard: future.result() for future, shard in futures.items()}
    except BrokenProcessPool as error:
        problem = "a process that decodes images was killed, for want of memory perhaps; what it had finished is kept"
        raise UserError(f"dataset.workers={workers}: {problem}.\nTry again with dataset.workers=1") from error
    finally:
        shared.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _follow(left: set[Future[list[Broken]]], count: "Synchronized[int]", step: Callable[[int], None]) -> None:
    reported = 0
    while left:
        done, left = wait(left, PAUSE, FIRST_COMPLETED)
        now = count.value
        step(now - reported)
        reported = now
        for future in done:
            future.result()  # the first that failed ends it


def _begin(shared: Shared) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    _shared.append(shared)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)


def _work(task: Task, entries: Sequence[E], work: Work[E]) -> list[Broken]:
    (shared,) = _shared

    def step(done: int) -> None:
        if shared.stop.is_set():
            raise Stopped
        with shared.done.get_lock():
            shared.done.value += done

    return _make(task, entries, work, step)


def _make(task: Task, entries: Sequence[E], work: Work[E], step: Callable[[int], None]) -> list[Broken]:
    """Write one shard; first the pictures, then what is broken, which says that it is done."""
    made, number, broken = np.empty((len(entries), *work.view.shape), dtype=np.uint8), 0, []
    for row, (name, payload) in enumerate(work.source.read(entries), task.start):
        try:
            made[number] = work.view.of(payload)
            number += 1
        except MemoryError:
            raise UserError(f"{name}: there is not enough memory to decode it") from None
        except Exception as error:  # damaged bytes show themselves by almost any exception
            broken.append(Broken(row, printable(name), reason(error), error is payload and isinstance(error, OSError)))
        step(1)
    path = shard_path(work.folder, task.shard)
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
