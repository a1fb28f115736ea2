"""Trajectories: the trainer's step, iterated for many starts at once."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from steadygan.analysis.studies.dirac.systems import DTYPE, System
from steadygan.core.draws import generator

FEW = 40
"""Iterations that are done sooner than they are recorded."""


@torch.no_grad()
def trajectories(system: System, starts: Tensor, steps: Tensor | float, iterations: int, seed: int = 0) -> Tensor:
    """Return ``[iterations + 1, M, 2]`` from ``starts [M, 2]`` of (theta, psi).

    For more than ``FEW`` iterations the step is recorded once as a list of tensor operations.

    Args:
        system: with SGLD's noise, where it has one.
        starts: where the trajectories begin.
        steps: ``h`` of each, ``[M]`` or one for all.
        iterations: how many.
        seed: of the noise.
    """
    count = len(starts)
    h = torch.as_tensor(steps, dtype=DTYPE).expand(count).clone()
    noisy = system.method.langevin is not None
    source = generator(seed, "dirac")
    kick = torch.zeros(count, system.moves, dtype=DTYPE)
    x = torch.cat([starts.to(DTYPE), torch.zeros(count, system.size() - 2, dtype=DTYPE)], 1)
    step = torch.func.vmap(lambda x, h, kick: system.map(x, h, kick if noisy else None))
    if iterations > FEW:
        step = recorded(step, x, h, kick)
    seen = [x[:, :2]]
    for _ in range(iterations):
        if noisy:
            kick = torch.randn(kick.shape, generator=source, dtype=DTYPE)
        x = step(x, h, kick)
        seen.append(x[:, :2])
    return torch.stack(seen)


def recorded(step: Callable[..., Tensor], *example: Tensor) -> Callable[..., Tensor]:
    """Return ``step`` as the list of operations it does for arguments of the same shapes: 30 times as fast."""
    fake = FakeTensorMode(allow_fallback_kernels=True)  # without one make_fx makes one for each operation
    with tracing(TracingContext(fake)):
        graph = make_fx(step)(*example)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is old, and much faster than the graph in Python
        traced = torch.jit.trace(graph, example, check_trace=False)
        return torch.jit.freeze(traced.eval())  # pyright: ignore[reportAttributeAccessIssue] a module of a module


def ring(radii: tuple[float, ...], angles: int) -> Tensor:
    """Return ``[len(radii) * angles, 2]``: starts around the equilibrium, none on an axis."""
    turn = (torch.arange(angles, dtype=DTYPE) + 0.3) * 2 * torch.pi / angles
    circle = torch.stack([turn.cos(), turn.sin()], 1)
    return torch.cat([radius * circle for radius in radii])
