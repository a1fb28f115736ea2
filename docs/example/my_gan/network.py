"""Networks of one's own, for vectors."""

from torch import Tensor, nn


def layers(inputs: int, outputs: int, width: int) -> nn.Sequential:
    hidden = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
    return nn.Sequential(hidden, nn.Linear(width, outputs))


class Generator(nn.Module):
    """``z [B, latent] -> x [B, d]``; ``shape``, here ``(d,)``, is that of the data."""

    def __init__(self, shape: tuple[int, ...], latent: int, width: int):
        super().__init__()
        self.latent = latent  # says how many numbers z has
        self.layers = layers(latent, shape[0], width)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Discriminator(nn.Module):
    """``x [B, d] -> logits [B]``."""

    def __init__(self, shape: tuple[int, ...], width: int):
        super().__init__()
        self.layers = layers(shape[0], 1, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1)
