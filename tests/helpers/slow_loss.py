"""A loss that takes its time, so that a run can be disturbed; what it computes is the usual."""

import os
import time
from dataclasses import dataclass

from steadygan.core.losses import NonSaturating


@dataclass(frozen=True)
class Slow(NonSaturating):
    def discriminator(self, real, fake, *draw):
        time.sleep(float(os.environ.get("SLOW", "0")))
        return super().discriminator(real, fake, *draw)
