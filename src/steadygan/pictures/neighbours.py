"""The examples nearest to each sample: does the generator copy what it has seen?"""

from collections.abc import Iterable

import numpy as np
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from steadygan.pictures.grid import beside


def nearest(queries: Tensor, examples: Tensor, k: int) -> np.ndarray:
    """Return the row numbers ``[n, k]`` of the ``k`` examples nearest to each query, the nearest first.

    Args:
        queries: ``[n, ...]``, compared by Euclidean distance over all that is in an example.
        examples: ``[N, ...]``.
        k: neighbours, at most ``N``.
    """
    return nearest_of_parts(queries, [examples], k)


def nearest_of_parts(queries: Tensor, parts: Iterable[Tensor], k: int) -> np.ndarray:
    """Return ``nearest`` among examples that come in parts ``[n, ...]``, one after the other."""
    looked_for = queries.flatten(1).cpu().numpy()
    distances, indices, first = np.empty((len(queries), 0)), np.empty((len(queries), 0), dtype=np.int64), 0
    for part in parts:
        search = NearestNeighbors(n_neighbors=min(k, len(part)), algorithm="brute").fit(part.flatten(1).cpu().numpy())
        near, rows = search.kneighbors(looked_for)
        distances, indices = np.hstack([distances, near]), np.hstack([indices, rows + first])
        best = distances.argsort(1, kind="stable")[:, :k]
        distances, indices = np.take_along_axis(distances, best, 1), np.take_along_axis(indices, best, 1)
        first += len(part)
    return indices


def sheet(images: Tensor, examples: Tensor, neighbours: np.ndarray) -> np.ndarray:
    """Return one row an image ``[n, C, H, W]``: the image, then its ``neighbours [n, k]`` among the examples."""
    return beside(images, examples[neighbours.flatten()].to(images.dtype), neighbours.shape[1])
