"""The next batch of a stream, made ready while this one is trained on."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from torch import Tensor

MOST = 64
"""Streams that are followed at a time: two for each run."""

Key = tuple[int, str, int]
"""Seed, stream, size of a batch."""


class Prefetch:
    """Calls ``make(seed, stream, index, batch_size)``, a pure function, ahead of time; what comes out is the same.

    A stream is followed once it was asked for two batches in a row. Not shared with other processes.
    """

    def __init__(self, make: Callable[[int, str, int, int], Tensor]) -> None:
        self._make = make
        self._last: OrderedDict[Key, int] = OrderedDict()
        self._lookahead: dict[Key, tuple[int, Future[Tensor]]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def __call__(self, seed: int, stream: str, index: int, batch_size: int) -> Tensor:
        """Return the batch that ``make`` returns."""
        key = (seed, stream, batch_size)
        ready, future = self._lookahead.pop(key, (None, None))
        if future is not None and ready != index:
            future.cancel()
        batch = (
            future.result() if future is not None and ready == index else self._make(seed, stream, index, batch_size)
        )
        if self._last.pop(key, None) == index - 1:
            self._lookahead[key] = index + 1, self._pool().submit(self._make, seed, stream, index + 1, batch_size)
        self._last[key] = index
        self._forget()
        return batch

    def _pool(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="steadygan-prefetch")
        return self._thread

    def _forget(self) -> None:
        while len(self._last) > MOST:
            key, _ = self._last.popitem(last=False)
            _, future = self._lookahead.pop(key, (None, None))
            if future is not None:
                future.cancel()

    def __getstate__(self) -> dict[str, Any]:
        return {"_make": self._make, "_last": OrderedDict(), "_lookahead": {}, "_thread": None}
