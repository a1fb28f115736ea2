"""The LeCam penalty."""

from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.declare import decay as decay_range
from steadygan.core.declare import declare, nonnegative
from steadygan.core.draws import no_noise
from steadygan.core.scalars import scalar
from steadygan.core.types import Critic, Number, Tensors


@declare(draw=no_noise, weight=nonnegative, decay=decay_range)
@dataclass(frozen=True)
class LeCam:
    """``weight [(D(x) - a_F)^2 + (D(G(z)) - a_R)^2]``, ``a_R`` and ``a_F`` the moving averages of D's logits of real
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
        """Sums of weighted means, and of the weights; a number a discriminator."""
        nothing = torch.zeros(members, dtype=like.dtype, device=like.device)
        return {"real": nothing, "fake": nothing.clone(), "share": nothing.clone()}

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, eps: None, kept: Tensors) -> tuple[Tensor, Tensors]:
        """Per sample ``[B]``, and the mean logits that were seen."""
        members = len(kept["share"])
        of_real, of_fake = (critic(x).unflatten(0, (members, -1)) for x in (real, fake))
        above, below = (of_real - _average(kept, "fake")[:, None]), (_average(kept, "real")[:, None] - of_fake)
        if self.one_sided:
            above, below = above.relu(), below.relu()
        begun = (kept["share"] > 0)[:, None]
        value = torch.where(begun, above.square() + below.square(), 0)
        seen = {"real": of_real.detach().mean(1), "fake": of_fake.detach().mean(1)}
        return self.weight * value.flatten(), seen

    def update(self, kept: Tensors, seen: Tensors) -> Tensors:
        """Return the averages after an update of the discriminator."""
        decay = scalar(self.decay, kept["share"])
        seen = {**seen, "share": torch.ones_like(kept["share"])}
        return {name: decay * value + (1 - decay) * seen[name] for name, value in kept.items()}

    def logs(self, kept: Tensors) -> Tensors:
        """Both averages; of several discriminators their mean."""
        return {name: _average(kept, name).mean() for name in ("real", "fake")}


def _average(kept: Tensors, name: str) -> Tensor:
    share = kept["share"]
    return kept[name] / torch.where(share > 0, share, 1)
