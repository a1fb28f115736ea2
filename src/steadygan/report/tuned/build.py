"""From the folder of a tuned comparison to its page, tables, figures, and the table on the terminal."""

import webbrowser
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from steadygan import __version__
from steadygan.figures.style import Style, styles
from steadygan.report.page import duration, template
from steadygan.report.plots.drawing import Plot
from steadygan.report.shares import words
from steadygan.report.tuned.content import Compared, Content
from steadygan.report.tuned.plots import plots, profile
from steadygan.report.tuned.publish import README, write_results
from steadygan.report.tuned.records import Tuned, read
from steadygan.report.tuned.tables import Standing, cost_table, pairs_table, runs_table, standing
from steadygan.report.tuned.verdict import unfinished, verdict
from steadygan.report.tuned.write import GROUP, write_tuned
from steadygan.report.verdict import number_text
from steadygan.runs import files
from steadygan.statistics import profile_score

FOLDER = "report"


def report_tuned(
    folders: Sequence[Path],
    open_page: bool = False,
    console: Console | None = None,
    config_dir: Path | None = None,
    results: Path | None = None,
) -> Path:
    """Write ``DIR/report/`` of the first folder and print the methods; returns the path of ``index.html``.

    Args:
        folders: of tuned comparisons, with one data set or several each.
        open_page: show the page in the browser.
        console: where the tables go; standard output unless given.
        config_dir: where the tuned settings are written as config files; None: nowhere.
        results: where tables, SVG figures and a page in Markdown are written, to be kept; None: nowhere.

    Raises:
        UserError: the ``tuned.json`` of a folder cannot be read.
    """
    console = console or Console()
    compared = read_all(folders)
    target = folders[0] / FOLDER
    tables = _tables(compared)
    _write_tables(tables, target)
    content = _content(compared)
    for plot in content.plots:
        plot.save(target / "plots")
    index = target / "index.html"
    page = template("steadygan.report.tuned").render(
        content=content, version=__version__, plotly=Markup(get_plotlyjs())
    )
    files.write_text(index, page)
    for tuned, each in compared:
        _print(console, tuned, each, content.verdicts[each.label])
    for command in dict.fromkeys(command for tuned, each in compared if (command := unfinished(tuned, each))):
        console.print(f"go on: {command}", soft_wrap=True, markup=False, highlight=False)
    if config_dir is not None:
        written = [path for tuned in comparisons(compared) for path in write_tuned(tuned, config_dir)]
        console.print(f"{len(written)} tuned settings are in {config_dir / GROUP}", soft_wrap=True, highlight=False)
    console.print(str(index), soft_wrap=True, markup=False, highlight=False)
    if results is not None:
        _write_tables(tables, results)
        write_results(content, compared, results)
        console.print(str(results / README), soft_wrap=True, markup=False, highlight=False)
    if open_page:
        webbrowser.open(index.resolve().as_uri())
    return index


def read_all(folders: Sequence[Path]) -> list[Compared]:
    """Return each data set of each comparison; those of one name are told apart by their folders.

    Raises:
        UserError: the ``tuned.json`` of a folder cannot be read.
    """
    pairs = [(tuned, dataset) for tuned in map(read, folders) for dataset in tuned.datasets]
    count = Counter(dataset for _, dataset in pairs)
    labels = [dataset if count[dataset] == 1 else f"{dataset} ({tuned.root.name})" for tuned, dataset in pairs]
    if len(set(labels)) < len(labels):
        labels = [f"{dataset} ({tuned.root})" for tuned, dataset in pairs]
    return [(tuned, standing(tuned, dataset, label)) for (tuned, dataset), label in zip(pairs, labels, strict=True)]


def comparisons(compared: Sequence[Compared]) -> list[Tuned]:
    """Return the comparisons, each once."""
    return list({tuned.root: tuned for tuned, _ in compared}.values())


def _tables(compared: Sequence[Compared]) -> dict[str, pd.DataFrame]:
    standings = [each for _, each in compared]
    return {
        "results": pd.concat([runs_table(tuned, each) for tuned, each in compared], ignore_index=True),
        "methods": pd.concat([each.frame for each in standings], ignore_index=True),
        "comparisons": pairs_table(standings),
        "cost": pd.concat([cost_table(*each) for each in compared], ignore_index=True),
    }


def _write_tables(tables: Mapping[str, pd.DataFrame], target: Path) -> None:
    for name, frame in tables.items():
        files.write_text(target / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))


def _content(compared: Sequence[Compared]) -> Content:
    standings, tuned = [each for _, each in compared], comparisons(compared)
    looks = styles(dict.fromkeys(name for each in standings for name in [row.method for row in each.methods]))
    several = len(standings) > 1
    drawn = [plot for one, each in compared for plot in plots(one, each, looks, several)]
    scores, across = _profile(compared, looks) if several else (pd.DataFrame(), [])
    criteria = [words(each.bounds, [record.run for record in each.records]) for each in tuned]
    return Content(
        name=", ".join(str(each.about["name"]) for each in tuned),
        question=str(tuned[0].about.get("question") or tuned[0].about["name"]),
        verdicts={each.label: verdict(one, each) for one, each in compared},
        budget=" ".join(dict.fromkeys(map(_budget, tuned))),
        criterion="; ".join(dict.fromkeys(filter(None, criteria))),
        methods={each.label: _shown(each) for each in standings},
        settings=_settings(compared),
        cost=_cost(compared),
        profile=scores,
        plots=[*drawn, *across],
        commands=[command for each in tuned for command in each.about.get("commands", [])],
    )


