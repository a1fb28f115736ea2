"""The stages of a tuned comparison, as the sweep file states them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from steadygan.common.errors import bad_value
from steadygan.config.node import Config
from steadygan.sweeps.overrides import swept_values

NAMES = ("search", "selection", "final", "published")
"""Also the folders of the stages."""

GROUP = "hydra.sweeper.stages"


class Stage(NamedTuple):
    """A stage.

    Attributes:
        seeds: of its runs.
        best: how many settings of each method the stage before hands on.
        factor: how many times as long as in the search its runs are.
    """

    seeds: tuple[int, ...]
    best: int = 1
    factor: int = 1


def stages(stated: Config, trials: int) -> dict[str, Stage]:
    """Return the stages by name.

    Raises:
        UserError: one is missing or unknown, asks for more settings than there are, or two stages share a seed.
    """
    if unknown := sorted(set(stated) - set(NAMES)):
        raise bad_value(GROUP, ", ".join(unknown), "no such stage", NAMES)
    read = {name: _stage(name, stated.get(name)) for name in NAMES}
    if read["selection"].best > trials:
        raise bad_value(f"{GROUP}.selection.best", read["selection"].best, f"there are only {trials} trials")
    for index, name in enumerate(NAMES[:3]):
        for other in NAMES[index + 1 : 3]:
            if common := set(read[name].seeds) & set(read[other].seeds):
                problem = f"must be none of those of the stage {name}, whose results would count twice"
                raise bad_value(f"{GROUP}.{other}.seed", sorted(common)[0], problem)
    return read


def asked_for(only: object) -> tuple[str, ...]:
    """Return the stages that are to be run, in their order; all for None.

    Raises:
        UserError: one is unknown, or there are none.
    """
    if only is None:
        return NAMES
    named = [only] if isinstance(only, str) else list(only) if isinstance(only, Sequence) else [str(only)]
    if unknown := [str(name) for name in named if name not in NAMES]:
        raise bad_value("hydra.sweeper.only", ", ".join(unknown), "no such stage", NAMES)
    if not named:
        raise bad_value("hydra.sweeper.only", "[]", "which stages?", NAMES)
    return tuple(name for name in NAMES if name in named)


def _stage(name: str, node: object) -> Stage:
    if not isinstance(node, Mapping):
        raise bad_value(f"{GROUP}.{name}", node, "must state at least `seed`")
    if unknown := sorted(set(node) - {"seed", "best", "factor"}):
        raise bad_value(f"{GROUP}.{name}", ", ".join(unknown), "no such key", ["seed", "best", "factor"])
    counts = {key: node.get(key, 1) for key in ("best", "factor")}
    for key, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise bad_value(f"{GROUP}.{name}.{key}", value, "must be a whole number from 1 on")
    return Stage(_seeds(name, node.get("seed")), **counts)


def _seeds(name: str, value: object) -> tuple[int, ...]:
    text = ",".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    key = f"{GROUP}.{name}.seed"
    try:
        seeds = tuple(dict.fromkeys(int(each) for each in swept_values(text)))
    except ValueError as error:
        raise bad_value(key, value, "must be whole numbers: range(0,2) or 0,1") from error
    if not seeds:
        raise bad_value(key, value, "there is no seed")
    return seeds
