"""The objectives of both players: the loss, and the discriminator's penalties, through the perturbed critic.

Conventions. Every call of a network within one evaluation sees the same buffers; the new buffers are the mean over
the calls of the loss (spectral-norm vectors do not depend on the input, running statistics see real and fake alike).
A penalty differentiates the perturbed critic by the clean input (as in R3GAN and StyleGAN3), under the noise drawn
for the real batch. With several copies (smeared examples, levels of blur) everything is averaged over the copies.
A penalty that is not due in an update is not computed; where it is due once in k iterations it counts k times.

What else there is comes as a wrapper of a network or of the loss: ensembles and snapshots (``core/ensembles.py``),
growing networks (``core/growing.py``), labels (``core/labels``), label smoothing (``core/losses/labels.py``) and bf16
(``training/networks.py``); ``training/players.py`` puts them together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.autodiff import Evaluation, PenaltyCritic, Samples, logits_at, tensor
from steadygan.core.declare import declared
from steadygan.core.diagnostics import judgements
from steadygan.core.labels import Term
from steadygan.core.noise import views
from steadygan.core.step_batch import StepBatch
from steadygan.core.types import Critic, Logs, Loss, Network, Penalty, Perturb, Stateful, StatefulNoise, Tensors

AuxState = Mapping[str, Tensors]
"""The state of penalties and noise, by config key (see ``steadygan.core.types.Stateful``)."""

V = TypeVar("V")


class Critics(NamedTuple):
    """The discriminator at its parameters, as the objective sees it: functions of the input alone.

    ``evaluation`` is how it is differentiated by its input, ``for_penalties`` the network that penalties differentiate
    where it is not the loss's, and ``terms`` are losses of its own beside the game's.
    """

    network: Network
    evaluation: type[Evaluation]
    for_penalties: Network | None = None
    terms: Mapping[str, Term] = {}


class Outcome(NamedTuple):
    """What an objective gives beside its value."""

    logs: Logs
    buffers: Tensors
    batch_stats: Mapping[str, Tensors] = {}


class View(NamedTuple):
    """One copy of the batch: how real and fake examples are perturbed."""

    perturb: Perturb
    eps_real: Tensor | None
    eps_fake: Tensor | None

    def real(self, x: Tensor) -> Tensor:
        """Return real examples as the discriminator sees them."""
        return self.perturb(x, self.eps_real)

    def fake(self, x: Tensor) -> Tensor:
        """Return generated examples as the discriminator sees them."""
        return self.perturb(x, self.eps_fake)


@dataclass(frozen=True)
class Objective:
    """The terms of an algorithm that make up the two objectives."""

    loss: Loss
    penalties: Mapping[str, Penalty]
    perturb: Perturb

    @property
    def stateful(self) -> dict[str, Stateful]:
        """The penalties and the noise that have a state, by config key."""
        methods = {"noise": self.perturb, **{f"regularizer.{name}": method for name, method in self.penalties.items()}}
        return {key: method for key, method in methods.items() if hasattr(method, "init")}

    def for_discriminator(
        self, critics: Critics, fake: Tensor, batch: StepBatch, aux_state: AuxState
    ) -> tuple[Tensor, Outcome]:
        """Return the discriminator's objective, a scalar, and its outcome."""
        copies = [self._copy(critics, fake, batch, aux_state, view) for view in self._views(batch, aux_state)]
        values, outcomes = zip(*copies)
        return mean(values), Outcome(*map(mean, zip(*outcomes)))

    def for_generator(self, critic: Critic, fake: Tensor, batch: StepBatch, aux_state: AuxState) -> Tensor:
        """Return the generator's objective, a scalar, on its examples ``fake``."""
        losses = []
        for view in self._views(batch, aux_state):
            real = None if batch.real is None else critic(view.real(batch.real))
            losses.append(self.loss.generator(real, critic(view.fake(fake))).mean())
        return mean(losses)

    def _views(self, batch: StepBatch, aux_state: AuxState) -> Iterator[View]:
        """Yield each copy: the levels of noise one after another."""
        noise = self.perturb
        levels = views(noise.perturbation(aux_state["noise"]) if _adapts(noise, aux_state) else noise)
        for index, eps in enumerate(zip(batch.noise_real, batch.noise_fake)):
            yield View(levels[index % len(levels)], *eps)

    def _copy(
        self, critics: Critics, fake: Tensor, batch: StepBatch, aux_state: AuxState, view: View
    ) -> tuple[Tensor, Outcome]:
        buffers_of_calls, examples = [], batch.real
        assert examples is not None  # in a batch of the discriminator

        def look(perturbed: Tensor) -> Tensor:
            logits, new = critics.network(perturbed)
            buffers_of_calls.append(new)
            return logits

        critic = PenaltyCritic(lambda x: look(view.real(x)), critics.evaluation)
        due, clean = any(batch.times(name) for name in self.penalties), (examples, fake)
        samples = [critic.at(x) for x in clean] if due else clean
        real_logits = logits_at(critic, samples[0])
        fake_logits = logits_at(critic, samples[1]) if view.eps_fake is None else look(view.fake(fake))
        buffers = mean(buffers_of_calls)
        if (network := critics.for_penalties) is not None:
            critic = PenaltyCritic(lambda x: network(view.real(x))[0], critics.evaluation)
            samples = [critic.at(x) for x in clean]
        loss = self.loss.discriminator(real_logits, fake_logits).mean()
        penalties, batch_stats = self._penalties(critic, samples, batch, aux_state, torch.zeros_like(loss))
        if _adapts(self.perturb, aux_state):
            batch_stats["noise"] = self.perturb.look(real_logits.detach())
        terms = {name: term.loss(view.real(examples)) for name, term in critics.terms.items()}
        logs = {
            "loss/discriminator": loss,
            **{f"loss/{name}": value for name, value in terms.items()},
            **{f"penalty/{name}": value for name, value in penalties.items()},
            "logits/real": real_logits.mean(),
            "logits/fake": fake_logits.mean(),
            **judgements(real_logits, fake_logits),
        }
        weighted = (critics.terms[name].weight * value for name, value in terms.items())
        return sum([*penalties.values(), *weighted], loss), Outcome(logs, buffers, batch_stats)

    def _penalties(
        self, critic: Critic, samples: Sequence[Samples], batch: StepBatch, aux_state: AuxState, nothing: Tensor
    ) -> tuple[Tensors, dict[str, Tensors]]:
        """Return the mean of each penalty, as often as it counts, and the batch statistics of the stateful ones."""
        values: Tensors = dict.fromkeys(self.penalties, nothing)
        batch_stats: dict[str, Tensors] = {}
        for name, penalty in self.penalties.items():
            times, key = batch.times(name), f"regularizer.{name}"
            if not times:
                continue
            at = samples if declared(penalty, "evaluated", False) else [tensor(x) for x in samples]
            value = penalty(critic, *at, batch.penalty.get(name), *([aux_state[key]] if key in aux_state else []))
            if isinstance(value, tuple):
                value, batch_stats[key] = value
            values[name] = value.mean() if times == 1 else times * value.mean()
        return values, batch_stats


def _adapts(noise: Perturb, aux_state: AuxState) -> TypeGuard[StatefulNoise]:
    """Return whether the noise has a state."""
    return "noise" in aux_state


def mean(values: Sequence[V]) -> V:
    """Return the mean of scalars or of dicts of tensors; one value is returned as it is."""
    return values[0] if len(values) == 1 else tree_map(_mean, *values)


def _mean(*values: Tensor) -> Tensor:
    return torch.stack(values).mean(0) if values[0].is_floating_point() else values[-1]
