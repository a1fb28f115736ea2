"""Two data sets in one report: never pooled, never unnamed."""

import io
import json
import re

import pandas as pd
import pytest
from rich.console import Console

from steadygan.data.stored import UNSIGNED
from steadygan.report import report
from steadygan.report.collect import collect
from steadygan.report.datasets import UNKNOWN, by_dataset
from steadygan.report.groups import group_runs

RING = {"_target_": "steadygan.data.mixtures.Ring", "modes": 8}
GRID = {"_target_": "steadygan.data.mixtures.Grid", "side": 5}


def split(path):
    return {name: sorted(run.name for run in runs) for name, runs in by_dataset(collect([path]).runs).items()}


def add(make_run, root, name, dataset, overrides=(), method="r1", seed=0, **more):
    return make_run(root, name, method=method, seed=seed, config={"dataset": dataset, **more.pop("settings", {})},
                    overrides=[f"method={method}", *overrides], **more)  # fmt: skip


def test_names_come_from_options_and_classes(tmp_path, make_run):
    add(make_run, tmp_path, "a", RING)
    add(make_run, tmp_path, "b", GRID, ["dataset=lattice"])
    assert split(tmp_path) == {"lattice": ["b"], "ring": ["a"]}


def test_one_class_with_two_settings_is_two_data_sets(tmp_path, make_run):
    add(make_run, tmp_path, "a", RING)
    add(make_run, tmp_path, "b", RING | {"modes": 25})
    add(make_run, tmp_path, "c", RING | {"modes": 8.0}, seed=1)
    assert split(tmp_path) == {"ring modes=8": ["a", "c"], "ring modes=25": ["b"]}


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("steadygan.data.folder.ImageFolder", {"image_folder root=/cats": ["a"], "image_folder root=/dogs": ["b"]}),
        ("steadygan.data.mnist.MNIST", {"mnist": ["a", "b"]}),  # wherever it is stored
    ],
)
def test_folders_of_ones_own_are_told_apart_by_their_place(tmp_path, make_run, target, names):
    add(make_run, tmp_path, "a", {"_target_": target, "root": "/cats"})
    add(make_run, tmp_path, "b", {"_target_": target, "root": "/dogs"}, seed=1)
    assert split(tmp_path) == names


def test_how_images_are_held_makes_no_other_data_set_and_no_other_method(tmp_path, make_run):
    held = {"workers": 1, "keep": "memory", "prefetch": True, "corrupt": "refuse", "download": False}
    assert set(held) == set(UNSIGNED) - {"root", "num_data"}
    folder = {"_target_": "steadygan.data.folder.ImageFolder", "root": "/cats"}
    add(make_run, tmp_path, "a", folder | held)
    others = {"workers": 8, "keep": "disk", "prefetch": False, "corrupt": "skip", "download": True}
    add(make_run, tmp_path, "b", folder | others, seed=1)
    assert split(tmp_path) == {"image_folder": ["a", "b"]}
    assert [len(group.runs) for group in group_runs(collect([tmp_path]).runs)] == [2]


def test_a_run_that_does_not_say_joins_its_label_or_stays_apart(tmp_path, make_run):
    add(make_run, tmp_path, "a", RING, label="r1 dataset=ring")
    (add(make_run, tmp_path, "b", RING, seed=1, label="r1 dataset=ring") / "config.yaml").write_text("{")
    assert split(tmp_path) == {"ring": ["a", "b"]}
    add(make_run, tmp_path, "c", GRID, label="r1 dataset=grid")
    assert split(tmp_path) == {"grid": ["c"], "ring": ["a", "b"]}
    (add(make_run, tmp_path, "d", GRID, method="wgan", label="wgan") / "config.yaml").write_text("{")
    assert split(tmp_path) == {"grid": ["c"], "ring": ["a", "b"], UNKNOWN: ["d"]}


