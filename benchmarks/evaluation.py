"""What an evaluation of 5,000 generated digits costs, metric by metric and all of them over one pass.

    OMP_NUM_THREADS=1 python benchmarks/evaluation.py

Prints seconds of the processor, generation included; references were computed before, as they are in a sweep.
"""

import time
from collections.abc import Callable

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.hydra_versions import BASE
from steadygan.training.evaluation import evaluate
from steadygan.training.module import GANModule

SAMPLES = 5000
NAMES = ("fid", "fid_test", "inception_score", "kid", "precision_recall", "density_coverage", "class_histogram")
REPEATS = 3


def trained() -> GANModule:
    """A DCGAN of 8 x 8 digits as it begins; what it makes costs what anything would."""
    given = ["dataset=digits", "network=dcgan", "network.width=32", "logger=none", f"metrics=[{','.join(NAMES)}]"]
    given += [f"metrics.{name}.samples={SAMPLES}" for name in NAMES]
    with initialize_config_dir(str(conf_dir()), **BASE):
        config = OmegaConf.to_container(compose("config", given), resolve=True)
    gan = GANModule(build(config), 0, 64, torch.float32)
    gan.to_device(torch.device("cpu"))
    return gan


def shortest(work: Callable[[int], object]) -> float:
    """Seconds; each time on samples that no network has seen, as in a run."""
    best = float("inf")
    for repeat in range(REPEATS):
        started = time.process_time()
        work(repeat)
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    """Measure and print."""
    gan = trained()
    metrics, names = gan.components.metrics, list(gan.components.metrics)
    evaluate(gan, metrics)
    for place, chosen in enumerate([*([name] for name in names), names]):

        def work(repeat: int, seed: int = 10 * (place + 1), chosen: list[str] = chosen) -> None:
            gan.seed = seed + repeat
            evaluate(gan, {name: metrics[name] for name in chosen})

        print(f"{chosen[0] if len(chosen) == 1 else 'all':18s} {shortest(work):6.2f} s")


if __name__ == "__main__":
    main()
