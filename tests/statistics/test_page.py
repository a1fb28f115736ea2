"""docs/statistics.md: its examples run, and its numbers are those of the code."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import steadygan.statistics
from steadygan.statistics import Improvement, decide, probability_of_improvement

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_the_examples_run():
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted >= 20
    assert result.failed == 0


def test_every_estimator_is_on_the_page():
    text = PAGE.read_text()
    missing = {name for name in steadygan.statistics.__all__ if not re.search(rf"\b{name}\b", text)}
    assert missing == {"AllPairs", "probability_of_success_interval"}  # a result, and what is said in words


def test_how_often_the_words_are_said():
    """The table, by the binomial law of the wins of 30 seeds."""
    words = []
    for wins in range(31):
        won = np.repeat([0.0, 1.0], [wins, 30 - wins])
        words.append(decide(probability_of_improvement(won, np.full(30, 0.5))))
    rows = re.findall(r"^\| (0\.\d\d) \| (0\.\d\d) \| (0\.\d\d) \| (0\.\d\d) \|", PAGE.read_text(), flags=re.MULTILINE)
    assert len(rows) == 6
    for truth, *said in rows:
        law = stats.binom.pmf(np.arange(31), 30, float(truth))
        for word, share in zip(("better", "alike", "open"), said, strict=True):
            assert float(share) == pytest.approx(law[[each == word for each in words]].sum(), abs=0.006)


def test_the_words_of_the_table():
    assert decide(Improvement(0.75, 0.51, 0.9, 0.75, 30)) == "better"
    assert decide(Improvement(0.5, 0.25, 0.75, 0.5, 30)) == "alike"
    assert decide(Improvement(0.5, 0.24, 0.75, 0.5, 30)) == "open"
