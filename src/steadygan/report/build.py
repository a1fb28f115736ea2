"""``steadygan report``: from folders of runs to the page, the CSV, the PNGs and the table on the terminal."""

import webbrowser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from steadygan.figures.style import Style, styles
from steadygan.report import results
from steadygan.report.collect import Run, Sweep, collect, thin
from steadygan.report.datasets import by_dataset
from steadygan.report.groups import Group, group_runs
from steadygan.report.page import MOST_IN_ENDS, Content, Part, again, render
from steadygan.report.plots.curves import against_seconds, curves
from steadygan.report.plots.drawing import Drawing, Plot, file_name
from steadygan.report.plots.levels import against_number
from steadygan.report.plots.maps import heat_map, share_map
from steadygan.report.plots.rows import ends
from steadygan.report.plots.rows import shares as share_rows
from steadygan.report.plots.share_maps import maps as share_maps
from steadygan.report.plots.swept import sweeps
from steadygan.report.reached import reached
from steadygan.report.samples import MOST_PICTURES, galleries
from steadygan.report.shares import Share, measured, ranked, sentences, shares, unmet, words
from steadygan.report.statistics import BASELINE, Comparisons, Row, compare, direction_of, metric_names, rank
from steadygan.report.table import show_reached, show_shares, show_table
from steadygan.report.verdict import notes, obstacle, verdict
from steadygan.runs import files
from steadygan.runs.threshold import Bound

FOLDER = "report"
_SHOWN_AT_FIRST = 16
"""Methods that the curves show before one has chosen; more are hard to tell apart."""
LISTED = 200
"""Methods that the page's tables and curves show, the best ones; a sweep of thousands is read by its shares."""


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
    """Return all numbers, words and figures of the report, and write the PNGs into ``folder/plots``.

    Each data set has a folder of its own there, where there are several.
    """
    by_name = {name: group_runs(runs) for name, runs in by_dataset(sweep.runs).items()} or {"": []}
    looks = styles(dict.fromkeys(group.name for groups in by_name.values() for group in groups))
    several = len(by_name) > 1
    parts = [_part(sweep, name, groups, looks, several) for name, groups in by_name.items()]
    across = _across(sweep, parts) if several else []
    fresh = _fresh(folder / "plots")
    for plot in across:
        plot.save(fresh)
    for part in parts:
        for plot in part.plots:
            plot.save(fresh / file_name(part.name) if several else fresh)
    threshold = words(sweep.threshold, sweep.runs)
    return Content(sweep=sweep, parts=parts, threshold=threshold, notes=sweep.notes, styles=looks, across=across)


def _across(sweep: Sweep, parts: Sequence[Part]) -> list[Plot]:
    """Return the metric against swept numbers of the data themselves, which no single data set can show."""
    metrics = {(part.metric, part.direction) for part in parts}
    ((metric, direction), *others) = metrics
    if others or metric is None:
        return []
    groups = [replace(group, name=f"{part.name} {group.name}") for part in parts for group in part.groups]
    drawing = Drawing(styles(group.name for group in groups))
    return _numbers(sweep, groups, metric, direction, drawing, of_data=True)


def _part(sweep: Sweep, name: str, groups: list[Group], looks: dict[str, Style], several: bool) -> Part:
    """Build the part of one data set, whose ``name`` goes into the plots where there are ``several``."""
    runs = [run for group in groups for run in group.runs]
    metric = next(iter(metric_names(runs)), None)
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
    shown = [row.group.name for row in _spread(_spread(rows, LISTED), _SHOWN_AT_FIRST)]
    drawing = Drawing(looks, shown, f" on {name}" if several else "")
    plots = [*_success(family_shares, threshold, sweep.swept, drawing), *curves(drawn, drawing)]
    if metric:
        plots += against_seconds(drawn, metric, drawing)
        plots += _numbers(sweep, groups, metric, direction, drawing)
        plots += ends(_spread(rows, MOST_IN_ENDS), metric, direction, drawing)
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
        plots=plots,
        galleries=galleries([row.group for row in _spread(rows, MOST_PICTURES)], metric, direction),
        shown=shown,
    )


def _unmeasured(requested: Sequence[Bound], threshold: Sequence[Bound], runs: Sequence[Run]) -> list[str]:
    if not requested or threshold:
        return []
    criterion = f"Whether runs meet the success criterion ({words(requested, runs)})"
    return [f"{criterion} is not known: these runs do not have all of these metrics."]


def _spread(rows: list[Row], most: int) -> list[Row]:
    """Return all methods, or where they are too many some of all ranks, the best and the worst among them."""
    return [rows[index] for index in thin(len(rows), most)]


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
    title = f"Share of settings that meet the success criterion{drawing.on}"
    plots = [Plot("trains", "trains", title, share_rows(family_shares, drawing))]
    metric = threshold[0].metric
    direction = direction_of(metric, [run for each in family_shares for one in each.settings for run in one.group.runs])
    for index, item in enumerate(share_maps(family_shares, metric, swept)):
        name = f"trains_map_{index}_{file_name(item.name)}"
        plots.append(Plot("trains", name, item.name + drawing.on, share_map(item, direction, drawing.on)))
    return plots


def _numbers(
    sweep: Sweep, groups: list[Group], metric: str, direction: str, drawing: Drawing, of_data: bool = False
) -> list[Plot]:
    """Return the metric against each swept number; ``of_data``: against those of the data set alone."""
    lines, maps = sweeps(groups, metric, direction, sweep.swept)
    if of_data:
        lines, maps = [item for item in lines if item.key.startswith("dataset.")], []
    label = metric + drawing.on
    plots = []
    for index, item in enumerate(maps):
        title = " ".join(filter(None, [f"{label} over {item.x_key} and {item.y_key}", item.name and f"({item.name})"]))
        plots.append(Plot("swept", f"swept_map_{index}", title, heat_map(item, label, direction)))
    for item in (item for item in lines if len(item.lines) <= MOST_IN_ENDS):
        figure = against_number(item, label, direction, drawing)
        plots.append(Plot("swept", f"swept_{file_name(item.key)}", f"{label} against {item.key}", figure))
    return plots
