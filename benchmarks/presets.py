"""How long the presets of papers would take on a GPU: ``python benchmarks/presets.py``.

An estimate from below, not a measurement: the floating point operations of one iteration, counted by torch on the real
step with a batch of two, times batch size and iterations, over a rate that is assumed to be kept up; those of
pre-training likewise, phase by phase. Small networks do not keep it up: their time is that of launching kernels.
"""

import argparse

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry

from steadygan.config.building import build
from steadygan.config.composition import compose
from steadygan.training.module import GANModule
from steadygan.training.schemes import Pretrain
from steadygan.training.schemes.pretraining import Pretraining

PRESETS = (
    *("goodfellow_mlp", "dcgan", "lsgan", "pretrained_lsgan", "wgan_lsun", "wgan_gp_cifar10", "sngan"),
    *("mescheder_r1", "r3gan"),
)
CHANNELS = {"goodfellow_mlp": 1}
BATCH = 2


class Counter(TorchDispatchMode):
    """Adds up what torch knows of its operators. Its own ``FlopCounterMode`` does not go with gradients by inputs, and
    counts the backward pass of convolutions in groups as if there were none."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket is torch.ops.aten.convolution_backward:
            grad, x, weight, transposed, wanted = args[0], args[1], args[2], args[7], args[10]
            self.total += sum(wanted[:2]) * conv_flop_count(x.shape, weight.shape, grad.shape, transposed)
        elif counted := flop_registry.get(func._overloadpacket):
            self.total += counted(*args, **(kwargs or {}), out_val=out)
        return out


class Blank:
    """Images of nothing: counting needs no data."""

    num_classes = None
    num_data = 162_770  # CelebA's part to train on: only pre-training counts its epochs

    def __init__(self, channels: int, size: int) -> None:
        self.shape = (channels, size, size)

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device, dtype: torch.dtype
    ) -> dict[str, Tensor]:
        x = torch.zeros((batch_size, *self.shape), dtype=dtype, device=device)
        return {"x": x, "index": torch.zeros(batch_size, dtype=torch.long, device=device)}


def operations(name: str) -> tuple[float, int, float]:
    """Of one iteration at the preset's batch size, its iterations, and the operations of all that comes before."""
    config = compose([f"experiment={name}", "logger=none"])
    batch, iterations = config["batch_size"], config["iterations"]
    blank = {"_target_": "presets.Blank", "channels": CHANNELS.get(name, 3), "size": config["dataset"]["size"]}
    config |= {"dataset": blank, "batch_size": BATCH, "metrics": {"raw": False}}
    if "batch_size" in config["scheme"]:
        config["scheme"]["batch_size"] = BATCH
    gan = GANModule(build(config), 0, BATCH, torch.float32)
    gan.to_device(torch.device("cpu"))
    before = pretraining(gan) if isinstance(gan.components.scheme, Pretrain) else 0.0
    with Counter() as counter:
        gan.advance(1)
    return counter.total * batch / BATCH, iterations, before


def pretraining(gan: GANModule) -> float:
    """Operations of all updates of all phases; smaller batches make more updates, and no more operations."""
    work = Pretraining(gan.components.scheme, gan.components.scheme.distance, gan)
    total = 0.0
    while (phase := work.phase) is not None:
        with Counter() as counter:
            work.step()
        total += counter.total * phase.steps
        work.own["step"] = phase.steps
        work.advance()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=PRESETS)
    parser.add_argument("--rate", type=float, default=20.0, help="Tflop/s that are kept up")
    given = parser.parse_args()
    print(f"at {given.rate:g} Tflop/s")
    print(f"{'preset':20} {'Gflop an iteration':>20} {'iterations':>12} {'hours, at least':>16}")
    for name in given.presets:
        count, iterations, before = operations(name)
        hours, first = (total / given.rate / 1e12 / 3600 for total in (count * iterations, before))
        more = f", and {first:.2f} of pre-training before" if first else ""
        print(f"{name:20} {count / 1e9:20.1f} {iterations:12,} {hours:16.2f}{more}", flush=True)


if __name__ == "__main__":
    main()
