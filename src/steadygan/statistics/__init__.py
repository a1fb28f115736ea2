"""Estimators and tests: arrays in, numbers out (numpy and scipy only).

An outcome is a float: a finite value, or the worst possible one (+inf where small is good, -inf where large is) for a
run that diverged or failed, or NaN where nothing is known yet. Where nothing else is said, small is good.
"""

from steadygan.statistics.family_wise import AllPairs, all_pairs
from steadygan.statistics.improvement import (
    Decisions,
    Improvement,
    decide,
    decisions,
    mean_improvement,
    probability_of_improvement,
    seeds_for_power,
    seeds_to_decide,
)
from steadygan.statistics.interquartile import bootstrap_interval, interquartile_mean
from steadygan.statistics.order_statistics import best_of_k, best_of_k_band, best_of_k_quantile, held_out_best_of_k
from steadygan.statistics.profiles import performance_profile, profile_score
from steadygan.statistics.proportion import proportion_interval
from steadygan.statistics.rankings import agreement, kendall_tau, variance_components
from steadygan.statistics.success_of_k import probability_of_success, probability_of_success_interval

__all__ = [
    "AllPairs",
    "Decisions",
    "Improvement",
    "agreement",
    "all_pairs",
    "best_of_k",
    "best_of_k_band",
    "best_of_k_quantile",
    "bootstrap_interval",
    "decide",
    "decisions",
    "held_out_best_of_k",
    "interquartile_mean",
    "kendall_tau",
    "mean_improvement",
    "performance_profile",
    "probability_of_improvement",
    "probability_of_success",
    "probability_of_success_interval",
    "profile_score",
    "proportion_interval",
    "seeds_for_power",
    "seeds_to_decide",
    "variance_components",
]
