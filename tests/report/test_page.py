"""The report as a whole: page, CSV, PNGs, table."""

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from steadygan.common.errors import UserError
from steadygan.report import report
from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.report.page import again, commands, duration
from steadygan.report.plots.bands import band
from steadygan.report.results import table
from steadygan.report.samples import galleries

EVIL = "<script>alert(1)</script>"
SECTIONS = ["verdict", "ranking", "curves", "swept", "ends", "samples", "failures", "cost", "oscillation", "provenance",
            "reproduce"]  # fmt: skip


class Page(HTMLParser):
    """What a browser would see: tags in order, text outside scripts, the scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.scripts, self._inside = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif not self._inside:
            self.text.append(data)


def make(path, **options):
    out = io.StringIO()
    index = report([path], console=Console(file=out, width=200), **options)
    return index, index.read_text(), out.getvalue()


@pytest.fixture
def sweep(tmp_path, make_run):
    """A sweep with everything in it, one method named like an attack."""
    root = tmp_path / "my sweep"
    curve = {"loss/generator": [1.0, 2.0, 3.0], "grad_norm/generator": [1.0, 1.0, 1.0], "metric/fid": ["", 9.0, 8.0]}
    for seed in range(3):
        make_run(root, f"evil-{seed}", method=EVIL, seed=seed, finals={"fid": 5.0 + seed}, curves=curve,
                 pictures={100: (255, 0, 0), 1000: (0, 10 * seed, 255)}, provenance={"fid": {"network": EVIL}},
                 overrides=["regularizer=[r1]", "note=a b"])  # fmt: skip
        for gamma in (0.1, 1.0):
            make_run(root, f"g{gamma}-{seed}", method="$r1", seed=seed, finals={"fid": gamma + seed / 7},
                     config={"gamma": gamma}, curves=curve)  # fmt: skip
    lost = make_run(root, "lost #1", method="_x", seed=0, status="failed", error="ValueError: <b>\nmore")
    (lost / "log.txt").write_text("Traceback: <i>boom</i>\n")
    make_run(root, "now", method="_x", seed=1, status="running", curves=curve)
    (root / "sweep.yaml").write_text("name: mine\nquestion: Does <r1> help?\ncommand: steadygan sweep mine\n")
    return root


def test_all_sections_are_there_with_the_question(sweep):
    index, text, _ = make(sweep)
    page = Page(text)
    assert index == sweep / "report" / "index.html"
    ids = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert ids == SECTIONS
    assert "Does <r1> help?" in page.text
    assert "steadygan sweep mine" in page.text
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_a_name_is_shown_and_never_run(sweep):
    _, text, _ = make(sweep)
    page = Page(text)
    assert text.count(EVIL) == 0
    assert any(EVIL in part for part in page.text)
    kinds = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    figures = [json.loads(script) for script, kind in zip(page.scripts, kinds) if kind == "application/json"]
    assert kinds.count(None) == 2
    assert len(figures) >= 6
    # Only ``meta``, which is not drawn, keeps the bare name.
    names = [trace.get("name", "") for figure in figures for trace in figure["data"]]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in names
    assert not any("<" in name for name in names)


def test_nothing_is_fetched(sweep):
    _, text, _ = make(sweep)
    page = Page(text)
    for tag, attrs in page.tags:
        for key in ("src", "href", "srcset", "action", "data"):
            value = attrs.get(key) or ""
            assert not re.match(r"(https?:)?//", value), (tag, value)
    own = text.replace(max(page.scripts, key=len), "")
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"data:image/png;base64,[\w+/=]+", "", own))
    assert "default-src 'none'" in text
    assert "showSendToCloud: false" in page.scripts[-1], "plotly's own button would upload the data"


def test_pictures_have_words_and_tables_heads(sweep):
    _, text, _ = make(sweep)
    tags = Page(text).tags
    assert tags[0] == ("html", {"lang": "en"}) or ("html", {"lang": "en"}) in tags
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    assert all("scope" in attrs for tag, attrs in tags if tag == "th")
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table")
    labels = {attrs.get("for") for tag, attrs in tags if tag == "label"}
    assert {attrs["id"] for tag, attrs in tags if tag == "input"} <= labels


def test_failed_and_running_runs_are_listed_with_a_link_that_works(sweep):
    _, text, _ = make(sweep)
    page = Page(text)
    words = " ".join(page.text)
    assert "ValueError: <b>" in words
    assert "Traceback: <i>boom</i>" in words
    assert "running" in words
    (link,) = [attrs["href"] for tag, attrs in page.tags if tag == "a" and attrs["href"].endswith("log.txt")]
    assert link == "../lost%20%231/log.txt"


def test_the_csv_reads_back_as_it_was_written(sweep):
    index, _, _ = make(sweep)
    written = table(group_runs(collect([sweep]).runs))
    back = pd.read_csv(index.parent / "results.csv", dtype=written.dtypes.to_dict())
    assert len(back) == 11
    pd.testing.assert_frame_equal(back, written, check_exact=True)
    assert back.set_index("run").loc["g0.1-1", "fid/final"] == 0.1 + 1 / 7


def test_pngs_are_pictures_and_old_ones_go(sweep):
    index, _, _ = make(sweep)
    folder = index.parent / "plots"
    found = {path.name for path in folder.iterdir()}
    assert {"metric_fid.png", "loss_generator.png", "swept_gamma.png", "best_against_final.png"} <= found
    for path in folder.iterdir():
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 2
    (folder / "stale.png").write_bytes(b"")
    make(sweep)
    assert {path.name for path in folder.iterdir()} == found


def test_the_terminal_shows_the_ranking_and_the_path(sweep):
    index, _, shown = make(sweep)
    lines = shown.splitlines()
    places = [
        next(i for i, line in enumerate(lines) if name in line) for name in ("$r1 gamma=0.1", "$r1 gamma=1", EVIL)
    ]
    assert places == sorted(places)
    assert lines[-1] == str(index)


@pytest.mark.parametrize(("width", "left_out"), [(200, set()), (76, {"gap"}), (70, {"gap", "area"})])
def test_a_narrow_terminal_has_fewer_columns_and_no_cut_ones(tmp_path, make_run, width, left_out):
    for seed in range(3):
        make_run(tmp_path, f"a{seed}", method="relativistic_r1_r2", seed=seed, finals={"fid": 47.06 + 5.5 * seed})
    console = Console(file=io.StringIO(), width=width)
    report([tmp_path], console=console)
    lines = console.file.getvalue().splitlines()
    head, row = (next(line for line in lines if line[:1] == edge) for edge in "┃│")
    names = head.replace("┃", " ").split()
    assert names == [
        name
        for name in ("#", "method", "median", "range", "best", "gap", "area", "seeds", "fail")
        if name not in left_out
    ]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert dict(zip(names, cells))["range"] == "47.06 to 58.06"
    assert dict(zip(names, cells))["fail"] == "0"


def test_the_same_files_give_the_same_page(sweep):
    assert make(sweep)[1] == make(sweep)[1]


def test_the_gallery_shows_the_median_seed(sweep):
    groups = group_runs(collect([sweep]).runs)
    (gallery,) = galleries(groups, "fid", "min")
    assert (gallery.run.seed, [frame.iteration for frame in gallery.frames]) == (1, [100, 1000])
    data = base64.b64decode(gallery.frames[-1].uri.partition(",")[2])
    assert Image.open(io.BytesIO(data)).convert("RGB").getpixel((3, 3)) == (0, 10, 255)


def test_pictures_stay_within_their_budget(tmp_path, make_run, monkeypatch):
    run = make_run(tmp_path, "a", method="a", seed=0, finals={"fid": 1.0}, pictures={1: 0})
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(run / "samples" / "2.png")
    (run / "samples" / "3.png").write_bytes(b"half")
    monkeypatch.setattr("steadygan.report.samples.BUDGET", 90_000)
    (gallery,) = galleries(group_runs(collect([tmp_path]).runs), "fid", "min")
    assert [frame.iteration for frame in gallery.frames] == [1, 2]
    assert 10_000 < len(gallery.frames[1].uri) < 42_000


def test_bands_are_over_the_seeds_that_are_there(tmp_path, make_run):
    for seed, values in enumerate(([1.0, 2.0, 3.0], [5.0, 6.0], [3.0, 9.0, 9.0])):
        make_run(tmp_path, str(seed), method="a", seed=seed, curves={"loss/generator": values})
    found = band(collect([tmp_path]).runs, "loss/generator", 300)
    np.testing.assert_array_equal(found.x, [100, 200, 300])
    np.testing.assert_array_equal(found.median, [3, 6, 6])
    np.testing.assert_array_equal(found.low, [1, 2, 3])
    np.testing.assert_array_equal(found.high, [5, 9, 9])


def test_commands_are_quoted_for_the_shell(sweep):
    lines = dict(commands(group_runs(collect([sweep]).runs)))[EVIL]
    assert lines[0] == "steadygan train 'regularizer=[r1]' 'note=a b' seed=0"


def test_runs_of_whose_overrides_nobody_says_that_they_are_all_go_by_their_folder(tmp_path, make_run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path, "of old", method="a", seed=0, options=None)
    make_run(tmp_path, "mine", method="a", seed=1, options=["--config-dir=/my conf"])
    ((_, lines),) = commands(group_runs(collect([tmp_path]).runs))
    assert lines == ["steadygan train --from 'of old'", "steadygan train '--config-dir=/my conf' method=a seed=1"]


def test_commands_that_go_by_folders_name_what_has_to_be_trusted(tmp_path, make_run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = {"regularizer": {"q": {"_target_": "my_gan.quartic"}, "r1": {"_target_": "steadygan.core.regularizers.r1"}}}
    make_run(tmp_path / "x", "a", method="a", seed=0, options=None, config=own)
    make_run(tmp_path / "x" / "y", "b", method="a", seed=1, config={"logger": {"_target_": "lightning.Logger"}})
    found = collect([tmp_path])
    assert again(found) == ["steadygan sweep --from x --trust my_gan.quartic", "steadygan sweep --from x/y"]
    lines = [line for _, lines in commands(group_runs(found.runs)) for line in lines]
    assert "steadygan train --from x/a --trust my_gan.quartic" in lines


def test_a_sweep_that_has_only_broken_runs_still_has_a_page(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "summary.json").write_text("{")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "config.yaml").write_text("seed: 1")
    _, text, _ = make(tmp_path)
    words = " ".join(Page(text).text)
    assert "unreadable" in words
    assert "no summary" in words
    assert "No verdict" in words


def test_a_sweep_without_runs_yet_and_a_foreign_folder(tmp_path):
    with pytest.raises(UserError):
        make(tmp_path)
    assert not (tmp_path / "report").exists()
    (tmp_path / "sweep.yaml").write_text("question: Why?")
    _, text, _ = make(tmp_path)
    assert "No verdict: there is no run yet." in text


def test_the_median_of_peak_memory_is_a_cost(tmp_path, make_run):
    for seed, peak in enumerate((700, 900, 800)):
        make_run(tmp_path, f"run-{seed}", method="r1", seed=seed, memory={"process_mb": peak})
    make_run(tmp_path, "gpu", method="r2", seed=0, memory={"process_mb": 900, "device_mb": 123})
    page = report([tmp_path], console=Console(file=io.StringIO())).read_text()
    cost = page[page.index('id="cost"') : page.index('id="oscillation"')]
    assert '"800.0"' in cost
    assert '"123.0"' in cost
    frame = pd.read_csv(tmp_path / "report" / "results.csv")
    assert sorted(frame["memory_mb"]) == [123, 700, 800, 900]


def test_durations():
    assert [duration(x) for x in (None, 2.5, 75, 3660)] == ["–", "2.5 s", "1 min 15 s", "1 h 1 min"]


def test_the_report_needs_no_torch():
    heavy = ("torch", "lightning", "hydra", "omegaconf")
    code = f"import sys, steadygan.report; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
