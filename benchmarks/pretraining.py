"""What an update of pre-training costs beside one of the game: the networks of ``sweeps/pretraining.yaml``.

    OMP_NUM_THREADS=1 python benchmarks/pretraining.py

Prints milliseconds of the processor an update, and the updates of each phase an epoch.
"""

import time
from collections.abc import Callable

import torch

from steadygan.config.building import build
from steadygan.config.composition import compose
from steadygan.training.module import GANModule
from steadygan.training.schemes.pretraining import Pretraining

GIVEN = [
    *["dataset=mnist", "dataset.size=32", "network=dcgan", "network.width=8", "network.latent=32", "batch_size=128"],
    *["method=pretrained_lsgan", "scheme.epochs=1", "scheme.discriminator_epochs=1", "metrics=[]", "logger=none"],
]
REPEATS = 20


def milliseconds(update: Callable[[], object]) -> float:
    """Of the processor, for one update."""
    update()
    began = time.process_time()
    for _ in range(REPEATS):
        update()
    return 1000 * (time.process_time() - began) / REPEATS


def main() -> None:
    torch.set_num_threads(1)
    config = compose(GIVEN)
    components = build(config)
    gan = GANModule(components, 0, config["batch_size"], torch.float32)
    gan.to_device(torch.device("cpu"))
    work = Pretraining(components.scheme, components.scheme.distance, gan)
    while (phase := work.phase) is not None:
        print(f"{phase.name:20} {milliseconds(work.step):6.1f} ms  {phase.steps} updates an epoch")
        work.own["step"] = phase.steps
        work.advance()
    iterations = iter(range(10**6))
    print(f"{'game':20} {milliseconds(lambda: gan.advance(next(iterations))):6.1f} ms")


if __name__ == "__main__":
    main()
