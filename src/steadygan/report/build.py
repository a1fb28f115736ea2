"""``steadygan report``: from folders of runs to the page, the CSV, the PNGs and the table on the terminal."""

import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from steadygan.report import pictures, plots, results, share_pictures, share_plots
from steadygan.report.bands import columns
from steadygan.report.collect import Run, Sweep, collect, thin
from steadygan.report.datasets import by_dataset
from steadygan.report.groups import Group, group_runs
from steadygan.report.page import MOST_IN_ENDS, Content, Part, Plot, again, render
from steadygan.report.palette import Style, styles
from steadygan.report.reached import reached
from steadygan.report.samples import MOST_PICTURES, galleries
from steadygan.report.share_maps import maps as share_maps
from steadygan.report.shares import Share, measured, ranked, sentences, shares, unmet, words
from steadygan.report.statistics import BASELINE, Comparisons, Row, compare, direction_of, metric_names, rank
from steadygan.report.swept import sweeps
from steadygan.report.table import show_reached, show_shares, show_table
from steadygan.report.verdict import notes, obstacle, verdict
from steadygan.runs import files
from steadygan.runs.threshold import Bound

FOLDER = "report"
_SHOWN_AT_FIRST = 16
"""Methods that the curves show before one has chosen; more are hard to tell apart."""
LISTED = 200
"""Methods that the page's tables and curves show, the best ones; a sweep of thousands is read by its shares."""
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
    results.write(
        results.table(content.groups, sweep.swept, sweep.threshold, names_of(content)), folder / "results.csv"
    )
    index = folder / "index.html"
    files.write_text(index, render(content, folder))
    for part in content.parts:
        _print(console, part, content)
    for note in content.notes:
        console.print(note, markup=False, highlight=False)
    text = f"run it again, or more of it: {'; '.join(again(sweep))}"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
    console.print(str(index), soft_wrap=True, markup=False, highlight=False)
    if open_page:
        webbrowser.open(index.resolve().as_uri())
    return index


def names_of(content: Content) -> dict[Path, str]:
    """Return the name of each run's data set, by the run's folder."""
    return {run.path: part.name for part in content.parts for group in part.groups for run in group.runs}


def _print(console: Console, part: Part, content: Content) -> None:
    if content.several:
        console.print(f"{part.name}:", style="bold", markup=False, highlight=False)
    if part.shares:
        show_shares(console, part.shares, content.threshold)
    if part.reached:
        show_reached(console, part.reached)
    show_table(console, part.rows, part.metric, part.direction, [*part.verdict, *part.notes], len(part.groups))


def build(sweep: Sweep, folder: Path) -> Content:
    """Return all numbers, words and pictures of the report; the PNGs are written to ``folder/plots``, with a folder of
    its own for each data set where there are several."""
    by_name = {name: group_runs(runs) for name, runs in by_dataset(sweep.runs).items()} or {"": []}
    looks = styles(list(dict.fromkeys(group.name for groups in by_name.values() for group in groups)))
    fresh = _fresh(folder / "plots")
    several = len(by_name) > 1
    parts = [
        _part(sweep, name, groups, looks, fresh / pictures.file_name(name) if several else fresh, several)
        for name, groups in by_name.items()
    ]
    return Content(
        sweep=sweep,
        parts=parts,
        threshold=words(sweep.threshold, sweep.runs),
        notes=sweep.notes,
        styles=looks,
        across=_across(sweep, parts, fresh) if several else [],
    )


def _across(sweep: Sweep, parts: Sequence[Part], folder: Path) -> list[Plot]:
    """Return the metric against swept numbers of the data themselves, which no single data set can show."""
    metrics = {(part.metric, part.direction) for part in parts}
    ((metric, direction), *others) = metrics
    if others or metric is None:
        return []
    groups = [replace(group, name=f"{part.name} {group.name}") for part in parts for group in part.groups]
    drawing = Drawing(folder, styles([group.name for group in groups]), [], "")
    return _numbers(sweep, groups, metric, direction, drawing, of_data=True)


