"""Time to thresholds: what the runs' summaries say of it, on the terminal, the page and in results.csv."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from steadygan.report import report
from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.report.reached import reached

ASKED = {"thresholds": {"fid": 20, "modes": "90 %"}}


def met(iteration):
    return {"bound": "whatever", "iteration": iteration, "images": 10 * iteration, "seconds": iteration / 4}


@pytest.fixture
def sweep(tmp_path, make_run):
    def run(method, seed, fid, modes=None, status="completed", config=ASKED):
        reported = {"fid": fid and met(fid), "modes": modes and met(modes)}
        make_run(tmp_path, f"{method}-{seed}", method=method, seed=seed, status=status, config=config, reached=reported,
                 finals={"fid": 9.0, "modes": 8.0})  # fmt: skip

    for seed, iteration in enumerate((400, 100, 300)):
        run("quick", seed, iteration, 700)
    run("half", 0, 200)
    run("half", 1, None)
    run("half", 2, None, status="running")
    run("half", 3, 600, status="running")
    run("never", 0, None)
    run("never", 1, 50, status="diverged")
    run("never", 2, None, status="diverged")
    run("silent", 0, None, config={})
    return tmp_path


def test_medians_over_seeds_that_met_it_or_never_will(sweep):
    found = reached(group_runs(collect([sweep]).runs))
    fid = [(line.method, line.met, line.known, line.iteration) for line in found if line.bound == "fid ≤ 20"]
    assert fid == [("quick", 3, 3, 300), ("half", 2, 3, 600), ("never", 1, 3, np.inf)]
    assert (found[0].images, found[0].seconds) == (3000, 75)
    modes = [(line.method, line.met, line.known) for line in found if line.bound == "modes ≥ 90 %"]
    assert modes == [("quick", 3, 3), ("half", 0, 2), ("never", 0, 3)]
    assert [line.bound for line in found] == ["fid ≤ 20"] * 3 + ["modes ≥ 90 %"] * 3


def test_terminal_page_and_table(sweep):
    out = io.StringIO()
    index = report([sweep], console=Console(file=out, width=200))
    (line,) = [line for line in out.getvalue().splitlines() if "fid ≤ 20" in line and "half" in line]
    assert line.replace("│", " ").split()[-6:] == ["2", "of", "3", "600", "6000", "150"]
    page = index.read_text()
    assert page.index('id="ends"') < page.index('<section id="reached"') < page.index('<section id="samples"')
    assert "2 of 3" in page
    assert "modes ≥ 90 %" in page
    table = pd.read_csv(index.parent / "results.csv").set_index("run")
    assert table.loc["quick-2", "reached/fid ≤ 20/iteration"] == 300
    assert table.loc["quick-2", "reached/fid ≤ 20/seconds"] == 75
    assert np.isnan(table.loc["never-0", "reached/fid ≤ 20/iteration"])
    assert (table["fid/gap"] == 0).all()


def test_thresholds_make_no_other_method(tmp_path, make_run):
    for seed, config in enumerate((ASKED, {"thresholds": None, "keep_best": "fid", "checkpoint_minutes": 3})):
        make_run(tmp_path, f"r1-{seed}", method="r1", seed=seed, finals={"fid": 1.0}, config=config)
    (group,) = group_runs(collect([tmp_path]).runs)
    assert len(group.runs) == 2


def test_without_thresholds_there_is_nothing_of_it(tmp_path, make_run):
    make_run(tmp_path, "r1", method="r1", seed=0, finals={"fid": 1.0})
    out = io.StringIO()
    index = report([tmp_path], console=Console(file=out, width=200))
    assert "first met" not in out.getvalue()
    assert 'id="reached"' not in index.read_text()
