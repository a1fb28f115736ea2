"""The share of settings that meet the success criterion: threshold, interval, maps, and what a reader finds."""

import io
import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from rich.console import Console
from scipy import special

from steadygan.common.errors import UserError
from steadygan.figures.page import plot
from steadygan.report import report
from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.report.plots.maps import share_map
from steadygan.report.plots.share_maps import maps
from steadygan.report.shares import meets_threshold, ranked, sentences, shares, words
from steadygan.runs.threshold import Bound
from steadygan.statistics.proportion import proportion_interval

THRESHOLD = (Bound("modes", 90, percent=True), Bound("high_quality", 0.8))
OF_8 = {"modes": {"most": {"modes": 8, "high_quality": 1}}}
OF_25 = {"modes": {"most": {"modes": 25, "high_quality": 1}}}
GOOD, FEW, POOR = ({"modes": modes, "high_quality": quality} for modes, quality in ((8, 0.8), (7, 1.0), (8, 0.79)))
KEYS = ["rate", "speed", "beta"]


def one(path, make_run, finals, status="completed", provenance=OF_8):
    make_run(path, "run", method="r1", seed=0, finals=finals, status=status, provenance=provenance)
    return collect([path]).runs[0]


@pytest.mark.parametrize(
    ("finals", "status", "provenance", "expected"),
    [
        (GOOD, "completed", OF_8, True),  # 8 >= 7.2, 0.8 >= 0.8
        (FEW, "completed", OF_8, False),  # 7 < 7.2
        (POOR, "completed", OF_8, False),
        ({"modes": 23, "high_quality": 0.9}, "completed", OF_25, True),  # 23 >= 22.5
        ({"modes": 22, "high_quality": 0.9}, "completed", OF_25, False),
        ({"modes": 9, "high_quality": 0.9}, "completed", {"modes": {"most": {"modes": 10}}}, True),  # to the bit
        ({"modes": 8, "high_quality": None}, "completed", OF_8, False),  # not finite
        (GOOD, "diverged", OF_8, False),
        ({}, "diverged", {}, False),
        (GOOD, "failed", OF_8, False),
        (GOOD, "running", OF_8, None),
        ({"modes": 8}, "completed", OF_8, None),  # not measured
        ({"modes": 8, "high_quality": 0.1}, "completed", {}, False),  # fails whatever the number of modes
        (GOOD, "completed", {}, None),  # of nobody knows how many
    ],
)
def test_a_run_against_the_threshold(tmp_path, make_run, finals, status, provenance, expected):
    assert meets_threshold(one(tmp_path, make_run, finals, status, provenance), THRESHOLD) is expected


def test_less_is_better_for_some(tmp_path, make_run):
    run = one(tmp_path, make_run, {"kl": 0.1, "fid": 5.0, "high_quality": 0.5})
    assert meets_threshold(run, (Bound("kl", 0.1),)) is True
    assert meets_threshold(run, (Bound("kl", 0.09),)) is False
    assert words((Bound("kl", 0.1), *THRESHOLD), [run]) == "kl ≤ 0.1 and modes ≥ 90 % and high_quality ≥ 0.8"


@pytest.mark.parametrize(("trained", "total"), [(0, 10), (3, 10), (61, 128), (128, 128)])
def test_the_interval_is_that_of_clopper_and_pearson(trained, total):
    """By the quantiles of beta distributions."""
    low = special.betaincinv(trained, total - trained + 1, 0.025) if trained else 0
    high = special.betaincinv(trained + 1, total - trained, 0.975) if trained < total else 1
    assert proportion_interval(trained, total) == pytest.approx((low, high), abs=1e-9)
    assert all(np.isnan(proportion_interval(0, 0)))


