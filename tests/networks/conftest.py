"""Networks are initialised from the global generator, as the engines do: under a fork of it with a fixed seed."""

import pytest
import torch


@pytest.fixture(autouse=True)
def fixed_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
