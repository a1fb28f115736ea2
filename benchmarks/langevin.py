"""What the Langevin rules sample, measured beside the exact law, and what they cost: ``python benchmarks/langevin.py``
(3 min on a core), or with ``costs`` only the latter.

Prints the tables of ``docs/langevin.md``. The chains are the elements of one tensor; errors are standard errors from
the spread over chains. Variances are in units of ``T / a``, the right one.
"""

import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy import integrate
from torch import Tensor

from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.hydra_versions import BASE
from steadygan.core.optimizers import Ccadl, Psgld, Sghmc, Sgld, SgldCc, Sgnht
from steadygan.core.optimizers.langevin import Langevin
from steadygan.theory import langevin as theory
from steadygan.training.module import GANModule

CHAINS = 100_000
CURVATURE, TEMPERATURE = 1.5, 0.8
NOISES = {"none": (0.0, 0.0), "4 for all": (4.0, 4.0), "0 and 8": (0.0, 8.0)}

OVERDAMPED = {"step_size": 0.1, "temperature": TEMPERATURE}
MOMENTUM = {"step_size": 0.1, "temperature": TEMPERATURE}
QUADRATIC: dict[str, Langevin] = {
    "`sgld`": Sgld(**OVERDAMPED),
    "`sgld_cc` literal, mean": SgldCc(**OVERDAMPED, scale="mean"),
    "`sgld_cc` compensated, sum": SgldCc(**OVERDAMPED, scale="sum", interpretation="compensated"),
    "`sghmc`": Sghmc(**MOMENTUM),
    "`sghmc` gradient_noise=4": Sghmc(**MOMENTUM, gradient_noise=4.0),
    "`sgnht`": Sgnht(**MOMENTUM),
    "`ccadl`": Ccadl(**MOMENTUM),
    "`ccadl` covariance=scalar": Ccadl(**MOMENTUM, covariance="scalar"),
}
SAMPLED = " estimator=per_sample"
COSTS = [
    *["adam", "rmsprop", "sgd", "sgld", "psgld", "sghmc", "sgnht"],
    *[
        f"{rule} covariance={form}{estimator}"
        for rule in ("sgld_cc", "ccadl")
        for estimator in ("", SAMPLED)
        for form in ("diagonal", "scalar", "full")
    ],
]
"""A discriminator's rule and its settings."""

NETS = {
    "ring, 4 x 128": ["batch_size=256"],
    "ring, 3 x 16": ["batch_size=256", "network.width=16", "network.depth=3"],
}
ROUNDS = 9
WELL: dict[str, Langevin] = {
    "`sgld`": Sgld(0.01),
    "`psgld` alpha=0.999, eps=5": Psgld(0.05, alpha=0.999, eps=5.0),
    "`sghmc` gradient_noise=4": Sghmc(0.08, friction=2.0, gradient_noise=4.0),
    "`sgld_cc` literal, mean, scalar": SgldCc(0.004, scale="mean", temperature=0.2, covariance="scalar"),
    "`sgld_cc` compensated, sum": SgldCc(0.01, interpretation="compensated", scale="sum"),
    "`sgnht`": Sgnht(0.08, diffusion=2.0),
    "`ccadl`": Ccadl(0.08, diffusion=2.0),
}


def run(rule: Langevin, params: dict, slope: Callable[[dict, dict], dict], steps: int) -> tuple[dict, dict]:
    source, state = torch.Generator().manual_seed(0), rule.init(params)

    def draw() -> dict[str, Tensor]:
        return {key: torch.randn(value.shape, generator=source, dtype=value.dtype) for key, value in params.items()}

    for _ in range(steps):
        grads = slope(params, draw())
        params, state = rule.update(params, grads, state, draw())
    return params, state


def laws(rule: Langevin, noises: Sequence[float]) -> list[float]:
    """The variance of each kind of weight."""
    if isinstance(rule, Sgnht | Ccadl):
        return [law[0, 0] for law in theory.thermostat(rule, CURVATURE, noises).covariances]
    if isinstance(rule, Sghmc):
        return [theory.sghmc(rule, CURVATURE, noise)[0, 0] for noise in noises]
    arrays = CURVATURE * np.eye(2), np.diag(noises)
    law = theory.sgld_cc(rule, *arrays)[0] if isinstance(rule, SgldCc) else theory.sgld(rule, *arrays)
    return list(law.diagonal())


