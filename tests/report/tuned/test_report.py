"""The report of a tuned comparison, read from its files, against numbers worked out by hand."""

import io
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import tuned_folder
from steadygan.report.collect import CURVE_POINTS
from steadygan.report.tuned.build import report_tuned
from steadygan.report.tuned.edges import edges
from steadygan.report.tuned.records import read, value_at
from steadygan.report.tuned.tables import standing
from steadygan.report.tuned.verdict import verdict
from tuned_folder import T

SEEDS = 20
SEARCH = [[0.4, 0.5], [0.2, 0.3], [0.9, None], [0.3, 0.1]]


def final(values):
    """Scores at T, and at 2 T 0.5 more."""
    return [(value, None if value is None else value + 0.5) for value in values]


def report(folder):
    console = Console(file=io.StringIO(), width=200)
    report_tuned([folder], console=console)
    return console.file.getvalue()


def sentences(folder):
    tuned = read(folder)
    return " ".join(verdict(tuned, standing(tuned, "ring")))


@pytest.fixture
def folder(tmp_path):
    """``a`` is better than ``b`` in all seeds; ``b`` fails in 2 of 20; the floor lies below both."""
    root = tmp_path / "tuned"
    low, high = np.linspace(0.10, 0.29, SEEDS), np.linspace(0.50, 0.69, SEEDS)
    methods = {
        "a": tuned_folder.method(root, "a", search=SEARCH, final=final(low), published=[0.7, 0.8, 0.9], tuned=1),
        "b": tuned_folder.method(root, "b", search=SEARCH, final=final([*high[:18], None, None]), modes=5.0, tuned=3),
    }
    return tuned_folder.write(root, methods, seeds=SEEDS, floor=[0.01, 0.02, 0.03])


def test_methods_have_the_numbers_of_the_seeds(folder):
    report(folder)
    rows = pd.read_csv(folder / "report" / "methods.csv").set_index("method")
    assert rows["median"].to_dict() == pytest.approx({"a": 0.195, "b": 0.59})
    assert rows["interquartile_mean"].to_dict() == pytest.approx(
        {"a": np.mean(np.linspace(0.15, 0.24, 10)), "b": 0.595}
    )
    assert rows["median_longer"].to_dict() == pytest.approx({"a": 0.695, "b": 1.09})
    assert rows["above_floor"].to_dict() == pytest.approx({"a": 0.175, "b": 0.57})
    assert rows["meet_criterion"].to_dict() == {"a": 1.0, "b": 0.0}
    assert rows["failed"].to_dict() == {"a": 0, "b": 2}
    assert rows["median_published"]["a"] == 0.8
    assert np.isnan(rows["median_published"]["b"])
    assert rows["low"]["a"] <= 0.195 <= rows["high"]["a"]


def test_runs_at_another_setting_than_the_published_one_do_not_count_as_published(tmp_path):
    root, paper = tmp_path / "tuned", ["optimizer.discriminator.lr=0.0002", "optimizer.discriminator.beta2=0.9"]
    method = partial(tuned_folder.method, root, "a", search=SEARCH, final=final([0.1, 0.2]))
    method(published=[0.1, 0.2, 0.3])  # as the method's file has it
    method(published=[0.3, 0.4, 0.5], paper=paper[:1])
    tuned_folder.write(root, {"a": method(published=[0.7, 0.8, 0.9], paper=paper)}, seeds=2)
    report(root)
    assert pd.read_csv(root / "report" / "methods.csv")["median_published"].tolist() == [0.8]


def test_each_run_is_a_row(folder):
    report(folder)
    rows = pd.read_csv(folder / "report" / "results.csv")
    assert rows.groupby("stage").size().to_dict() == {"search": 16, "final": 40, "published": 3}
    lost = rows[(rows.stage == "final") & (rows.status == "diverged")]
    assert list(lost.method) == ["b", "b"]
    assert np.isinf(lost.score).all()
    one = rows[(rows.stage == "final") & (rows.method == "a") & (rows.seed == 1000)].iloc[0]
    assert (one.score, one.score_longer) == pytest.approx((0.10, 0.60))


