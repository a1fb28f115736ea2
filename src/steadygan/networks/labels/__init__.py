"""Methods that use the classes of the data: what the group ``labels`` of a config instantiates to.

A method says which networks there are (``builders``), what an objective makes of them (``functions``), and what a
player's batch holds of the labels (``batch_fields``); all but that is left to the engine. Its ``offers`` are what
metrics can ask for: ``samples``, ``labels`` (of the samples) and ``classifier``.
"""

from steadygan.networks.labels.base import Labels
from steadygan.networks.labels.conditional import Conditional
from steadygan.networks.labels.none import Unlabelled
from steadygan.networks.labels.semi_supervised import SemiSupervised

__all__ = ["Conditional", "Labels", "SemiSupervised", "Unlabelled"]