def _part(sweep: Sweep, name: str, groups: list[Group], looks: dict[str, Style], folder: Path, several: bool) -> Part:
    """Build the part of one data set, whose ``name`` goes into the plots where there are ``several``."""
    runs = [run for group in groups for run in group.runs]
    names = metric_names(runs)
    metric = names[0] if names else None
    direction = direction_of(metric, runs) if metric else "min"
    rows = rank(groups, metric, direction)
    reason = obstacle(groups, metric) or _too_many(groups)
    tested = compare(rows, metric, direction, sweep.baseline or BASELINE) if metric and not reason else Comparisons()
    best = {row.group.name for row in rows[:LISTED]}
    listed = [group for group in groups if group.name in best]
    curved = {row.group.name for row in _spread(rows, LISTED)}
    drawn = [group for group in groups if group.name in curved]
    threshold = measured(sweep.threshold, runs)
    family_shares = ranked(shares(groups, threshold, sweep.swept))
    drawing = Drawing(
        folder,
        looks,
        [row.group.name for row in _spread(_spread(rows, LISTED), _SHOWN_AT_FIRST)],
        f" on {name}" if several else "",
    )
    return Part(
        name=name,
        groups=groups,
        metric=metric,
        direction=direction,
        verdict=[
            *(sentences(family_shares, threshold, runs) if family_shares else []),
            *verdict(rows, tested, metric, direction, reason, unmet(groups, threshold)),
        ],
        notes=[*notes(groups), *_unmeasured(sweep.threshold, threshold, runs)],
        rows=rows[:LISTED],
        listed=listed,
        drawn=drawn,
        shares=family_shares,
        tested=tested,
        reached=reached(listed),
        plots=[
            *_success(family_shares, threshold, sweep.swept, drawing),
            *_curves(drawn, drawing),
            *(_against_seconds(drawn, metric, drawing) if metric else []),
            *(_numbers(sweep, groups, metric, direction, drawing) if metric else []),
            *(_ends(_spread(rows, MOST_IN_ENDS), metric, direction, drawing) if metric else []),
        ],
        galleries=galleries([row.group for row in _spread(rows, MOST_PICTURES)], metric, direction),
        shown=drawing.shown,
    )


def _unmeasured(requested: Sequence[Bound], threshold: Sequence[Bound], runs: list[Run]) -> list[str]:
    if not requested or threshold:
        return []
    criterion = f"Whether runs meet the success criterion ({words(requested, runs)})"
    return [f"{criterion} is not known: these runs do not have all of these metrics."]


def _spread(rows: list[Row], most: int) -> list[Row]:
    """Return all methods, or where they are too many for one plot some of all ranks, the best and the worst among
    them."""
    return [rows[index] for index in thin(len(rows), most)]


@dataclass(frozen=True)
class Drawing:
    """Where PNGs go and how methods look; ``on`` names the data set in every plot, where there are several."""

    folder: Path
    looks: dict[str, Style]
    shown: list[str]
    on: str


def _too_many(groups: list[Group]) -> str:
    return f"{len(groups)} settings are too many to compare pair by pair." if len(groups) > LISTED else ""


