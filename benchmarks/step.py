"""Iterations per second of a run against a bare eager loop of the same mathematics, in one process, interleaved.

``ring``: MLP 4 x 128, batch 256, non-saturating loss, R1, Adam. ``dcgan``: a 32 x 32 DCGAN of 32 filters, batch 64, the
same otherwise. Ratios above 1 mean that ours is faster. One thread. What a run does once (Lightning's trainer, the last
row, picture and checkpoint: about half a second) is counted, over as many iterations as a short run has.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table
from torch import nn

from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.hydra_versions import BASE
from steadygan.runs.job import Job
from steadygan.training.callbacks import run_callbacks
from steadygan.training.context import RunContext
from steadygan.training.loop import fit
from steadygan.training.module import GANModule

QUIET = ["logger=none", "log_every=100", "evaluate_every=1000000", "checkpoint_every=1000000", "metrics=[]"]
IMAGES = ["dataset=digits", "dataset.size=32", "network=dcgan", "network.width=32", "batch_size=64"]
CASES = {
    "ring": (["regularizer=[r1]", *QUIET], 1500),
    "dcgan": ([*IMAGES, "regularizer=[r1]", *QUIET], 15),
}
ROUNDS = 5


def seconds(work: Callable[[], None]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def reference_networks(case: str, config) -> tuple[nn.Module, nn.Module]:
    """Plain torch networks of the same architecture."""
    latent, width = config["network"]["latent"], config["network"]["width"]
    return (dcgan_by_hand if case == "dcgan" else mlp_by_hand)(latent, width)


def mlp_by_hand(latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    """Four layers for points in the plane."""

    def mlp(inputs: int, outputs: int) -> nn.Module:
        hidden = [m for a in (inputs, width, width) for m in (nn.Linear(a, width), nn.ReLU())]
        return nn.Sequential(*hidden, nn.Linear(width, outputs))

    return mlp(latent, 2), mlp(2, 1)


def dcgan_by_hand(latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    """For 32 x 32 images of one channel; batch normalisation in the generator."""
    sizes = [width, 2 * width, 4 * width]
    up, down = [nn.Unflatten(1, (sizes[2], 4, 4)), nn.BatchNorm2d(sizes[2]), nn.ReLU()], []
    for m, n in ((sizes[2], sizes[1]), (sizes[1], sizes[0])):
        up += [nn.ConvTranspose2d(m, n, 4, 2, 1, bias=False), nn.BatchNorm2d(n), nn.ReLU()]
    for m, n in ((1, sizes[0]), (sizes[0], sizes[1]), (sizes[1], sizes[2])):
        down += [nn.Conv2d(m, n, 4, 2, 1), nn.LeakyReLU(0.2)]
    return (
        nn.Sequential(
            nn.Linear(latent, sizes[2] * 16, bias=False), *up, nn.ConvTranspose2d(sizes[0], 1, 4, 2, 1), nn.Tanh()
        ),
        nn.Sequential(*down, nn.Flatten(), nn.Linear(sizes[2] * 16, 1)),
    )


def bare(case: str, config, dataset, iterations: int) -> Callable[[], None]:
    """A clean hand-written loop: fused Adam, one shared forward pass for the loss on real data and R1, EMA."""
    torch.manual_seed(0)
    generator, discriminator = reference_networks(case, config)
    average = deepcopy(generator).requires_grad_(False)
    settings = {"lr": 1e-3, "betas": (0.5, 0.999), "fused": True}
    generator_optimizer = torch.optim.Adam(generator.parameters(), **settings)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **settings)
    batch, latent = config["batch_size"], config["network"]["latent"]
    counter = iter(range(10**9))
    logs = torch.zeros(3)

    def loop() -> None:
        nonlocal logs
        for _ in range(iterations):
            real = dataset.batch(0, "real", next(counter), batch, "cpu", torch.float32)["x"].requires_grad_()
            with torch.no_grad():
                fake = generator(torch.randn(batch, latent))
            real_logits = discriminator(real).flatten()
            fake_logits = discriminator(fake).flatten()
            (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            penalty = 0.5 * gradient.flatten(1).square().sum(1).mean()
            loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
            discriminator_optimizer.zero_grad(set_to_none=True)
            (loss + penalty).backward()
            discriminator_optimizer.step()
            discriminator.requires_grad_(False)
            generator_loss = F.softplus(-discriminator(generator(torch.randn(batch, latent))).flatten()).mean()
            generator_optimizer.zero_grad(set_to_none=True)
            generator_loss.backward()
            generator_optimizer.step()
            discriminator.requires_grad_(True)
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 0.001)
                for mean, value in zip(average.buffers(), generator.buffers()):
                    mean.copy_(value) if value.dtype == torch.int64 else mean.lerp_(value, 0.001)
            logs = logs + torch.stack([loss.detach(), penalty.detach(), generator_loss.detach()])

    return loop


def ours(config, iterations: int, folder: Path) -> Callable[[], None]:
    """Our engine, Lightning and its bookkeeping included."""
    components = build(config)
    gan = GANModule(components, config["seed"], config["batch_size"], torch.float32)

    def loop() -> None:
        overrides, end = (), gan.iteration + iterations
        job = Job(config, overrides, folder, "0", "bench", "bench", 0, end)
        run = RunContext(components, job, lambda event: None, gan)
        run.callbacks = run_callbacks(run)
        fit(gan, run)

    return loop


def measure(case: str) -> tuple[float, float, float]:
    """Iterations per second of both, and the median of the ratios of neighbouring rounds."""
    overrides, iterations = CASES[case]
    with initialize_config_dir(str(conf_dir()), **BASE):
        config = OmegaConf.to_container(compose("config", overrides), resolve=True)
    with tempfile.TemporaryDirectory() as folder:
        rivals = (
            bare(case, config, build(config).dataset, iterations),
            ours(config, iterations, Path(folder)),
        )
        for rival in rivals:
            rival()
        times = [(seconds(rivals[0]), seconds(rivals[1])) for _ in range(ROUNDS)]
    ratios = [theirs / own for theirs, own in times]
    theirs, own = (statistics.median(column) for column in zip(*times))
    return iterations / theirs, iterations / own, statistics.median(ratios)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    table = Table("case", "bare it/s", "steadygan it/s", "ratio", title="training speed, one CPU thread")
    for case in CASES:
        theirs, own, ratio = measure(case)
        table.add_row(case, f"{theirs:.1f}", f"{own:.1f}", f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