@pytest.fixture
def grid(tmp_path, make_run):
    """r1 on 2 rates x 3 speeds x 2 betas, one method of another name on a part of it; 8 and 25 modes."""
    ends = {
        (1, 1, 0): GOOD, (1, 2, 0): FEW, (1, 3, 0): "diverged",
        (2, 1, 0): GOOD, (2, 2, 0): GOOD, (2, 3, 0): "running",
        (1, 1, 0.5): POOR, (1, 2, 0.5): FEW, (1, 3, 0.5): "failed",
        (2, 1, 0.5): POOR, (2, 2, 0.5): {"modes": 0, "high_quality": 0.0}, (2, 3, 0.5): "diverged",
    }  # fmt: skip
    root = tmp_path / "sweep"
    for (rate, speed, beta), end in ends.items():
        add(make_run, root, "r1", "ring", rate, speed, beta, end, OF_8)
    for rate, speed in itertools.product((1, 2), (1, 2)):
        add(make_run, root, "r1", "grid", rate, speed, 0, {"modes": 20, "high_quality": 1.0}, OF_25)
        add(make_run, root, "wgan", "ring", rate, speed, 0, GOOD, OF_8)
    about = {"name": "mine", "question": "Where?", "swept": {key: [] for key in ["method", *KEYS]}}
    about["threshold"] = {"modes": "90 %", "high_quality": 0.8}
    (root / "sweep.yaml").write_text(yaml.safe_dump(about, sort_keys=False))
    return root


def add(make_run, root, method, data, rate, speed, beta, end, provenance):
    lost = isinstance(end, str)
    make_run(root, f"{method}-{data}-{rate}-{speed}-{beta}", method=method, seed=0, provenance=provenance,
             finals={} if lost else end, status=end if lost else "completed", curves={"metric/modes": [1.0, 2.0]},
             label=f"{method} dataset={data} rate={rate} speed={speed} beta={beta}", overrides=[f"method={method}"],
             config={"method": method, "dataset": {"_target_": data, f"size_{data}": 1}, "rate": rate, "speed": speed,
                     "beta": beta, "twin": {"of": beta}})  # fmt: skip


def found(root):
    sweep = collect([root])
    return sweep, ranked(shares(group_runs(sweep.runs), sweep.threshold, sweep.swept))


def test_shares_of_a_grid(grid):
    sweep, all_shares = found(grid)
    table = {each.name: (each.succeeded, each.total, each.diverged, each.open, each.share) for each in all_shares}
    (ring,) = (name for name in table if name.startswith("r1") and "ring" in name)
    (other,) = (name for name in table if name.startswith("r1") and "grid" in name)
    assert table == {"wgan": (4, 4, 0, 0, 1.0), ring: (3, 11, 3, 1, 3 / 11), other: (0, 4, 0, 0, 0.0)}
    assert [each.name for each in all_shares] == ["wgan", ring, other]
    (said,) = sentences(all_shares, sweep.threshold, sweep.runs)
    assert said == (
        "The largest share of settings meets the success criterion with wgan "
        "(4 of 4, 100 %; 95 % interval 40 % to 100 %)."
    )  # of the other data set none does


def test_leaders_that_tie_are_named_together_and_none_is_said(grid):
    sweep, all_shares = found(grid)
    (wgan,) = (each for each in all_shares if each.name == "wgan")
    twin = replace(wgan, name="twin")
    (said,) = sentences([wgan, twin], sweep.threshold, sweep.runs)
    assert said.startswith(
        "The largest share of settings meets the success criterion with twin and wgan (4 of 4, 100 % each; "
    )
    lost = [each for each in all_shares if each.succeeded == 0]
    assert lost
    assert sentences(lost, sweep.threshold, sweep.runs) == ["No setting meets the success criterion."]


def test_more_than_half_of_the_seeds_have_to_train(tmp_path, make_run):
    for gamma, ends in ((1, [GOOD, GOOD, FEW]), (2, [GOOD, FEW]), (3, [GOOD, "diverged"])):
        for seed, end in enumerate(ends):
            lost = isinstance(end, str)
            make_run(tmp_path, f"{gamma}-{seed}", method="r1", seed=seed, finals={} if lost else end,
                     status=end if lost else "completed", provenance={} if lost else OF_8,
                     config={"gamma": gamma})  # fmt: skip
    (share,) = shares(group_runs(collect([tmp_path]).runs), THRESHOLD)
    assert (share.name, share.succeeded, share.total, share.diverged) == ("r1", 1, 3, 1)
    assert [each.succeeded for each in share.settings] == [2, 1, 1]
    assert [each.score for each in share.settings] == [1.0, 7.5 / 8, -np.inf]


