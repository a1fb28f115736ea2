"""The floor of a score: what as many real examples get, in place of generated ones."""

import math

from steadygan.config.building import build
from steadygan.config.node import Config, Node
from steadygan.distributed.join import device
from steadygan.training.components import DTYPES
from steadygan.training.evaluation import most, score
from steadygan.training.labelling import needs

DRAWS = 8
STREAM = "floor"


def floor(config: Config, metric: str, draws: int = DRAWS) -> Node | None:
    """Return the ``values`` of a metric of real examples drawn anew, a draw each, and the number of ``samples`` drawn.

    Args:
        config: of a run on the data set, with its metrics.
        metric: the name of a score.
        draws: how many.

    Returns:
        None where the metric looks at more than samples, or has no finite value for real ones.
    """
    components = build(config)
    name = next(name for name, each in components.metrics.items() if metric in each.directions)
    measure, values = components.metrics[name], []
    if needs(measure) != ("samples",):
        return None
    count, place = most({name: measure}), device(config["trainer"])
    for seed in range(draws):
        dtype = DTYPES[str(config["trainer"]["precision"])]
        real = components.dataset.batch(seed, STREAM, 0, count, place, dtype)
        values.append(score(measure, {"samples": real["x"]})[metric])
    values = [value for value in values if math.isfinite(value)]
    return {"values": values, "samples": count} if values else None