@pytest.fixture
def both(tmp_path, make_run):
    """r1 is best on the ring and last on images, which have another metric."""
    digits = {"_target_": "steadygan.data.digits.Digits"}
    for seed in range(3):
        for index, method in enumerate(("r1", "wgan")):
            curve = {"metric/modes": [1.0, 8.0 - index]}
            add(make_run, tmp_path, f"{method}-ring-{seed}", RING, method=method, seed=seed, curves=curve,
                finals={"modes": 8.0 - index})  # fmt: skip
            add(make_run, tmp_path, f"{method}-digits-{seed}", digits, method=method, seed=seed,
                curves={"metric/fid": [90.0, 9.0]}, finals={"fid": 30.0 - 10 * index})  # fmt: skip
    make_run(tmp_path, "lost", method="r1", seed=3, status="failed", config={"dataset": digits})
    return tmp_path


def test_each_data_set_has_its_own_ranking_everywhere(both):
    out = io.StringIO()
    index = report([both], console=Console(file=out, width=150))
    page = index.read_text()
    ranking = page[page.index('<section id="ranking"') : page.index('<section id="curves"')]
    assert re.findall(r"<h3>(digits|ring)</h3>", ranking) == ["digits", "ring"]
    digits, ring = ranking.split("<h3>ring</h3>")
    assert re.findall(r"</svg>\s*(r1|wgan)</th>", digits)[:2] == ["wgan", "r1"]
    assert re.findall(r"</svg>\s*(r1|wgan)</th>", ring)[:2] == ["r1", "wgan"]
    verdict = page[page.index('id="verdict"') : page.index("</section>")]
    assert "wgan has the best median fid (20, 3 seeds)" in verdict
    assert "r1 has the best median modes (8, 3 seeds)" in verdict
    assert verdict.index("<h3>digits</h3>") < verdict.index("fid (20") < verdict.index("<h3>ring</h3>")
    assert "digits: r1" in page[page.index('id="failures"') : page.index('id="cost"')]
    said = out.getvalue()
    assert said.index("digits:") < said.index("best median fid") < said.index("ring:") < said.index("best median modes")
    frame = pd.read_csv(index.parent / "results.csv")
    assert frame.groupby("dataset").size().to_dict() == {"digits": 7, "ring": 6}


def test_every_plot_says_its_data_set(both):
    index = report([both], console=Console(file=io.StringIO()))
    names = {str(path.relative_to(index.parent / "plots")) for path in (index.parent / "plots").rglob("*.png")}
    assert {"ring/metric_modes.png", "digits/metric_fid.png"} <= names
    figures = [json.loads(text) for text in re.findall(r'application/json">(.*?)</script>', index.read_text())]
    curves = [figure["layout"]["yaxis"]["title"].get("text", "") for figure in figures]
    assert {"modes on ring", "fid on digits"} <= set(curves)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", index.read_text())
    assert captions
    assert all(" on ring" in text or " on digits" in text for text in captions)


def test_a_swept_number_of_the_data_is_one_line_and_no_ranking(tmp_path, make_run):
    for sigma, modes in ((0.02, 3.0), (0.05, 6.0)):
        for seed in range(2):
            add(make_run, tmp_path, f"{sigma}-{seed}", RING | {"sigma": sigma}, seed=seed, finals={"modes": modes},
                curves={"metric/modes": [1.0, modes]})  # fmt: skip
    index = report([tmp_path], console=Console(file=io.StringIO()))
    page = index.read_text()
    assert "modes against dataset.sigma" in page
    assert (index.parent / "plots" / "swept_dataset.sigma.png").is_file()
    start = page.index('<section id="swept"')
    (figure,) = re.findall(r'application/json">(.*?)</script>', page[start : page.index("</section>", start)])
    assert [trace["y"] for trace in json.loads(figure)["data"] if trace["mode"] == "lines+markers"] == [[3.0, 6.0]]
    assert "One method, nothing to compare" in page
