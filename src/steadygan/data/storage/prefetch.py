"""The next batch of a stream, made ready while this one is trained on."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

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
        future = self._ready(key, index)
        batch = self._make(seed, stream, index, batch_size) if future is None else future.result()
        if self._last.pop(key, None) == index - 1:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="steadygan-prefetch")
            self._lookahead[key] = index + 1, self._thread.submit(self._make, seed, stream, index + 1, batch_size)
        self._last[key] = index
        while len(self._last) > MOST:
            self._ready(self._last.popitem(last=False)[0], None)
        return batch

    def _ready(self, key: Key, index: int | None) -> Future[Tensor] | None:
        """Return what is ready or on its way for a stream, if it is batch ``index``; any other is given up."""
        ready, future = self._lookahead.pop(key, (None, None))
        if future is not None and ready != index:
            future.cancel()
            return None
        return future

    def __getstate__(self) -> dict[str, object]:
        return {"_make": self._make, "_last": OrderedDict(), "_lookahead": {}, "_thread": None}
