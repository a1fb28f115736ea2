"""``steadygan report``: from folders of runs to the page, the CSV, the PNGs and the table on the terminal."""

import webbrowser
from pathlib import Path

from rich.console import Console

from steadygan import files
from steadygan.report import pictures, plots, results, share_pictures, share_plots
from steadygan.report.bands import columns
from steadygan.report.collect import Sweep, collect
from steadygan.report.groups import Group, group_runs
from steadygan.report.page import Content, Plot, render
from steadygan.report.palette import Style, styles
from steadygan.report.reached import reached
from steadygan.report.samples import galleries
from steadygan.report.share_maps import maps as share_maps
from steadygan.report.shares import Share, ranked, sentences, shares, unmet, words
from steadygan.report.statistics import BASELINE, Comparisons, Row, compare, direction_of, metric_names, rank
from steadygan.report.swept import sweeps
from steadygan.report.table import show_reached, show_shares, show_table
from steadygan.report.verdict import notes, obstacle, verdict

FOLDER = "report"
_SHOWN_AT_FIRST = 8
LISTED = 200
"""Methods that the page's tables and curves show, the best ones; a sweep of thousands is read by its shares."""
_DRAWN = 40
_SIGNALS = ("grad_norm/", "penalty/", "logits/", "rule/")
_PICTURED = ("rule/",)
"""Signals that are drawn as PNGs, too."""


def report(directories: list[Path], open_page: bool = False, console: Console | None = None) -> Path:
    """Write ``DIR/report/`` (of the first folder) and print the ranking; returns the path of ``index.html``.

    Args:
        directories: sweep folders, or folders of single runs; their runs are compared together.
        open_page: show the page in the browser.
        console: where the table goes; standard output unless given.

    Raises:
        UserError: a folder is missing, or holds no run and no ``sweep.yaml``.
    """
    directories = [Path(directory) for directory in directories]
    console = console or Console()
    sweep = collect(directories)
    folder = directories[0] / FOLDER
    content = build(sweep, folder)
    results.write(results.table(content.groups, sweep.swept, sweep.threshold), folder / "results.csv")
    index = folder / "index.html"
    files.write_text(index, render(content, folder))
    if content.shares:
        show_shares(console, content.shares, content.threshold)
    if content.reached:
        show_reached(console, content.reached)
    show_table(console, content.rows, content.metric, content.direction, content.verdict, len(content.groups))
    console.print(str(index), soft_wrap=True, markup=False, highlight=False)
    if open_page:
        webbrowser.open(index.resolve().as_uri())
    return index


def build(sweep: Sweep, folder: Path) -> Content:
    """All numbers, words and pictures of the report; the PNGs are written to ``folder/plots``."""
    groups = group_runs(sweep.runs)
    names = metric_names(sweep.runs)
    metric = names[0] if names else None
    direction = direction_of(metric, sweep.runs) if metric else "min"
    rows = rank(groups, metric, direction)
    reason = obstacle(groups, metric) or _too_many(groups)
    tested = compare(rows, metric, direction, sweep.baseline or BASELINE) if metric and not reason else Comparisons()
    looks = styles([group.name for group in groups])
    shown = [row.group.name for row in rows[:_SHOWN_AT_FIRST]]
    listed = {row.group.name for row in rows[:LISTED]}
    drawn = [group for group in groups if group.name in listed]
    found = ranked(shares(groups, sweep.threshold, sweep.swept))
    fresh = _fresh(folder / "plots")
    return Content(
        sweep=sweep,
        groups=groups,
        metric=metric,
        direction=direction,
        verdict=[
            *(sentences(found, sweep.threshold, sweep.runs) if found else []),
            *verdict(rows, tested, metric, direction, reason, unmet(groups, sweep.threshold)),
        ],
        notes=notes(groups),
        rows=rows[:LISTED],
        listed=drawn,
        shares=found,
        threshold=words(sweep.threshold, sweep.runs),
        tested=tested,
        reached=reached(drawn),
        plots=[
            *_trains(found, sweep, fresh),
            *_curves(drawn, looks, shown, fresh),
            *(_against_seconds(drawn, metric, looks, shown, fresh) if metric else []),
            *(_numbers(sweep, groups, metric, direction, looks, fresh) if metric else []),
            *(_ends(rows[:_DRAWN], metric, direction, looks, fresh) if metric else []),
        ],
        galleries=galleries([row.group for row in rows[:LISTED]], metric, direction),
        styles=looks,
        shown=shown,
    )


