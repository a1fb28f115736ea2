"""One member of a population, as its callbacks see it."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.runs.job import Job
from steadygan.training.algorithm import initial_state
from steadygan.training.components import DTYPES, Components
from steadygan.training.functional import tensors
from steadygan.training.running_mean import RunningMean
from steadygan.training.state import GANState


class Member(GANState):
    """A run that trains with others; the population fills in its state when somebody is about to look."""

    def __init__(self, components: Components, job: Job, device: torch.device) -> None:
        self.seed, self.device = job.seed, device
        self.float_type = DTYPES[str(job.config["trainer"]["precision"])]
        state = initial_state(components.algorithm, {name: tensors(net) for name, net in components.networks.items()})
        self.state = tree_map(lambda t: t.to(device) if isinstance(t, Tensor) else t, state)
        self.iteration = 0
        self.diverged_at = None
        self.window = RunningMean()
        self._evaluate_with(components)
