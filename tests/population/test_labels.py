"""Members that use labels are looked at one by one: their rows and pictures are those of single runs all the same."""

import numpy as np
import pytest
from PIL import Image

from steadygan import train as training
from steadygan.config.building import build
from steadygan.population import Plan, train
from steadygan.runs.files import METRICS, SAMPLES, read_rows
from tiny import MODES, silent

RUN = [*["batch_size=10", "log_every=2", "evaluate_every=2", "trainer.precision=64", "dataset.modes=5"], *MODES]
LABELS = {
    "conditional": ["labels=conditional", "labels.metrics.class_match.samples=50"],
    "semi_supervised": ["labels=semi_supervised", "labels.metrics.accuracy.examples=50", "labels.share=0.5"],
}


@pytest.mark.parametrize("name", LABELS)
def test_labelled_members_leave_what_their_single_runs_leave(plan, tmp_path, name):
    def plans(folder):
        for seed in (3, 4):
            yield plan(*LABELS[name], f"seed={seed}", f"optimizer.generator.lr={seed}e-3", outputs=folder)

    together, singly = list(plans(tmp_path / "together")), list(plans(tmp_path / "singly"))
    for job in together:
        job.directory.mkdir(parents=True)
    statuses = train([(build(job.config), job) for job in together], silent, Plan(False))
    assert set(statuses.values()) == {"completed"}
    for own, twin in zip(together, singly):
        assert training.execute(twin, silent) == "completed"
        rows, expected = (read_rows(job.directory / METRICS) for job in (own, twin))
        assert len(rows) == len(expected) == 2
        for row, other in zip(rows, expected):
            assert row.keys() == other.keys()
            assert {"metric/class_match", "metric/accuracy"} & row.keys()
            for key in row.keys() - {"seconds"}:
                assert bool(row[key]) == bool(other[key]), key
                assert float(row[key] or 0) == pytest.approx(float(other[key] or 0), rel=1e-6, abs=1e-9), key
        names = sorted(path.name for path in (twin.directory / SAMPLES).iterdir())
        assert names == sorted(path.name for path in (own.directory / SAMPLES).iterdir())
        for picture in names:
            pixels, twins = (np.asarray(Image.open(job.directory / SAMPLES / picture), float) for job in (own, twin))
            assert pixels.shape == twins.shape
            assert np.abs(pixels - twins).mean() < 0.05
    assert rows[-1]["metric/modes"] is not None