def _too_many(groups: list[Group]) -> str:
    return f"{len(groups)} settings are too many to compare pair by pair." if len(groups) > LISTED else ""


def _fresh(folder: Path) -> Path:
    """The folder of the PNGs without those of an earlier report."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    return folder


def _trains(found: list[Share], sweep: Sweep, folder: Path) -> list[Plot]:
    if not any(each.total for each in found):
        return []
    share_pictures.shares(found, folder / "trains.png")
    plotted = [Plot("trains", "trains", "Share of settings that train", share_plots.shares(found))]
    metric = sweep.threshold[0].metric
    direction = direction_of(metric, sweep.runs)
    for index, item in enumerate(share_maps(found, metric, sweep.swept)):
        name = f"trains_map_{index}_{pictures.file_name(item.name)}"
        share_pictures.heat_map(item, direction, folder / f"{name}.png")
        plotted.append(Plot("trains", name, item.name, share_plots.heat_map(item, direction)))
    return plotted


def _curves(groups: list[Group], looks: dict[str, Style], shown: list[str], folder: Path) -> list[Plot]:
    found = []
    for section, prefixes in (("curves", ("metric/",)), ("losses", ("loss/",)), ("signals", _SIGNALS)):
        for column in (column for prefix in prefixes for column in columns(groups, prefix)):
            title = column.removeprefix("metric/")
            name = pictures.file_name(column)
            if section != "signals" or column.startswith(_PICTURED):
                pictures.learning_curves(groups, column, title, looks, shown, folder / f"{name}.png")
            found.append(Plot(section, name, title, plots.learning_curves(groups, column, title, looks, shown)))
    return found


def _against_seconds(
    groups: list[Group], metric: str, looks: dict[str, Style], shown: list[str], folder: Path
) -> list[Plot]:
    """The main metric over the seconds that each run has spent: what a method costs counts."""
    column, title = f"metric/{metric}", f"{metric} against seconds"
    if not any(column in run.curves and "seconds" in run.curves for group in groups for run in group.runs):
        return []
    name = pictures.file_name(f"{column}_seconds")
    pictures.learning_curves(groups, column, metric, looks, shown, folder / f"{name}.png", "seconds")
    return [Plot("curves", name, title, plots.learning_curves(groups, column, metric, looks, shown, "seconds"))]


def _numbers(
    sweep: Sweep, groups: list[Group], metric: str, direction: str, looks: dict[str, Style], folder: Path
) -> list[Plot]:
    lines, maps = sweeps(groups, metric, direction, sweep.swept)
    lines = [item for item in lines if len(item.lines) <= _DRAWN]
    found = []
    for index, item in enumerate(maps):
        name = f"swept_map_{index}"
        pictures.heat_map(item, metric, direction, folder / f"{name}.png")
        title = " ".join(filter(None, [f"{metric} over {item.x_key} and {item.y_key}", item.name and f"({item.name})"]))
        found.append(Plot("swept", name, title, plots.heat_map(item, metric, direction)))
    for item in lines:
        name = "swept_" + pictures.file_name(item.key)
        pictures.against_number(item, metric, folder / f"{name}.png")
        found.append(Plot("swept", name, f"{metric} against {item.key}", plots.against_number(item, metric, looks)))
    return found


def _ends(rows: list[Row], metric: str, direction: str, looks: dict[str, Style], folder: Path) -> list[Plot]:
    pictures.best_against_final(rows, metric, looks, folder / "best_against_final.png")
    return [
        Plot("ends", "best_against_final", "Best against final", plots.best_against_final(rows, metric, looks)),
        Plot("ends", "area", "Area under the curve", plots.area_by_method(rows, metric, direction, looks)),
    ]
