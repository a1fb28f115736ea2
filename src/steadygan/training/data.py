"""The data and random draws of a run as a LightningDataModule."""

from collections.abc import Iterator

import lightning

from steadygan.training.module import Batches, GANModule


class RunData(lightning.LightningDataModule):
    """The batches of the iterations that are left.

    An epoch ends with an evaluation: what looks at the end of epochs, such as ``EarlyStopping``, sees new scores.

    Args:
        gan: what trains; batches are drawn on its device.
        iterations: of the whole run.
        every: iterations between two evaluations.
    """

    def __init__(self, gan: GANModule, iterations: int, every: int) -> None:
        super().__init__()
        self.gan, self.iterations, self.every = gan, iterations, every

    def train_dataloader(self) -> "Epochs":
        """Return what gives the batches of each epoch."""
        return Epochs(self)


class Epochs:
    """Iterates over what is left of the present epoch.

    Not a ``DataLoader``, which would draw from the global generator; each batch is a function of the seed.
    """

    def __init__(self, data: RunData) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Batches]:
        start, every = self.data.gan.iteration, self.data.every
        end = min((start // every + 1) * every, self.data.iterations)
        yield from map(self.data.gan.draw, range(start, end))
