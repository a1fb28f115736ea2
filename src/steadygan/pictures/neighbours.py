"""The examples nearest to each sample: does the generator copy what it has seen?"""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from steadygan.pictures.grid import beside


def nearest(queries: Tensor, examples: Tensor, k: int) -> np.ndarray:
    """The row numbers ``[n, k]`` of the ``k`` examples nearest to each query, the nearest first.

    Args:
        queries: ``[n, ...]``, compared by Euclidean distance over all that is in an example.
        examples: ``[N, ...]``.
        k: neighbours, at most ``N``.
    """
    search = NearestNeighbors(n_neighbors=min(k, len(examples)), algorithm="brute")
    search.fit(examples.flatten(1).cpu().numpy())
    return search.kneighbors(queries.flatten(1).cpu().numpy(), return_distance=False)


def sheet(images: Tensor, examples: Tensor, neighbours: np.ndarray) -> np.ndarray:
    """One row an image: the image ``[n, C, H, W]`` on the left, then its ``neighbours [n, k]`` among the examples."""
    return beside(images, examples[neighbours.flatten()], neighbours.shape[1])
