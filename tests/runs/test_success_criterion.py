"""A threshold on what the runs do not measure is refused before they run."""

import pytest

from steadygan.common.errors import UserError
from steadygan.runs.success_criterion import check
from steadygan.runs.threshold import Bound

MODES = {"metrics": {"modes": {"_target_": "steadygan.metrics.modes.Modes"}}}
DISTANCE = {"metrics": {"wasserstein": {"_target_": "steadygan.metrics.wasserstein.Wasserstein"}}}


def test_what_is_measured_may_be_bounded():
    check([Bound("modes", 90, percent=True), Bound("kl", 0.1)], [MODES, MODES])
    check([Bound("wasserstein", 0.1)], [MODES, DISTANCE])
    check([], [{"metrics": None}])


@pytest.mark.parametrize(
    ("bound", "configs", "words"),
    [
        (Bound("modes", 8), [MODES, DISTANCE], r"threshold=modes: the runs do not measure.*\n.*wasserstein"),
        (Bound("mods", 8), [MODES], "Did you mean 'modes'"),
        (Bound("modes", 8), [{"metrics": {}}], "do not measure"),
        (Bound("kl", 90, percent=True), [MODES], "kl=90 %: less is better"),
    ],
)
def test_what_is_not_is_refused(bound, configs, words):
    with pytest.raises(UserError, match=words):
        check([bound], configs)


def test_scores_of_the_generator_that_is_trained_and_of_labels():
    """They are measured where a run asks for them; what looks at no samples has none."""
    raw = {"metrics": {**MODES["metrics"], "raw": True}}
    labelled = {**raw, "labels": {"metrics": {"accuracy": {"_target_": "steadygan.metrics.accuracy.Accuracy"}}}}
    check([Bound("raw_kl", 0.1), Bound("raw_modes", 90, percent=True)], [raw])
    check([Bound("accuracy", 0.9), Bound("raw_kl", 0.1)], [labelled])
    for bound, config in ((Bound("raw_kl", 0.1), MODES), (Bound("raw_accuracy", 0.9), labelled)):
        with pytest.raises(UserError, match="do not measure"):
            check([bound], [config])
