"""Finding and reading runs, whatever state their files are in."""

import io

import numpy as np
import pytest
from rich.console import Console

from steadygan.common.errors import UserError
from steadygan.report import report
from steadygan.report.collect import NO_SUMMARY, UNREADABLE, collect
from steadygan.runs.files import find_runs


def test_a_missing_folder_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match=r"absent.*no such folder(.|\n)*summary\.json"):
        collect([tmp_path / "absent"])


def test_a_file_an_empty_and_a_foreign_folder_are_users_mistakes(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match=r"sweep folder holds one folder for each run"):
            collect([path])


def test_runs_are_found_to_depth_three_but_not_in_report_nor_inside_runs(tmp_path, make_run):
    wanted = [
        make_run(tmp_path / "a" / "b", "deep", method="r1", seed=0),
        make_run(tmp_path, "top", method="r1", seed=1),
    ]
    make_run(tmp_path / "a" / "b" / "c", "too_deep", method="r1", seed=2)
    make_run(tmp_path / "report", "old", method="r1", seed=3)
    make_run(tmp_path / "top" / "wandb", "files", method="r1", seed=4)
    assert sorted(find_runs(tmp_path)) == sorted(wanted)


def test_a_run_folder_is_a_sweep_of_one(tmp_path, make_run):
    run = make_run(tmp_path, "one", method="r1", seed=3, finals={"fid": 2.0})
    (found,) = collect([run]).runs
    assert (found.name, found.method, found.seed, found.scores["fid"].final) == ("one", "r1", 3, 2.0)


def test_broken_files_become_states(tmp_path, make_run):
    for name in ("half", "config", "binary"):
        make_run(tmp_path, name, method="r1", seed=0, finals={"fid": 1.0}, curves={"loss/generator": [1.0, 2.0]})
    (tmp_path / "half" / "summary.json").write_text('{"status": "comp')
    (tmp_path / "half" / "config.yaml").write_text("a: [1, {")
    (tmp_path / "config" / "summary.json").unlink()
    (tmp_path / "binary" / "summary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "binary" / "metrics.csv").write_bytes(b"\xff\xfe\x00\n\x00\n")
    states = {run.name: run.status for run in collect([tmp_path]).runs}
    assert states == {"half": UNREADABLE, "config": NO_SUMMARY, "binary": UNREADABLE}


def test_summaries_with_the_old_key_of_the_provenance_are_read(tmp_path, make_run):
    run = make_run(tmp_path, "old", method="r1", seed=0)
    text = (
        (run / "summary.json").read_text().replace('"provenance": {}', '"passports": {"modes": {"most": {"modes": 8}}}')
    )
    (run / "summary.json").write_text(text)
    (found,) = collect([tmp_path]).runs
    assert (found.provenance, found.most) == ({"modes": {"most": {"modes": 8}}}, {"modes": 8.0})


def test_odd_values_in_a_summary_are_dropped(tmp_path, make_run):
    make_run(tmp_path, "odd", method="r1", seed=True, seconds="long", metrics={"fid": None, "kid": {"final": "x"}},
             oscillation=[1], provenance=3, versions=None)  # fmt: skip
    (run,) = collect([tmp_path]).runs
    assert (run.seed, run.seconds, run.oscillation, run.provenance) == (None, None, {}, {})
    assert run.scores["kid"].final is None


def test_curves_skip_empty_and_infinite_cells_and_a_torn_line(tmp_path, make_run):
    run = make_run(tmp_path, "r", method="r1", seed=0,
                   curves={"loss/generator": [1.5, "inf", "nan", 4.0], "metric/fid": ["", 7.0, "", 9.0]})  # fmt: skip
    with (run / "metrics.csv").open("a") as file:
        file.write("500,0,1.0,8")
    curves = collect([tmp_path]).runs[0].curves
    np.testing.assert_array_equal(curves["loss/generator"], [[100, 400], [1.5, 4.0]])
    np.testing.assert_array_equal(curves["metric/fid"], [[200, 400], [7.0, 9.0]])


def test_long_curves_are_thinned_and_keep_their_ends(tmp_path, make_run):
    make_run(tmp_path, "r", method="r1", seed=0, curves={"loss/generator": np.arange(1000.0).tolist()})
    x, y = collect([tmp_path]).runs[0].curves["loss/generator"]
    assert len(x) == 300
    assert (y[0], y[-1]) == (0.0, 999.0)
    np.testing.assert_array_equal(x, 100 * (y + 1))


def test_copies_of_a_run_count_once_the_furthest_one(tmp_path, make_run):
    make_run(tmp_path / "a", "r", method="r1", seed=0, signature="same", iteration=10)
    make_run(tmp_path / "b", "r", method="r1", seed=0, signature="same", iteration=20)
    (run,) = collect([tmp_path / "a", tmp_path / "b"]).runs
    assert run.iteration == 20


def test_what_cannot_be_read_or_is_left_out_is_said(tmp_path, make_run):
    first, second = tmp_path / "one", tmp_path / "two"
    make_run(first, "a", method="r1", seed=0, finals={"fid": 1.0}, signature="s")
    make_run(first, "b", method="r1", seed=1, finals={"fid": 1.0}, curves={"loss/generator": [1.0]})
    (first / "b" / "metrics.csv").write_bytes(b"\x00\xff,\n1,2\n")
    (first / "b" / "config.yaml").write_text("{")
    make_run(second, "c", method="r1", seed=0, finals={"fid": 1.0}, signature="s")
    (first / "sweep.yaml").write_text("a: [")
    (second / "sweep.yaml").write_text("threshold: {fid: 3}")
    found = collect([first, second])
    assert len(found.runs) == 2
    text = "\n".join(found.notes)
    assert f"{first / 'sweep.yaml'} cannot be read" in text
    assert "config.yaml cannot be read in 1 of 2 runs: b." in text
    assert "metrics.csv cannot be read in 1 of 2 runs: b." in text
    assert "1 run is a copy" in text
    assert f"threshold of {second / 'sweep.yaml'} is not used" in text
    out = io.StringIO()
    page = report([first, second], console=Console(file=out, width=200)).read_text()
    assert "1 run is a copy" in out.getvalue()
    assert "config.yaml cannot be read in 1 of 2 runs" in page


def test_whole_folders_have_no_notes(tmp_path, make_run):
    make_run(tmp_path, "a", method="r1", seed=0, curves={"loss/generator": [1.0]})
    (tmp_path / "a" / "metrics.csv").write_text("iteration,seconds\n")
    assert collect([tmp_path]).notes == ()
