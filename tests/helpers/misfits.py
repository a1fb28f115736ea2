"""Objects that do not fit, each in one way: what somebody writes at the first attempt."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from steadygan.core.declare import declare
from steadygan.core.losses import Hinge
from steadygan.core.optimizers import Sgd
from steadygan.data.base import Endless
from steadygan.data.mixtures import Ring
from steadygan.networks.mlp import Discriminator, Generator


class Empty:
    """Has nothing of any kind."""


class ScalarLoss(Hinge):
    def discriminator(self, real, fake):
        return super().discriminator(real, fake).mean()


class ScalarForGenerator(Hinge):
    def generator(self, real, fake):
        return super().generator(real, fake).mean()


class LossOfOneArgument(Hinge):
    def discriminator(self, real):
        return real


class LossWithoutGradient(Hinge):
    def generator(self, real, fake):
        return super().generator(real, fake).detach()


def constant_penalty(critic, real, fake, eps):
    return torch.ones(len(real), dtype=real.dtype)


def scalar_penalty(critic, real, fake, eps):
    return critic(real).mean()


def raises(critic, real, fake, eps):
    return critic(real) + {}["weight"]


def list_penalty(critic, real, fake, eps):
    return [1.0]


@declare(draw="normal")
def drawn_from_a_word(critic, real, fake, eps):
    return critic(real)


@declare(draw=lambda generator, shape, dtype: torch.randn(shape[0], 7, dtype=dtype))
def drawn_in_another_shape(critic, real, fake, eps):
    return critic(real + eps)


class Forgetful:
    """Has a state, and gives out no batch statistics."""

    def init(self, members, like):
        return {"mean": like.new_zeros(members)}

    def update(self, aux_state, batch_stats):
        return aux_state

    def __call__(self, critic, real, fake, eps, aux_state):
        return critic(real)


@declare(projection=True)
def lossy_projection(params):
    return dict(list(params.items())[1:])


def halving_noise(x, eps):
    return x[::2]


class ColumnCritic(Discriminator):
    def forward(self, x):
        return super().forward(x)[:, None]


class TurnedGenerator(Generator):
    def forward(self, z):
        return super().forward(z).T


class WithoutLatent(nn.Linear):
    def __init__(self, shape):
        super().__init__(16, *shape)


class HalfAState(Sgd):
    def update(self, params, grads, state, noise=None):
        return params


class LosesTensors(Sgd):
    def update(self, params, grads, state, noise=None):
        return {}, state


class Abstains:
    """Gives back what it was to weigh."""

    noisy = False

    def __call__(self, losses, active, u):
        return losses


class Settings:
    """Takes any settings, and does nothing with them."""

    def __init__(self, **settings):
        pass


class LosesTheAverage(Settings):
    def update(self, average, value, t):
        return {}


def NoModule(shape):
    return [shape]


def breaks(shape=None, dataset=None):
    raise KeyError("depth")


@dataclass(frozen=True)
class Amnesiac:
    n_critic: int = 1

    def play(self, players, state, batches):
        (batch,) = batches["generator"]
        gradient = players.gradient("generator", state, batch)
        return {"generator": state.generator}, gradient.logs


class OldNames(Amnesiac):
    passes = 3


class Ragged(Endless):
    shape = (2,)

    def sample(self, n, generator, dtype=torch.float32):
        return torch.stack([torch.zeros(2 + i % 2) for i in range(n)]), None


class OtherShape(Ring):
    def batch(self, seed, stream, index, batch_size, device, dtype):
        return {"x": torch.zeros(batch_size, 3, dtype=dtype)}


class FlatShape(Endless):
    shape = 2

    def sample(self, n, generator, dtype=torch.float32):
        return torch.zeros(n, 2, dtype=dtype), None


class Countless(Ring):
    def __init__(self, **numbers):
        super().__init__(**numbers)
        self.num_data = "many"


class NoClasses(Ring):
    def batch(self, seed, stream, index, batch_size, device, dtype):
        return {"x": super().batch(seed, stream, index, batch_size, device, dtype)["x"]}


class Score:
    """Says nothing of which way is better."""

    samples, provenance = 10, {}

    def __init__(self, dataset=None):
        pass

    def update(self, x):
        pass

    def compute(self):
        return {"score": 1.0}

    def reset(self):
        pass


class Sideways(Score):
    directions = {"score": "more"}


class Number(Score):
    directions = {"score": "max"}

    def compute(self):
        return 1.0


class Words(Number):
    def compute(self):
        return {"score": "good"}


class Nothing(Number):
    def compute(self):
        return None


class Divides(Number):
    def compute(self):
        return {"score": 1 / 0}


class OtherName(Number):
    def compute(self):
        return {"score": 1.0, "other": 2.0}


class Printer:
    def row(self, row):
        print(row)


class Breaks:
    """Fails at its first row."""

    def open(self, info):
        pass

    def row(self, row):
        raise OSError("no ink\nat all")

    def picture(self, iteration, name, path):
        raise AssertionError("called after it failed")

    def close(self, summary):
        raise AssertionError("called after it failed")


def optimizer(kind, params, lr=0.1):
    return partial(kind, lr=lr)(params)
