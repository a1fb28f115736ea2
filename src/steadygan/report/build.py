"""``steadygan report``: from folders of runs to the page, the CSV, the PNGs and the table on the terminal."""

import webbrowser
from pathlib import Path

from rich.console import Console

from steadygan import files
from steadygan.report import pictures, plots, results
from steadygan.report.bands import columns
from steadygan.report.collect import Sweep, collect
from steadygan.report.groups import Group, group_runs
from steadygan.report.page import Content, Plot, render
from steadygan.report.palette import Style, styles
from steadygan.report.samples import galleries
from steadygan.report.statistics import Row, compare, direction_of, metric_names, rank
from steadygan.report.swept import sweeps
from steadygan.report.table import show_table
from steadygan.report.verdict import notes, obstacle, verdict

FOLDER = "report"
_SHOWN_AT_FIRST = 8
_SIGNALS = ("grad_norm/", "penalty/", "logits/")


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
    results.write(results.table(content.groups, sweep.swept), folder / "results.csv")
    index = folder / "index.html"
    files.write_text(index, render(content, folder))
    show_table(console, content.rows, content.metric, content.direction, content.verdict)
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
    reason = obstacle(groups, metric)
    comparisons = compare(rows, metric, direction) if metric and not reason else []
    looks = styles([group.name for group in groups])
    shown = [row.group.name for row in rows[:_SHOWN_AT_FIRST]]
    return Content(
        sweep=sweep,
        groups=groups,
        metric=metric,
        direction=direction,
        verdict=verdict(rows, comparisons, metric, direction, reason),
        notes=notes(groups),
        rows=rows,
        comparisons=comparisons,
        plots=[
            *_curves(groups, looks, shown, _fresh(folder / "plots")),
            *(_numbers(sweep, groups, metric, direction, looks, folder / "plots") if metric else []),
            *(_ends(rows, metric, direction, looks, folder / "plots") if metric else []),
        ],
        galleries=galleries([row.group for row in rows], metric, direction),
        styles=looks,
        shown=shown,
    )


def _fresh(folder: Path) -> Path:
    """The folder of the PNGs without those of an earlier report."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    return folder


def _curves(groups: list[Group], looks: dict[str, Style], shown: list[str], folder: Path) -> list[Plot]:
    found = []
    for section, prefixes in (("curves", ("metric/",)), ("losses", ("loss/",)), ("signals", _SIGNALS)):
        for column in (column for prefix in prefixes for column in columns(groups, prefix)):
            title = column.removeprefix("metric/")
            name = pictures.file_name(column)
            if section != "signals":
                pictures.learning_curves(groups, column, title, looks, shown, folder / f"{name}.png")
            found.append(Plot(section, name, title, plots.learning_curves(groups, column, title, looks, shown)))
    return found


def _numbers(
    sweep: Sweep, groups: list[Group], metric: str, direction: str, looks: dict[str, Style], folder: Path
) -> list[Plot]:
    lines, maps = sweeps(groups, metric, direction, sweep.swept)
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