def test_a_row_of_the_search_has_its_trial_and_setting(folder):
    report(folder)
    rows = pd.read_csv(folder / "report" / "results.csv")
    search = rows[(rows.stage == "search") & (rows.method == "a")]
    assert sorted(search.trial) == [0, 0, 1, 1, 2, 2, 3, 3]
    for _, of_trial in search.groupby("trial"):
        assert of_trial["optimizer.generator.lr"].nunique() == 1
    lr = rows[(rows.stage == "final") & (rows.method == "a")]["optimizer.generator.lr"].unique()
    assert lr == pytest.approx([1e-4 * 10**0.75], rel=1e-4)
    same = search[search["optimizer.generator.lr"] == lr[0]].sort_values("seed")
    assert list(same.score) == SEARCH[1]


def test_comparisons_of_two_data_sets_are_one_report(folder, tmp_path):
    other = tmp_path / "digits"
    search = [[0.1, 0.2], [0.3, 0.4]]
    methods = {"a": tuned_folder.method(other, "a", search=search, final=final([0.5, 0.4, 0.3]))}
    tuned_folder.write(other, methods, seeds=3, dataset="digits")
    console = Console(file=io.StringIO(), width=200)
    report_tuned([folder, other], console=console)
    rows = pd.read_csv(folder / "report" / "methods.csv")
    assert list(zip(rows.dataset, rows.method, strict=True)) == [("ring", "a"), ("ring", "b"), ("digits", "a")]
    assert rows["median"][2] == 0.4
    assert set(pd.read_csv(folder / "report" / "results.csv").dataset) == {"ring", "digits"}
    page = (folder / "report" / "index.html").read_text()
    assert "Methods on ring" in page
    assert "Methods on digits" in page


def test_a_better_method_is_called_so(folder):
    text = sentences(folder)
    assert "a has the lowest median (0.195, 20 seeds) and is better than b." in text
    assert "Failed final runs: b (2 of 20)" in text
    pair = pd.read_csv(folder / "report" / "comparisons.csv") if report(folder) else None
    assert pair.p_better[0] == 1.0
    assert pair.decision[0] == "better"


def test_methods_that_win_in_turn_are_alike(tmp_path):
    values = np.linspace(0.1, 0.3, 40)
    other = values + np.where(np.arange(40) % 2, 0.001, -0.001)
    methods = {
        name: tuned_folder.method(tmp_path, name, search=SEARCH, final=final(scores))
        for name, scores in {"a": values, "b": other}.items()
    }
    tuned_folder.write(tmp_path, methods, seeds=40)
    assert "are alike" in sentences(tmp_path)


def test_what_few_seeds_cannot_decide_is_open_and_says_how_many_could(tmp_path):
    scores = {"a": [0.1, 0.2, 0.3, 0.4], "b": [0.2, 0.3, 0.4, 0.3]}
    methods = {
        name: tuned_folder.method(tmp_path, name, search=SEARCH, final=final(values)) for name, values in scores.items()
    }
    tuned_folder.write(tmp_path, methods, seeds=4)
    text = sentences(tmp_path)
    assert "Open: a against b, P(better) = 0.75" in text
    assert "seeds would decide it" in text


def test_methods_at_the_floor_are_said_to_be_too_good_for_the_data(tmp_path):
    methods = {
        name: tuned_folder.method(tmp_path, name, search=SEARCH, final=final(np.linspace(0.01, 0.03, 8)))
        for name in ("a", "b")
    }
    tuned_folder.write(tmp_path, methods, seeds=8, floor=[0.02, 0.04])
    assert "a and b lie at this floor: these data cannot tell them apart." in sentences(tmp_path)


def test_a_search_alone_gives_what_it_knows_and_the_command(tmp_path):
    methods = {"a": tuned_folder.method(tmp_path, "a", search=SEARCH)}
    tuned_folder.write(tmp_path, methods, seeds=8)
    printed = report(tmp_path)
    assert "The selection is not over for a." in printed
    assert "steadygan sweep tuned" in printed
    assert len(pd.read_csv(tmp_path / "report" / "results.csv")) == 8


