"""The floor of a score: what as many real examples get, in place of generated ones."""

from steadygan.config.building import build
from steadygan.config.node import Config, Node
from steadygan.training.components import DTYPES
from steadygan.training.evaluation import most, score

DRAWS = 8
STREAM = "floor"


def floor(config: Config, metric: str, draws: int = DRAWS) -> Node:
    """Return the ``values`` of a metric of real examples drawn anew, a draw each, and the number of ``samples``.

    Args:
        config: of a run on the data set, with its metrics.
        metric: the name of a score.
        draws: how many.
    """
    components = build(config)
    name = next(name for name, each in components.metrics.items() if metric in each.directions)
    measure, values = components.metrics[name], []
    count = most({name: measure})
    for seed in range(draws):
        real = components.dataset.batch(seed, STREAM, 0, count, "cpu", DTYPES[str(config["trainer"]["precision"])])
        values.append(score(measure, {"samples": real["x"], "labels": real.get("y")})[metric])
    return {"values": values, "samples": count}