def test_a_number_of_modes_that_was_not_recorded_is_said(tmp_path, make_run):
    run = one(tmp_path, make_run, GOOD, provenance={})
    (share,) = shares(group_runs([run]), THRESHOLD)
    assert (share.total, share.open) == (0, 1)
    assert "largest possible value of modes was not recorded" in sentences([share], THRESHOLD, [run])[0]


def test_the_cells_of_the_maps(grid):
    sweep, all_shares = found(grid)
    wgan, r1 = maps(all_shares, "modes", sweep.swept)
    assert (r1.name, r1.x_key, r1.y_key, r1.x, r1.y) == ("r1", "rate", "speed", (1, 2), (1, 2, 3))
    assert r1.relative
    assert r1.columns == 2
    assert len(wgan.panels) == 1
    panels = {(("ring" in panel.title), ("0.5" in panel.title)): panel for panel in r1.panels}
    nan = np.nan
    np.testing.assert_array_equal(panels[True, False].score, [[1, 1], [7 / 8, 1], [nan, nan]])
    assert panels[True, False].marks.tolist() == [["●", "●"], ["", "●"], ["×", ""]]
    np.testing.assert_array_equal(panels[True, True].score, [[1, 1], [7 / 8, 0], [nan, nan]])
    assert panels[True, True].marks.tolist() == [["", ""], ["", ""], ["×", "×"]]
    np.testing.assert_array_equal(panels[False, False].score, [[0.8, 0.8], [0.8, 0.8], [nan, nan]])
    assert panels[True, False].hover[2].tolist() == [
        "succeeds with 0 of 1 seeds, 1 diverged or failed; final modes –", "not finished; final modes –",
    ]  # fmt: skip
    assert "succeeds with 1 of 1 seeds; final modes 8" in panels[True, False].hover[0]


def test_maps_have_one_scale_and_no_empty_panel(tmp_path, make_run):
    """FIDs from 1 to 8 and from 10 to 80; r2 was tried with one beta alone and at the other is still running."""
    for name, factor in (("r1", 1), ("r2", 10)):
        for rate, speed, beta in itertools.product((1, 2), (1, 2), (1, 2)):
            running = name == "r2" and beta == 2
            make_run(tmp_path, f"{name}{rate}{speed}{beta}", method=name, seed=0,
                     finals={"fid": factor * rate * speed * beta},
                     status="running" if running else "completed",
                     config={"method": name, "rate": rate, "speed": speed, "beta": beta})  # fmt: skip
    found = maps(shares(group_runs(collect([tmp_path]).runs), (Bound("fid", 5.0),)), "fid", KEYS)
    assert {item.name: len(item.panels) for item in found} == {"r1": 2, "r2": 1}
    assert {item.scale for item in found} == {(1, 40)}
    for item in found:
        axis = plot(share_map(item, "min")).layout.coloraxis
        assert (axis.cmin, axis.cmax) == (1, 40)


def test_a_threshold_of_other_metrics_judges_nobody(tmp_path, make_run):
    make_run(tmp_path, "a", method="a", seed=0, finals={"fid": 3.0})
    make_run(tmp_path, "b", method="a", seed=1, status="diverged")
    (tmp_path / "sweep.yaml").write_text("threshold: {modes: 8}\n")
    _, page, said = show(tmp_path)
    assert not re.search("No run succeeded|No setting|settings that meet", said)
    assert "Whether runs meet the success criterion (modes: 8) is not known" in page


def test_where_no_run_meets_the_threshold_nothing_trained(tmp_path, make_run):
    for index, name in enumerate("ab"):
        make_run(tmp_path, name, method=name, seed=0, finals={"modes": 3 + index}, provenance=OF_8)
    (tmp_path / "sweep.yaml").write_text("threshold: {modes: 8}\n")
    assert "No run succeeded: none ends with modes ≥ 8." in show(tmp_path)[2]


def test_one_swept_number_has_a_share_but_no_map(tmp_path, make_run):
    for gamma in (1, 2):
        make_run(tmp_path, f"{gamma}", method="r1", seed=0, finals=GOOD, provenance=OF_8, config={"gamma": gamma})
    all_shares = shares(group_runs(collect([tmp_path]).runs), THRESHOLD)
    assert [(each.succeeded, each.total) for each in all_shares] == [(2, 2)]
    assert maps(all_shares, "modes") == []


