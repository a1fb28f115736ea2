"""What each metric is shown of the samples that there are."""

from types import SimpleNamespace

import torch

from steadygan.training.evaluation import most, score, score_many

SAMPLES = torch.arange(7.0)[:, None]
LABELS = torch.arange(7) + 10


class Rows:
    """Keeps the rows that it is shown, as a metric of the user's own may that does not count them."""

    def __init__(self, samples, needs=("samples",)):
        self.samples, self.needs, self.shown = samples, needs, None

    def reset(self):
        self.shown = None

    def update(self, *shown):
        self.shown = [rows.flatten().tolist() for rows in shown]

    def compute(self):
        return {f"sum_{self.samples}": sum(self.shown[0])}


def several(samples):
    """A metric that looks at several generators at once."""
    made = Rows(samples)
    made.compute_many = lambda x: [{f"sum_{samples}": float(own.sum())} for own in x]
    return made


def test_a_metric_is_shown_as_many_as_it_asked_for():
    few, labelled = Rows(3), Rows(2, ("samples", "labels"))
    offers = {"samples": SAMPLES, "labels": LABELS}
    assert score(few, offers) == {"sum_3": 0 + 1 + 2}
    assert score(labelled, offers) == {"sum_2": 0 + 1}
    assert labelled.shown == [[0, 1], [10, 11]]


def test_processes_are_shown_a_share_of_these():
    few = Rows(4)
    assert score(few, {"samples": SAMPLES}, lambda shown: shown[1::2]) == {"sum_4": 1 + 3}


def test_of_several_generators_each_is_shown_as_many():
    metrics = {"few": Rows(3), "more": several(5)}
    assert most(metrics) == 5
    assert score_many(metrics, torch.stack([SAMPLES, 10 * SAMPLES])) == [
        {"sum_3": 3, "sum_5": 10},
        {"sum_3": 30, "sum_5": 100},
    ]
    assert most({"one": SimpleNamespace(samples=0)}) == 0