def test_a_search_that_failed_altogether_says_so(tmp_path):
    methods = {name: tuned_folder.method(tmp_path, name, search=[[None, None]] * 4) for name in ("a", "b")}
    tuned_folder.write(tmp_path, methods, seeds=8)
    printed = report(tmp_path)
    assert "a: all runs of the search failed" in printed
    assert "b: all runs of the search failed" in printed


def test_the_score_is_read_at_the_length_of_the_search_however_long_the_table_is(tmp_path):
    scores = {each: each / 1000 for each in range(1, 2 * T + 1)}
    tuned_folder.write_run(tmp_path / "final", ["method=a", *tuned_folder.setting(1e-3), "seed=1000"], scores)
    node = {
        "overrides": ["method=a"],
        "space": tuned_folder.SPACE,
        "candidates": [],
        "tuned": tuned_folder.setting(1e-3),
    }
    tuned_folder.write(tmp_path, {"a": node}, seeds=1)
    (record,) = read(tmp_path).records
    assert (record.score, record.longer) == (1.0, 2.0)
    assert len(record.run.curves["metric/wasserstein"][0]) <= CURVE_POINTS + 1
    assert np.isnan(value_at(record.run, "wasserstein", 3 * T))


def test_settings_at_an_edge_of_their_range_are_named():
    def at(lr, n_critic):
        return edges({"space": tuned_folder.SPACE, "tuned": tuned_folder.setting(lr, n_critic)})

    assert at(1e-3, 2) == []
    assert at(1.2e-4, 2) == ["optimizer.generator.lr=0.00012"]  # log10(1.2) / 2 = 0.04 of the range
    assert at(1.3e-4, 2) == []  # 0.057
    assert at(9e-3, 5) == ["optimizer.generator.lr=0.009", "game.n_critic=5"]
    assert edges({"space": {"game.n_critic": "choice(1,5)"}, "tuned": ["game.n_critic=5"]}) == []


def test_each_stage_and_method_has_its_cost(folder):
    report(folder)
    rows = pd.read_csv(folder / "report" / "cost.csv").set_index(["stage", "method"])
    assert rows.loc[("search", "a"), ["runs", "completed", "diverged", "iterations"]].tolist() == [8, 7, 1, 8 * T]
    assert rows.loc[("final", "b"), ["runs", "diverged", "seconds"]].tolist() == [20, 2, 40.0]


def test_what_longer_training_loses_is_said(folder):
    assert "Trained on for as long again, a and b lost in most seeds what had been reached." in sentences(folder)


def test_results_to_keep_are_a_page_with_figures_and_tables(folder, tmp_path):
    target = tmp_path / "kept"
    report_tuned([folder], console=Console(file=io.StringIO()), results=target)
    page = (target / "README.md").read_text()
    figures = re.findall(r"\]\((\w+\.svg)\)", page)
    assert {"final.svg", "pairs.svg", "best_of_k.svg"} <= set(figures)
    assert all((target / name).read_text().lstrip().startswith("<?xml") for name in figures)
    assert "| a | 0.195 |" in page
    assert "is better than b" in page
    assert "| ring | search | 16 | 0.01 |" in page  # 16 runs of 2 s
    assert "- torch: 2.14" in page
    assert "steadygan sweep tuned" in page
    assert "\nsteadygan sweep tuned method=a,b\n" in page, "a place of one machine is left out"
    for name in ("methods", "comparisons", "cost", "results"):
        assert (target / f"{name}.csv").read_text() == (folder / "report" / f"{name}.csv").read_text()


def test_the_table_on_the_terminal_fits_into_80_columns(folder):
    console = Console(file=io.StringIO(), width=80)
    report_tuned([folder], console=console)
    lines = console.file.getvalue().splitlines()
    row = next(line for line in lines if line.split()[:2] == ["a", "0.195"]).split()
    assert row[4:] == ["0.175", "100", "%", "–", "0", "0.8"]  # above the floor, criterion, baseline, failed, published
    assert next(line for line in lines if line.split()[:2] == ["b", "0.59"]).split()[-2:] == ["2", "–"]
    assert "a: G lr 0.000562341, n_critic 2" in lines
    assert not any("…" in line for line in lines)