def show(root):
    out = io.StringIO()
    index = report([root], console=Console(file=out, width=200))
    return index, index.read_text(), out.getvalue()


def test_what_a_reader_finds(grid):
    index, page, said = show(grid)
    section = page[page.index('<section id="trains"') : page.index('<section id="ranking"')]
    assert "modes ≥ 90 % and high_quality ≥ 0.8" in section
    assert re.search(
        r'wgan</th><td class="number" data-value="4">4</td><td class="number" data-value="4">4</td>', section
    )
    assert "40 % to 100 %" in section
    figures = [json.loads(text) for text in re.findall(r'application/json">(.*?)</script>', section)]
    maps_of = [figure for figure in figures if figure["data"][0]["type"] == "heatmap"]
    # r1 on the grid of modes, which was not tried with another beta; then wgan and r1 on the ring.
    assert [len(figure["data"]) for figure in maps_of] == [1, 1, 2]
    assert ["×", ""] in maps_of[2]["data"][0]["text"]
    assert 'href="#trains"' in page
    frame = pd.read_csv(index.parent / "results.csv").set_index("run")["trains"]
    assert frame["r1-ring-1-1-0"] == True  # noqa: E712
    assert frame["r1-ring-1-3-0"] == False  # noqa: E712
    assert np.isnan(frame["r1-ring-2-3-0"])
    assert frame.sum() == 7
    plots = index.parent / "plots"
    names = {str(path.relative_to(plots)) for path in plots.rglob("trains*.png")}
    assert names == {"ring/trains.png", "ring/trains_map_0_wgan.png", "ring/trains_map_1_r1.png",
                     "grid/trains.png", "grid/trains_map_0_r1.png"}  # fmt: skip
    for name in names:
        with Image.open(index.parent / "plots" / name) as picture:
            assert len(picture.convert("L").getcolors()) > 4
    assert "success criterion: modes ≥ 90 % and high_quality ≥ 0.8" in said
    assert re.search(r"wgan\W+4\W+4\W+100 %\W+40 % to 100 %", said)


def test_without_a_threshold_there_is_none_of_it(grid):
    about = yaml.safe_load((grid / "sweep.yaml").read_text())
    del about["threshold"]
    (grid / "sweep.yaml").write_text(yaml.safe_dump(about))
    index, page, said = show(grid)
    assert 'id="trains"' not in page
    assert "that train" not in page.split("<script>")[0] + said
    assert "trains" not in pd.read_csv(index.parent / "results.csv")
    assert not list((index.parent / "plots").glob("trains*"))


def test_a_broken_threshold_is_the_users_mistake(grid):
    (grid / "sweep.yaml").write_text("threshold: {modes: many}\n")
    with pytest.raises(UserError, match=r"hydra\.sweeper\.threshold\.modes=many"):
        show(grid)


def test_thousands_of_settings_make_a_page_that_can_be_read(tmp_path, make_run, monkeypatch):
    monkeypatch.setattr("steadygan.report.build.LISTED", 5)
    monkeypatch.setattr("steadygan.report.table._MOST_ROWS", 7)
    monkeypatch.setattr("steadygan.report.table._BEST", 3)
    for gamma in range(8):
        make_run(tmp_path, f"g{gamma}", method="r1", seed=0, finals={"modes": gamma}, provenance=OF_8,
                 config={"gamma": gamma}, curves={"metric/modes": [1.0, gamma]})  # fmt: skip
    index, page, said = show(tmp_path)
    ranking = page[page.index('<section id="ranking"') : page.index('<section id="curves"')]
    assert re.findall(r"r1 gamma=(\d)", ranking) == ["7", "6", "5", "4", "3"]
    assert "the best 5 of 8" in ranking
    assert "too many to compare" in page
    assert "and 5 more: results.csv" in said
    assert len(re.findall(r"r1 gamma=\d", said.split("No verdict")[0])) == 3
    assert len(pd.read_csv(index.parent / "results.csv")) == 8
