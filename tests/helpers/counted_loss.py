"""A loss that writes a line for each iteration that is trained with it, whichever process does; else the usual."""

import os
from dataclasses import dataclass

from steadygan.config.trials.attempt import COUNT
from steadygan.core.losses import NonSaturating


@dataclass(frozen=True)
class Counted(NonSaturating):
    def generator(self, real, fake):
        if len(fake) != COUNT:  # the trial before is no iteration
            with open(os.environ["COUNTED"], "a") as file:
                file.write("1\n")
        return super().generator(real, fake)
