"""The LeCam penalty."""

from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.autodiff import Samples, logits_at
from steadygan.core.declare import decay as decay_range
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import no_noise
from steadygan.core.scalars import scalar
from steadygan.core.types import Critic, Number, Tensors


@declare(draw=no_noise, evaluated=True, weight=nonnegative, decay=decay_range)
@dataclass(frozen=True)
class LeCam:
    """LeCam regularisation.

    ``weight [(D(x) - a_F)^2 + (D(G(z)) - a_R)^2]``, ``a_R`` and ``a_F`` the moving averages of D's logits of real
    samples and of fakes: logits are held near those of the other kind, which keeps D
    from learning a few examples by heart.

    The averages are those of the updates before, over the batches of all processes, freed of their start at 0 as
    Adam's are; the first update has no penalty. Of several discriminators each has averages of its own.

    Attributes:
        weight: of the penalty, the paper's lambda.
        decay: of the averages, from update to update.
        one_sided: only real logits above ``a_F`` and fake ones below ``a_R`` are punished, as the authors' code does.

    Reference: Tseng et al. (2021), eqs. 2 and 3, arXiv:2104.03310.
    """

    weight: Number = 0.3
    decay: Number = 0.99
    one_sided: bool = False

    def init(self, members: int, like: Tensor) -> Tensors:
        """Return sums of weighted means, and of the weights, all 0; a number a discriminator."""
        nothing = torch.zeros(members, dtype=like.dtype, device=like.device)
        return {"real": nothing, "fake": nothing.clone(), "share": nothing.clone()}

    def __call__(
        self, critic: Critic, real: Samples, fake: Samples, eps: None, aux_state: Tensors
    ) -> tuple[Tensor, Tensors]:
        """Return the penalty per sample ``[B]``, and the mean logits of the batch."""
        members = len(aux_state["share"])
        of_real, of_fake = (logits_at(critic, x).unflatten(0, (members, -1)) for x in (real, fake))
        above, below = (
            (of_real - _average(aux_state, "fake")[:, None]),
            (_average(aux_state, "real")[:, None] - of_fake),
        )
        if self.one_sided:
            above, below = above.relu(), below.relu()
        begun = (aux_state["share"] > 0)[:, None]
        value = torch.where(begun, above.square() + below.square(), 0)
        batch_stats = {"real": of_real.detach().mean(1), "fake": of_fake.detach().mean(1)}
        return self.weight * value.flatten(), batch_stats

    def update(self, aux_state: Tensors, batch_stats: Tensors) -> Tensors:
        """Return the averages after an update of the discriminator."""
        decay = scalar(self.decay, aux_state["share"])
        batch_stats = {**batch_stats, "share": torch.ones_like(aux_state["share"])}
        return {name: decay * value + (1 - decay) * batch_stats[name] for name, value in aux_state.items()}

    def logs(self, aux_state: Tensors) -> Tensors:
        """Return both averages; of several discriminators their mean."""
        return {name: _average(aux_state, name).mean() for name in ("real", "fake")}


def _average(aux_state: Tensors, name: str) -> Tensor:
    share = aux_state["share"]
    return aux_state[name] / torch.where(share > 0, share, 1)
