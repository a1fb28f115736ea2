"""The Frechet distance of Inception's 2,048 features to a cached reference, beside torchmetrics' formula.

    OMP_NUM_THREADS=1 python benchmarks/frechet.py

Prints one line each: seconds of the processor, and how many times faster than torchmetrics in the same run. At full
rank both are given the statistics, which they have summed up while streaming. 1,000 samples are given as features to
both: torchmetrics makes its sums of them, as its ``update`` does, and takes their statistics to its formula.
"""

import time
from collections.abc import Callable

import torch
from torchmetrics.image.fid import _compute_fid

from steadygan.metrics.frechet import Reference, frechet_distance

DIMENSIONS = 2048
REPEATS = 3


def features(count: int, source: torch.Generator) -> torch.Tensor:
    """``[count, 2048]`` with correlated coordinates of different spread."""
    x = torch.randn(count, DIMENSIONS, generator=source, dtype=torch.float64)
    mixing = torch.randn(DIMENSIONS, DIMENSIONS, generator=source, dtype=torch.float64) / DIMENSIONS**0.5
    return x * torch.linspace(0.1, 2, DIMENSIONS, dtype=torch.float64) @ mixing


def interleaved(ways: dict[str, Callable[[], torch.Tensor]]) -> dict[str, float]:
    """The shortest time of each, taken in turns; what else the machine does moves it little."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(REPEATS):
        for name, way in ways.items():
            started = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - started)
    return best


def main() -> None:
    """Measure and print."""
    source = torch.Generator().manual_seed(0)
    real, many, few = (features(count, source) for count in (5000, 5000, 1000))
    mean, cov = real.mean(0), real.T.cov()
    reference = Reference.of(mean, cov)
    full = many.mean(0), many.T.cov()

    def theirs() -> torch.Tensor:
        total, outer = few.sum(0), few.T @ few
        average = (total / len(few))[None]
        return _compute_fid(average[0], (outer - len(few) * average.T @ average) / (len(few) - 1), mean, cov)

    ways = {
        "full rank: torchmetrics": lambda: _compute_fid(*full, mean, cov),
        "full rank: ours, nothing cached": lambda: frechet_distance(*full, mean, cov),
        "full rank: ours, reference cached": lambda: reference.distance(*full),
        "1000 samples: torchmetrics": theirs,
        "1000 samples: ours, reference cached": lambda: reference.distance_of_samples(few),
    }
    seconds = interleaved(ways)
    values = {name: float(way()) for name, way in ways.items()}
    for name, took in seconds.items():
        theirs = f"{name.partition(':')[0]}: torchmetrics"
        apart = abs(values[name] / values[theirs] - 1)
        print(f"{name:40s} {took:6.2f} s {seconds[theirs] / took:6.1f} times, relative difference {apart:.0e}")


if __name__ == "__main__":
    main()
