"""Trials: settings drawn from a space by Optuna."""

import warnings
from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler

from steadygan.common.errors import bad_value

SAMPLERS = ("sobol", "random")

DIGITS = 4
"""Significant digits of a number that is drawn, so that people can say it again."""


def trials(space: Mapping[str, BaseDistribution], count: int, sampler: str, seed: int) -> list[dict[str, str]]:
    """Return settings, each a text by key; more of them begin with the same ones.

    Args:
        space: the distribution of each key; its order is that of the dimensions of a Sobol sequence.
        count: how many.
        sampler: ``sobol`` (scrambled; Owen 1998) or ``random``.
        seed: of the sampler.

    Raises:
        UserError: there is no such sampler.
    """
    if sampler not in SAMPLERS:
        raise bad_value("hydra.sweeper.sampler", sampler, "unknown sampler", SAMPLERS)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study = optuna.create_study(sampler=_sampler(sampler, seed))
        return [_trial(study, space) for _ in range(count)]


def _sampler(name: str, seed: int) -> BaseSampler:
    return QMCSampler(qmc_type="sobol", scramble=True, seed=seed) if name == "sobol" else RandomSampler(seed=seed)


def _trial(study: optuna.Study, space: Mapping[str, BaseDistribution]) -> dict[str, str]:
    # Asked for by `study.ask`, the first trial of a Sobol sequence would be a random one.
    trial = study._storage.get_trial(study._storage.create_new_trial(study._study_id))
    drawn = study.sampler.sample_relative(study, trial, dict(space))
    for key, distribution in space.items():
        if key not in drawn:
            drawn[key] = study.sampler.sample_independent(study, trial, key, distribution)
    return {key: text(drawn[key], distribution) for key, distribution in space.items()}


def text(value: object, distribution: BaseDistribution) -> str:
    """Return a value as the command line writes it, a float with four significant digits and within its range."""
    if not isinstance(distribution, FloatDistribution):
        return str(value)
    number = min(max(float(f"{value:.{DIGITS}g}"), distribution.low), distribution.high)
    return f"{number:.{DIGITS}g}" if float(f"{number:.{DIGITS}g}") == number else repr(number)
