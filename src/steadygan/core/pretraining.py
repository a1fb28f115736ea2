"""Pre-training: the objective of each player before the game begins, and one step of it.

Reference: Pani (undated), section 4.3.1.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from steadygan.core.autodiff import Backend
from steadygan.core.objective import Outcome, mean
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.state import PlayerState
from steadygan.core.step_batch import repeated
from steadygan.core.types import Apply, Logs, Number, Tensors

Objective = Callable[[Tensors, Tensors], tuple[Tensor, Outcome]]
"""``objective(params, buffers) -> (scalar, outcome)``."""


def of_generator(
    apply: Apply,
    distance: Callable[[Tensor, Tensor], Tensor],
    latent: Tensor,
    target: Tensor,
    condition: Sequence[Tensor] = (),
    **kwargs: Number,
) -> Objective:
    """Return the mean distance of what is made of ``latent [B, d]`` from ``target [B, C, s, s]``, place by place.

    Args:
        apply: the generator.
        distance: ``(made, target) -> [B]``.
        latent: of each image its own.
        target: images.
        condition: what the generator is given beside its latents.
        **kwargs: ``stage`` and ``fade`` of one that grows.
    """

    def objective(params: Tensors, buffers: Tensors) -> tuple[Tensor, Outcome]:
        made, new = apply(params, buffers, latent, *condition, **kwargs)
        loss = distance(made, target).mean()
        return loss, Outcome({"loss": loss}, new)

    return objective


def of_discriminator(
    apply: Apply, real: Tensor, fake: Tensor, condition: Sequence[Tensor] = (), members: int = 1
) -> Objective:
    """Return the mean of ``(D(x) - y)^2`` over real examples, y = 1, and generated ones, y = 0.

    That is the discriminator's loss of least squares with ``alpha = 0``. ``accuracy`` is the share of examples on their
    side of 1/2. New buffers are the mean over both calls, as in the game. Of several discriminators each learns alone.

    Args:
        apply: the discriminator.
        real: ``[B, ...]``.
        fake: ``[B, ...]``.
        condition: what the discriminator is given beside them.
        members: how many discriminators it holds.

    Reference: Pani (undated), eq. 11.
    """
    real, fake, condition = repeated(real, members), repeated(fake, members), repeated(tuple(condition), members)

    def objective(params: Tensors, buffers: Tensors) -> tuple[Tensor, Outcome]:
        (of_real, first), (of_fake, second) = (apply(params, buffers, x, *condition) for x in (real, fake))
        loss = 0.5 * ((of_real - 1).square().mean() + of_fake.square().mean())
        right = torch.cat([of_real > 0.5, of_fake < 0.5]).to(loss.dtype).mean()
        return members * loss, Outcome({"loss": loss, "accuracy": right}, mean([first, second]))

    return objective


def move(
    objective: Objective,
    rule: UpdateRule,
    backend: Backend,
    player: PlayerState,
    average: Callable[[Tensors], Tensors] = lambda grads: grads,
) -> tuple[PlayerState, Logs]:
    """Return the player after one update, and the logs; ``player`` is left as it was.

    Args:
        objective: what it minimises.
        rule: how it moves; one without noise.
        backend: how gradients are taken.
        player: where it is.
        average: the mean of the gradients over processes.
    """
    grads, outcome = backend.gradient(lambda params: objective(params, player.buffers), player.params)
    params, state = rule.update(player.params, average(grads), player.rule, None)
    return PlayerState(params, outcome.buffers, state), outcome.logs