def _profile(compared: Sequence[Compared], looks: Mapping[str, Style]) -> tuple[pd.DataFrame, list[Plot]]:
    """Return scores and figure of the medians of the updates to the success criterion, over data sets."""
    names = [name for name in looks if all(name in each.names for _, each in compared)]
    if not names:
        return pd.DataFrame(), []
    times = np.array(
        [
            [
                np.quantile(
                    [one.reached for one in tuned.of(each.dataset, "final") if one.method == name],
                    0.5,
                    method="inverted_cdf",
                )
                for tuned, each in compared
            ]
            for name in names
        ]
    )
    scores = pd.DataFrame({"method": names, "score": profile_score(times)}).sort_values("score", ascending=False)
    title = "Performance profile of the median updates until the success criterion is met"
    return scores, [Plot("profile", "profile", title, profile(times, names, looks))]


def _budget(tuned: Tuned) -> str:
    stages = tuned.about["stages"]
    return (
        f"Budget of each method and data set: {stages['search'].get('trials', '?')} settings on "
        f"{len(stages['search']['seeds'])} seeds, the best {stages['selection'].get('best', '?')} on "
        f"{len(stages['selection']['seeds'])} more, the best one on {len(stages['final']['seeds'])} fresh seeds; "
        f"{tuned.about['iterations']:,} generator updates each, the final runs {stages['final']['iterations']:,}."
    )


_COLUMNS = {
    "method": "method",
    "median": "median",
    "low": "low",
    "high": "high",
    "interquartile_mean": "IQM",
    "above_floor": "above real",
    "meet_criterion": "share that meets the criterion",
    "failed": "failed",
    "better_than_baseline": "P(better than nonsaturating)",
    "median_longer": "median, twice as long",
    "median_published": "median, published setting",
}


def _shown(each: Standing) -> pd.DataFrame:
    return pd.DataFrame([{name: getattr(row, key) for key, name in _COLUMNS.items()} for row in each.methods])


def _settings(compared: Sequence[Compared]) -> pd.DataFrame:
    rows = [
        {"method": name, "data": each.label, "setting": " ".join(node.get("tuned") or ()) or "–"}
        for tuned, each in compared
        for name, node in tuned.methods(each.dataset).items()
    ]
    return pd.DataFrame(rows)


def _cost(compared: Sequence[Compared]) -> pd.DataFrame:
    """Return the cost of each stage and method; seconds in words."""
    table = pd.concat([cost_table(*each) for each in compared], ignore_index=True)
    return table.assign(seconds=table["seconds"].map(duration)).rename(columns={"seconds": "time of all runs together"})


_HEADINGS = (
    "median\n[95 % interval]",
    "above\nreal",
    "meet\nit",
    "P(beats\nbaseline)",
    "failed",
    "pub-\nlished",
)


def _print(console: Console, tuned: Tuned, each: Standing, sentences: Sequence[str]) -> None:
    title = f"{tuned.metric} on {each.label}, lower is better; {_budget(tuned)}"
    table = Table(title=Text(title), title_justify="left", padding=(0, 1, 0, 0), box=SIMPLE_HEAD)
    table.add_column("method", overflow="fold")
    for name in _HEADINGS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in each.methods:
        share = "–" if np.isnan(row.meet_criterion) else f"{100 * row.meet_criterion:.0f} %"
        table.add_row(
            Text(row.method),
            f"{_brief(row.median)} [{_brief(row.low)}, {_brief(row.high)}]" if row.runs else "–",
            _brief(row.above_floor),
            share,
            number_text(row.better_than_baseline),
            str(row.failed),
            _brief(row.median_published),
        )
    console.print(table)
    for row in each.methods:
        if row.tuned:
            console.print(Text(f"{row.method}: {_short(row.tuned)}"))
    for sentence in sentences:
        console.print(Text(sentence))


def _brief(value: float) -> str:
    """Return a number in three digits, ``∞`` and ``–`` for what is none."""
    return f"{value:.3g}" if np.isfinite(value) else number_text(value)


def _short(setting: str) -> str:
    """Return a setting with the last words of its keys, those of the players told apart."""
    texts = []
    for text in setting.split():
        key, _, value = text.partition("=")
        if value.startswith("$"):
            continue
        player = {"optimizer.generator": "G ", "optimizer.discriminator": "D "}.get(key.rpartition(".")[0], "")
        texts.append(f"{player}{key.rpartition('.')[2]} {value}")
    return ", ".join(texts)