def quadratic(rule: Langevin, noises: Sequence[float]) -> str:
    """``law / measured`` of the two kinds of weight."""
    roots = dict(zip("ab", map(math.sqrt, noises)))
    start = {key: math.sqrt(TEMPERATURE / CURVATURE) * torch.randn(CHAINS, dtype=torch.float64) for key in roots}
    params, _ = run(rule, start, lambda p, draw: {k: CURVATURE * p[k] + roots[k] * draw[k] for k in p}, 400)
    cells = []
    for key, law in list(zip("ab", laws(rule, noises)))[: len(set(noises))]:
        squares = params[key].square() * CURVATURE / TEMPERATURE
        error = squares.std().item() / math.sqrt(CHAINS)
        cells.append(f"{law * CURVATURE / TEMPERATURE:.3f} / {squares.mean().item():.3f} ± {error:.3f}")
    return "; ".join(cells)


def wells(rule: Langevin) -> str:
    """``law / measured`` share of the right well of ``U = 1.5 (x^2 - 1)^2 + 0.4 x``."""

    def slope(params: dict, draw: dict) -> dict:
        return {"w": 6 * params["w"] * (params["w"].square() - 1) + 0.4 + 2 * draw["w"]}

    chains = CHAINS // 5
    params, state = run(
        rule, {"w": torch.ones(chains, dtype=torch.float64)}, slope, round(12 / min(rule.step_size, 0.01))
    )
    literal = isinstance(rule, SgldCc) and rule.interpretation == "literal"
    temperature = rule.temperature * (rule.logs(state)["noise_level"].item() ** 2 if literal else 1.0)
    right, left = (
        integrate.quad(lambda x: math.exp(-(1.5 * (x * x - 1) ** 2 + 0.4 * x) / temperature), *bounds)[0]
        for bounds in ((0, 4), (-4, 0))
    )
    share = (params["w"] > 0).double().mean().item()
    error = math.sqrt(share * (1 - share) / chains)
    return f"{right / (left + right):.4f} / {share:.4f} ± {error:.4f}"


def training(words: str, net: Sequence[str], iterations: int) -> Callable[[], float]:
    """Seconds an iteration takes, the generator's Adam and all draws included."""
    option, *settings = words.split()
    rule = [f"optimizer@optimizer.discriminator={option}", *(f"optimizer.discriminator.{key}" for key in settings)]
    with initialize_config_dir(str(conf_dir()), **BASE):
        composed = compose("config", ["logger=none", "metrics=[]", *net, *rule])
    config = OmegaConf.to_container(composed, resolve=True)
    gan = GANModule(build(config), 0, config["batch_size"], torch.float32)
    gan.to_device(torch.device("cpu"))

    def run() -> float:
        start = time.process_time()
        for _ in range(iterations):
            gan.advance(gan.iteration)
        return (time.process_time() - start) / iterations

    return run


def costs(words: str, net: Sequence[str]) -> str:
    """Seconds of CPU per iteration as a ratio to Adam's: the median over rounds in which both take turns."""
    if "full" in words and "network.width=16" not in net:
        return "refused"
    ours, adam = training(words, net, 10), training("adam", net, 20)
    ours(), adam()
    return f"{statistics.median(ours() / adam() for _ in range(ROUNDS)):.2f}"


def print_costs() -> None:
    print("| rule of the discriminator | " + " | ".join(NETS) + " |\n" + "| --- " * (1 + len(NETS)) + "|")
    for words in COSTS:
        option, *settings = words.split()
        name = " ".join([f"`{option}`", *settings])
        print(f"| {name} | " + " | ".join(costs(words, net) for net in NETS.values()) + " |", flush=True)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if "costs" not in sys.argv[1:]:
        print_laws()
    print_costs()


def print_laws() -> None:
    print("| rule | " + " | ".join(f"noise {words}" for words in NOISES) + " |")
    print("| --- " * (1 + len(NOISES)) + "|")
    for words, rule in QUADRATIC.items():
        print(f"| {words} | " + " | ".join(quadratic(rule, noises) for noises in NOISES.values()) + " |", flush=True)
    print("\n| rule | share of the right well |\n| --- | --- |")
    for words, rule in WELL.items():
        print(f"| {words} | {wells(rule)} |", flush=True)
    print()


if __name__ == "__main__":
    main()