def _fresh(folder: Path) -> Path:
    """Return the folder of the PNGs without those of an earlier report."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.rglob("*.png"):
        old.unlink()
    return folder


def _success(
    family_shares: list[Share], threshold: Sequence[Bound], swept: Sequence[str], drawing: Drawing
) -> list[Plot]:
    if not any(each.total for each in family_shares):
        return []
    share_pictures.shares(family_shares, drawing.folder / "trains.png", drawing.on)
    title = f"Share of settings that meet the success criterion{drawing.on}"
    plotted = [Plot("trains", "trains", title, share_plots.shares(family_shares))]
    metric = threshold[0].metric
    direction = direction_of(metric, [run for each in family_shares for one in each.settings for run in one.group.runs])
    for index, item in enumerate(share_maps(family_shares, metric, swept)):
        name = f"trains_map_{index}_{pictures.file_name(item.name)}"
        item = replace(item, name=item.name + drawing.on)
        share_pictures.heat_map(item, direction, drawing.folder / f"{name}.png")
        plotted.append(Plot("trains", name, item.name, share_plots.heat_map(item, direction)))
    return plotted


def _curves(groups: list[Group], drawing: Drawing) -> list[Plot]:
    looks, shown = drawing.looks, drawing.shown
    figures = []
    for section, prefixes in (("curves", ("metric/",)), ("losses", ("loss/",)), ("signals", _SIGNALS)):
        for column in (column for prefix in prefixes for column in columns(groups, prefix)):
            title = column.removeprefix("metric/") + drawing.on
            name = pictures.file_name(column)
            way = _direction(column, groups)
            if section != "signals" or column.startswith(_PICTURED):
                path = drawing.folder / f"{name}.png"
                pictures.learning_curves(groups, column, title, looks, shown, path, direction=way)
            figure = plots.learning_curves(groups, column, title, looks, shown, direction=way)
            figures.append(Plot(section, name, title, figure))
    return figures


def _direction(column: str, groups: Sequence[Group]) -> str | None:
    """Return which way a metric is better; losses and signals have no better."""
    kind, _, name = column.partition("/")
    return direction_of(name, [run for group in groups for run in group.runs]) if kind == "metric" else None


def _against_seconds(groups: list[Group], metric: str, drawing: Drawing) -> list[Plot]:
    """Return the main metric over the seconds that each run has spent: what a method costs counts."""
    looks, shown = drawing.looks, drawing.shown
    column, label = f"metric/{metric}", metric + drawing.on
    if not any(column in run.curves and "seconds" in run.curves for group in groups for run in group.runs):
        return []
    name = pictures.file_name(f"{column}_seconds")
    way, path = _direction(column, groups), drawing.folder / f"{name}.png"
    pictures.learning_curves(groups, column, label, looks, shown, path, "seconds", way)
    figure = plots.learning_curves(groups, column, label, looks, shown, "seconds", way)
    return [Plot("curves", name, f"{metric} against seconds{drawing.on}", figure)]


def _numbers(
    sweep: Sweep, groups: list[Group], metric: str, direction: str, drawing: Drawing, of_data: bool = False
) -> list[Plot]:
    lines, maps = sweeps(groups, metric, direction, sweep.swept)
    if of_data:
        lines, maps = [item for item in lines if item.key.startswith("dataset.")], []
    lines = [item for item in lines if len(item.lines) <= MOST_IN_ENDS]
    label = metric + drawing.on
    figures = []
    for index, item in enumerate(maps):
        name = f"swept_map_{index}"
        pictures.heat_map(item, label, direction, drawing.folder / f"{name}.png")
        title = " ".join(filter(None, [f"{label} over {item.x_key} and {item.y_key}", item.name and f"({item.name})"]))
        figures.append(Plot("swept", name, title, plots.heat_map(item, label, direction)))
    for item in lines:
        name = "swept_" + pictures.file_name(item.key)
        pictures.against_number(item, label, direction, drawing.folder / f"{name}.png")
        figure = plots.against_number(item, label, direction, drawing.looks)
        figures.append(Plot("swept", name, f"{label} against {item.key}", figure))
    return figures


def _ends(rows: list[Row], metric: str, direction: str, drawing: Drawing) -> list[Plot]:
    label, looks = metric + drawing.on, drawing.looks
    pictures.best_against_final(rows, label, direction, looks, drawing.folder / "best_against_final.png")
    best, area = (
        plots.best_against_final(rows, label, direction, looks),
        plots.area_by_method(rows, metric, direction, looks),
    )
    return [
        Plot("ends", "best_against_final", f"Best against final{drawing.on}", best),
        Plot("ends", "area", f"Area under the curve{drawing.on}", area),
    ]
