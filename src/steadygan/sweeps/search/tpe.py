"""Settings that depend on the scores of those before them: the tree-structured Parzen estimator of Optuna."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning

from steadygan.sweeps.search.sampling import text

Scored = Sequence[tuple[Mapping[str, str], float]]
"""Settings as texts by key, each with its score."""


@dataclass
class Search:
    """A search as far as it is.

    Attributes:
        space: the distribution of each key.
        seed: of the sampler.
        trials: what has been proposed, as texts by key.
        scores: of the first trials, in their order; NaN: not known yet.
    """

    space: Mapping[str, BaseDistribution]
    seed: int
    trials: list[dict[str, str]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @property
    def known(self) -> bool:
        """Whether all trials have a score, so that others can be proposed."""
        return len(self.scores) == len(self.trials) and not any(map(math.isnan, self.scores))

    def propose(self, count: int) -> None:
        """Add that many trials."""
        self.trials += propose(self.space, list(zip(self.trials, self.scores, strict=True)), count, self.seed)


def propose(space: Mapping[str, BaseDistribution], scored: Scored, count: int, seed: int) -> list[dict[str, str]]:
    """Return settings to try next, each a text by key; the same ones for the same arguments.

    Those that are asked for at once know of each other, so that they lie apart. More of them begin with the same ones.

    Args:
        space: the distribution of each key.
        scored: what has been tried, in its order; small scores are good, infinite ones belong to runs that failed.
        count: how many.
        seed: of the sampler.

    Reference: Watanabe (2023), arXiv:2304.11127.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        # A sampler draws its first trials at random: with one seed for all batches they would be the same again.
        state = np.random.SeedSequence([seed, len(scored)]).generate_state(1)[0]
        sampler = optuna.samplers.TPESampler(seed=int(state), multivariate=True, constant_liar=True)
        study = optuna.create_study(sampler=sampler)
        study.add_trials([_told(space, setting, score) for setting, score in scored])
        drawn = [study.ask(dict(space)).params for _ in range(count)]
    return [{key: text(values[key], each) for key, each in space.items()} for values in drawn]


def _told(
    space: Mapping[str, BaseDistribution], setting: Mapping[str, str], score: float
) -> "optuna.trial.FrozenTrial":
    params = {key: _value(setting[key], each) for key, each in space.items()}
    return optuna.trial.create_trial(params=params, distributions=dict(space), value=score)


def _value(written: str, distribution: BaseDistribution) -> str | int | float:
    if isinstance(distribution, CategoricalDistribution):
        return written
    return int(written) if isinstance(distribution, IntDistribution) else float(written)
