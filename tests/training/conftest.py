"""What tests of the step and of the module begin with: small networks in float64, nothing trained."""

import pytest
import torch

from steadygan.config.building import build
from steadygan.training.algorithm import initial_state
from steadygan.training.batches import BatchSampler
from steadygan.training.functional import tensors
from steadygan.training.module import GANModule
from tiny import tiny


@pytest.fixture
def config(plain, request):
    """``config(*overrides)``: resolved, of a small run in float64, as the module's ``RUN`` has it."""
    return lambda *overrides: plain(*tiny("trainer.precision=64", *getattr(request.module, "RUN", ()), *overrides))


@pytest.fixture
def fresh(config):
    """``fresh(*overrides)``: a module before its first iteration."""

    def call(*overrides):
        given = config(*overrides)
        gan = GANModule(build(given), given["seed"], given["batch_size"], torch.float64)
        gan.to_device(torch.device("cpu"))
        return gan

    return call


@pytest.fixture
def setup(config):
    """``setup(*overrides)``: components, their state before the first iteration, and a sampler of batches."""

    def call(*overrides):
        given = config(*overrides)
        components = build(given)
        state = initial_state(components.algorithm, {name: tensors(net) for name, net in components.networks.items()})
        sampler = BatchSampler(
            *(components.dataset, components.sampling, components.networks["generator"].latent, given["seed"]),
            *(given["batch_size"], torch.device("cpu"), torch.float64),
        )
        return components, state, sampler

    return call
