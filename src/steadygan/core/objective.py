"""What each player minimises: the loss, and the discriminator's penalties, through the perturbed critic.

Conventions. Every call of a network within one evaluation sees the same buffers; the new buffers are the mean over
the calls of the loss (spectral-norm vectors do not depend on the input, running statistics see real and fake alike).
A penalty differentiates the perturbed critic by the clean input (as in R3GAN and StyleGAN3), under the noise drawn
for the real batch. With several copies (smeared examples) everything is averaged over the copies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from steadygan.core.autodiff import Backend
from steadygan.core.types import Apply, Loss, Penalty, Perturb, Tensors


class Turn(NamedTuple):
    """Everything random in one player's turn.

    ``label`` holds the class of each real sample; the fakes of the turn are made for the same classes, so that real,
    fake and what lies between them share them place by place.
    """

    latent: Tensor
    real: Tensor | None
    noise_real: tuple[Tensor | None, ...] = (None,)
    noise_fake: tuple[Tensor | None, ...] = (None,)
    penalty: Mapping[str, Tensor | None] = {}
    rule: Tensors | None = None
    label: Tensor | None = None

    @property
    def condition(self) -> tuple[Tensor, ...]:
        """What networks are given beside their input."""
        return () if self.label is None else (self.label,)


@dataclass(frozen=True)
class Objective:
    """The terms of a sentence that make up the two losses."""

    generator: Apply
    discriminator: Apply
    loss: Loss
    penalties: Mapping[str, Penalty]
    perturb: Perturb
    penalised: Apply | None = None
    """The discriminator that penalties differentiate, where it is not the loss's (full precision beside bf16)."""

    def for_discriminator(
        self, backend: Backend, params: Tensors, buffers: Tensors, fake: Tensor, turn: Turn
    ) -> tuple[Tensor, dict[str, Any]]:
        """The discriminator's scalar objective as a function of its ``params``, with logs and new buffers."""
        real = turn.real
        if self.penalties:
            real, fake = backend.watch(real), backend.watch(fake)
        copies = [
            self._discriminator_copy(backend, params, buffers, real, fake, turn, eps_real, eps_fake)
            for eps_real, eps_fake in zip(turn.noise_real, turn.noise_fake)
        ]
        total, logs, new_buffers = (_mean([copy[part] for copy in copies]) for part in range(3))
        return total, {"logs": logs, "buffers": new_buffers}

    def _discriminator_copy(self, backend, params, buffers, real, fake, turn, eps_real, eps_fake):
        seen_buffers = []

        def look(x: Tensor, eps: Tensor | None) -> Tensor:
            logits, new = self.discriminator(params, buffers, self.perturb(x, eps), *turn.condition)
            seen_buffers.append(new)
            return logits

        critic = look_real = lambda x: look(x, eps_real)
        if self.penalties:
            critic = backend.critic(look_real)
        real_logits = critic(real)
        fake_logits = critic(fake) if eps_fake is None else look(fake, eps_fake)
        new_buffers = _mean(seen_buffers)
        if self.penalised is not None:
            critic = backend.critic(
                lambda x: self.penalised(params, buffers, self.perturb(x, eps_real), *turn.condition)[0]
            )
        loss = self.loss.discriminator(real_logits, fake_logits).mean()
        penalties = {
            name: penalty(critic, real, fake, turn.penalty.get(name)).mean() for name, penalty in self.penalties.items()
        }
        logs = {
            "loss/discriminator": loss,
            **{f"penalty/{name}": value for name, value in penalties.items()},
            "logits/real": real_logits.mean(),
            "logits/fake": fake_logits.mean(),
        }
        return sum(penalties.values(), loss), logs, new_buffers

    def for_generator(
        self,
        params: Tensors,
        buffers: Tensors,
        discriminator: Mapping[str, Tensors],
        turn: Turn,
    ) -> tuple[Tensor, dict[str, Any]]:
        """The generator's scalar objective as a function of its ``params``, with logs and new buffers."""
        fake, new_buffers = self.generator(params, buffers, turn.latent, *turn.condition)

        def look(x: Tensor, eps: Tensor | None) -> Tensor:
            seen = self.perturb(x, eps)
            return self.discriminator(discriminator["params"], discriminator["buffers"], seen, *turn.condition)[0]

        losses = [
            self.loss.generator(None if turn.real is None else look(turn.real, eps_real), look(fake, eps_fake)).mean()
            for eps_real, eps_fake in zip(turn.noise_real, turn.noise_fake)
        ]
        loss = _mean(losses)
        return loss, {"logs": {"loss/generator": loss}, "buffers": new_buffers}


def _mean(values: list[Any]) -> Any:
    """The mean of scalars or of dicts of tensors; one value is returned as it is."""
    first = values[0]
    if len(values) == 1:
        return first
    if isinstance(first, Mapping):
        return {key: _mean([value[key] for value in values]) for key in first}
    return torch.stack(values).mean(0) if first.is_floating_point() else values[-1]
