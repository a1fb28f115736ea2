from dataclasses import dataclass
from functools import partial

import torch

from steadygan.core import settings
from steadygan.core.declare import declare, finite


@dataclass(frozen=True)
class Ramp:
    slope: float = 1.0

    def __call__(self, t):
        return torch.as_tensor(self.slope * t)

    def extremes(self):
        return (0.0,)


@declare(level=finite)
def noise(x, eps, *, level, radius=3):
    return x + level * eps


@dataclass(frozen=True)
class Loss:
    alpha: float = 0.5
    normalised: bool = False


def test_numbers_are_the_declared_keys_or_all_that_hold_a_number():
    assert settings.hyperparameters(partial(noise, level=2, radius=3)) == {"level": 2}
    assert settings.hyperparameters(Loss()) == {"alpha": 0.5}
    assert settings.hyperparameters(Loss(alpha=Ramp(3.0))) == {"alpha": {"slope": 3.0}}
    assert settings.hyperparameters(torch.relu) == {}


def test_numbers_can_be_replaced_inside_schedules_too():
    changed = settings.with_hyperparameters(partial(noise, level=Ramp(1.0), radius=3), {"level": {"slope": 5.0}})
    assert changed.keywords == {"level": Ramp(5.0), "radius": 3}
    assert settings.with_hyperparameters(Loss(), {"alpha": torch.tensor(2.0)}).alpha == 2
    assert settings.with_hyperparameters(Loss(), {}) == Loss()


def test_schedules_are_evaluated_and_the_rest_is_left():
    assert settings.at(Loss(alpha=Ramp(3.0)), 4).alpha == 12
    loss = Loss()
    assert settings.at(loss, 4) is loss


def test_numbers_under_vmap():
    x = torch.ones(2, dtype=torch.float64)

    def run(slope):
        method = settings.at(
            settings.with_hyperparameters(partial(noise, level=Ramp()), {"level": {"slope": slope}}), 2.0
        )
        return method(x, x)

    slopes = torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64)
    assert torch.equal(torch.func.vmap(run)(slopes), torch.stack([run(slope) for slope in slopes]))
