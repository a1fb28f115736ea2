"""Inception's features beside torch-fidelity's own extractor, both with random weights.

    OMP_NUM_THREADS=1 python benchmarks/inception.py

Prints images a second of the processor of each, how many times faster ours is, and the largest difference relative to
the largest feature. Needs torch-fidelity.
"""

import hashlib
import tempfile
import time
from pathlib import Path

import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from steadygan.metrics.features.inception import Inception

IMAGES = 16
REPEATS = 3


class Random(FeatureExtractorInceptionV3):
    """The extractor with the weights that its layers begin with."""

    def load_state_dict(self, state: dict) -> None:
        """Leave them."""


def main() -> None:
    """Measure and print."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        torch.save({}, Path(folder, "nothing"))
        theirs = Random("random", ["2048"], feature_extractor_weights_path=Path(folder, "nothing"))
        path = Path(folder, "random")
        torch.save(theirs.state_dict(), path)
        named = path.rename(Path(folder, f"random-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"))
        ours = Inception(str(named))
    ways = {"torch-fidelity": lambda: theirs(images)[0], "ours": lambda: ours.outputs(images)[0]}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(REPEATS):
        for name, way in ways.items():
            started = time.process_time()
            made = way()
            best[name] = min(best[name], time.process_time() - started)
    for name, took in best.items():
        print(f"{name:16s} {IMAGES / took:6.2f} images a second {best['torch-fidelity'] / took:6.2f} times")
    expected = ways["torch-fidelity"]()
    print(f"largest difference {float((made - expected).abs().max() / expected.abs().max()):.0e}")


if __name__ == "__main__":
    main()
