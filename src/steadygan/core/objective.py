"""The objectives of both players: the loss, and the discriminator's penalties, through the perturbed critic.

Conventions. Every call of a network within one evaluation sees the same buffers; the new buffers are the mean over
the calls of the loss (spectral-norm vectors do not depend on the input, running statistics see real and fake alike).
A penalty differentiates the perturbed critic by the clean input (as in R3GAN and StyleGAN3), under the noise drawn
for the real batch. With several copies (smeared examples, levels of blur) everything is averaged over the copies.
A penalty that is not due in an update is not computed; where it is due once in k iterations it counts k times.
With several discriminators each has its own loss and penalties on the same batch, whose mean is logged and whose sum
is minimised, so that each moves as it would alone; the generator minimises an aggregation of its losses against them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.aggregation import Mean
from steadygan.core.autodiff import Backend, PenaltyCritic, logits_at, tensor
from steadygan.core.declare import declared
from steadygan.core.diagnostics import judgements
from steadygan.core.types import Aggregation, Apply, Loss, Penalty, Perturb, Stateful, Tensors

AuxState = Mapping[str, Tensors]
"""The state of penalties and noise, by config key (see ``steadygan.core.types.Stateful``)."""

NO_AUX_STATE: AuxState = {}


class StepBatch(NamedTuple):
    """Hold all data and random draws of one player's update.

    ``label`` holds the class of each real sample; the fakes of the batch are made for the same classes, so that real,
    fake and what lies between them share them place by place. ``target`` holds the class of each real sample for a
    discriminator that tells classes, and ``target_weight`` how much each counts in the mean over the batch.
    ``smoothing`` is what the loss has drawn. ``due`` says which penalties are due, and how often each counts; None:
    all, once.
    """

    latent: Tensor
    real: Tensor | None
    noise_real: tuple[Tensor | None, ...] = (None,)
    noise_fake: tuple[Tensor | None, ...] = (None,)
    penalty: Mapping[str, Tensor | None] = {}
    rule: Tensors | None = None
    label: Tensor | None = None
    target: Tensor | None = None
    target_weight: Tensor | None = None
    aggregation: Tensor | None = None
    smoothing: Tensor | None = None
    due: Mapping[str, int] | None = None

    @property
    def condition(self) -> tuple[Tensor, ...]:
        """The class labels that networks take beside their input; empty without labels."""
        return () if self.label is None else (self.label,)

    def repeated(self, times: int) -> "StepBatch":
        """Repeat all that belongs to an example ``times`` times, one batch behind the other."""
        parts = ("real", "noise_real", "noise_fake", "penalty", "label", "target", "target_weight", "smoothing")
        return self._replace(**{part: repeated(getattr(self, part), times) for part in parts})

    def times(self, penalty: str) -> int:
        """Return how often a penalty counts."""
        return 1 if self.due is None else self.due.get(penalty, 0)


@dataclass(frozen=True)
class Objective:
    """The terms of an algorithm that make up the two objectives.

    Attributes:
        members: how many discriminators ``discriminator`` holds: with more than one it takes that many batches, one
            behind the other, one for each.
    """

    generator: Apply
    discriminator: Apply
    loss: Loss
    penalties: Mapping[str, Penalty]
    perturb: Perturb
    penalty_discriminator: Apply | None = None
    """The discriminator that penalties differentiate, where it is not the loss's (full precision beside bf16)."""
    members: int = 1
    aggregation: Aggregation = field(default_factory=Mean)
    labels: Any = None
    classifier: Apply | None = None
    """The discriminator with all its class logits, where it tells classes: ``labels`` says at what loss."""

    @property
    def stateful(self) -> dict[str, Stateful]:
        """The penalties and the noise that have a state, by config key."""
        methods = {"noise": self.perturb, **{f"regularizer.{name}": method for name, method in self.penalties.items()}}
        return {key: method for key, method in methods.items() if hasattr(method, "init")}

    def for_discriminator(
        self,
        backend: Backend,
        params: Tensors,
        buffers: Tensors,
        fake: Tensor,
        batch: StepBatch,
        aux_state: AuxState = NO_AUX_STATE,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the discriminator's objective, a scalar, with its logs, new buffers and batch statistics."""
        batch, fake = batch.repeated(self.members), repeated(fake, self.members)
        copies = [
            self._discriminator_copy(
                backend, params, buffers, batch.real, fake, batch, aux_state, perturb, eps_real, eps_fake
            )
            for perturb, eps_real, eps_fake in self._copies(batch, aux_state)
        ]
        total, logs, new_buffers, batch_stats = (mean([copy[part] for copy in copies]) for part in range(4))
        return self.members * total, {"logs": logs, "buffers": new_buffers, "batch_stats": batch_stats}

    def _due(self, batch: StepBatch) -> bool:
        return any(batch.times(name) for name in self.penalties)

    def _copies(self, batch: StepBatch, aux_state: AuxState) -> list[tuple[Perturb, Tensor | None, Tensor | None]]:
        """Return how each copy is perturbed: the levels one after another."""
        levels = views(self.perturb.perturbation(aux_state["noise"]) if "noise" in aux_state else self.perturb)
        pairs = enumerate(zip(batch.noise_real, batch.noise_fake))
        return [(levels[index % len(levels)], *eps) for index, eps in pairs]

    def _discriminator_copy(self, backend, params, buffers, real, fake, batch, aux_state, perturb, eps_real, eps_fake):
        buffers_of_calls = []

        def look(x: Tensor, eps: Tensor | None) -> Tensor:
            logits, new = self.discriminator(params, buffers, perturb(x, eps), *batch.condition)
            buffers_of_calls.append(new)
            return logits

        critic = PenaltyCritic(lambda x: look(x, eps_real), backend.evaluation)
        samples = [critic.at(x) for x in (real, fake)] if self._due(batch) else [real, fake]
        real_logits = logits_at(critic, samples[0])
        fake_logits = logits_at(critic, samples[1]) if eps_fake is None else look(fake, eps_fake)
        new_buffers = mean(buffers_of_calls)
        if self.penalty_discriminator is not None:
            critic = PenaltyCritic(
                lambda x: self.penalty_discriminator(params, buffers, perturb(x, eps_real), *batch.condition)[0],
                backend.evaluation,
            )
            samples = [critic.at(x) for x in (real, fake)]
        drawn = () if batch.smoothing is None else (batch.smoothing,)
        loss = each(self.loss.discriminator, self.members, real_logits, fake_logits, *drawn).mean()
        penalties, batch_stats = self._penalties(critic, samples, batch, aux_state, nothing=torch.zeros_like(loss))
        if "noise" in aux_state:
            batch_stats["noise"] = self.perturb.look(real_logits.detach())
        of_labels = self._classification(params, buffers, batch, lambda: perturb(real, eps_real))
        logs = {
            "loss/discriminator": loss,
            **{f"loss/{name}": value for name, value in of_labels.items()},
            **{f"penalty/{name}": value for name, value in penalties.items()},
            "logits/real": real_logits.mean(),
            "logits/fake": fake_logits.mean(),
            **judgements(real_logits, fake_logits),
        }
        weighted = (self.labels.weight * value for value in of_labels.values())
        return sum([*penalties.values(), *weighted], loss), logs, new_buffers, batch_stats

    def _penalties(self, critic, samples, batch, aux_state, nothing):
        """Return the mean of each penalty, as often as it counts, and the batch statistics of the stateful ones."""
        values, batch_stats = dict.fromkeys(self.penalties, nothing), {}
        for name, penalty in self.penalties.items():
            times, key = batch.times(name), f"regularizer.{name}"
            if not times:
                continue
            at = samples if declared(penalty, "evaluated", False) else [tensor(x) for x in samples]
            arguments = (critic, *at, batch.penalty.get(name))
            if key in aux_state:
                value, batch_stats[key] = penalty(*arguments, aux_state[key])
            else:
                value = penalty(*arguments)
            values[name] = value.mean() if times == 1 else times * value.mean()
        return values, batch_stats

    def _classification(
        self, params: Tensors, buffers: Tensors, batch: StepBatch, perturbed: Callable[[], Tensor]
    ) -> dict[str, Tensor]:
        """Return the classification loss of a discriminator that tells classes.

        Runs its own forward pass: penalties differentiate the adversarial one, a function of single examples.
        """
        if batch.target is None:
            return {}
        classes, _ = self.classifier(params, buffers, perturbed())
        return {"classification": self.labels.loss(classes, batch.target, batch.target_weight).mean()}

    def for_generator(
        self,
        params: Tensors,
        buffers: Tensors,
        discriminator: Mapping[str, Any],
        batch: StepBatch,
        aux_state: AuxState = NO_AUX_STATE,
        zero_sum: bool = False,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the generator's objective, a scalar, with its logs and new buffers.

        ``discriminator`` holds ``params`` and ``buffers``; and, of discriminators that are stacked, ``active``: which
        of them take part. With ``zero_sum`` the objective is the negative of the discriminator's loss on the batch's
        real and generated examples, without penalties.
        """
        fake, new_buffers = self.generator(params, buffers, batch.latent, *batch.condition)
        active = discriminator.get("active")
        members = 1 if active is None else len(active)
        condition = repeated(batch.condition, members)

        def look(x: Tensor, perturb: Perturb, eps: Tensor | None) -> Tensor:
            perturbed = repeated(perturb(x, eps), members)
            return self.discriminator(discriminator["params"], discriminator["buffers"], perturbed, *condition)[0]

        losses = []
        for perturb, eps_real, eps_fake in self._copies(batch, aux_state):
            real_logits = () if batch.real is None else (look(batch.real, perturb, eps_real),)
            logits = (*real_logits, look(fake, perturb, eps_fake))
            losses.append(self._against(members, batch, zero_sum, *logits))
        loss = mean([self._aggregated(of_copy, active, batch) for of_copy in losses])
        return loss, {"logs": {"loss/generator": loss}, "buffers": new_buffers}

    def _against(self, members: int, batch: StepBatch, zero_sum: bool, *logits: Tensor) -> Tensor:
        """Return the generator's losses ``[M * B]`` against ``members`` discriminators."""
        if not zero_sum:
            return each(self._for_generator, members, *logits)
        drawn = () if batch.smoothing is None else (repeated(batch.smoothing, members),)
        return -each(self.loss.discriminator, members, *logits, *drawn)

    def _for_generator(self, *logits: Tensor) -> Tensor:
        *real, fake = logits
        return self.loss.generator(real[0] if real else None, fake)

    def _aggregated(self, losses: Tensor, active: Tensor | None, batch: StepBatch) -> Tensor:
        """Return one number from the losses ``[M * B]`` against all discriminators."""
        if active is None:
            return losses.mean()
        return self.aggregation(losses.unflatten(0, (len(active), -1)).mean(1), active, batch.aggregation)


def views(perturb: Perturb) -> Sequence[Perturb]:
    """Return the levels of noise at which a discriminator sees each example; most noises have one."""
    return perturb.views() if hasattr(perturb, "views") else (perturb,)


def repeated(tree: Any, times: int) -> Any:
    """Repeat each tensor ``[B, ...]`` of a tree ``times`` times along its first dimension."""
    if times == 1:
        return tree
    return tree_map(lambda leaf: leaf.repeat(times, *[1] * (leaf.ndim - 1)) if isinstance(leaf, Tensor) else leaf, tree)


def each(function: Callable[..., Tensor], members: int, *logits: Tensor) -> Tensor:
    """Apply a loss to each discriminator's logits by themselves; ``[M * B]`` in, ``[M * B]`` out."""
    if members == 1:
        return function(*logits)
    return torch.func.vmap(function)(*(value.unflatten(0, (members, -1)) for value in logits)).flatten()


def mean(values: list[Any]) -> Any:
    """Return the mean of scalars or of dicts of tensors; one value is returned as it is."""
    first = values[0]
    if len(values) == 1:
        return first
    if isinstance(first, Mapping):
        return {key: mean([value[key] for value in values]) for key in first}
    return torch.stack(values).mean(0) if first.is_floating_point() else values[-1]
