"""The figures of a tuned comparison."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from steadygan.figures.spec import Axis, Band, Colours, Figure, HeatMap, Level, Line, Mark, Panel, Points
from steadygan.figures.style import Style
from steadygan.report.plots.drawing import Plot, at_edge, failure_edge, failure_line, file_name, told
from steadygan.report.tuned.edges import position
from steadygan.report.tuned.records import Record, Tuned
from steadygan.report.tuned.tables import Standing
from steadygan.statistics import (
    best_of_k_band,
    best_of_k_quantile,
    held_out_best_of_k,
    performance_profile,
    probability_of_success,
    probability_of_success_interval,
)
from steadygan.statistics.profiles import FARTHEST

Looks = Mapping[str, Style]


def plots(tuned: Tuned, standing: Standing, looks: Looks, several: bool) -> list[Plot]:
    """Return the figures of a data set; those for which there are no runs yet are left out."""
    on = f" on {standing.label}" if several else ""
    stem = f"{file_name(standing.label)}_" if several else ""
    made = [
        ("final", "final", f"Final seeds at the tuned settings{on}", final(tuned, standing, looks)),
        ("longer", "longer", f"The same runs, twice as long{on}", longer(tuned, standing, looks)),
        ("pairs", "pairs", f"P(row better than column){on}", pairs(standing)),
        ("trials", "best_of_k", f"Median of the best of k settings{on}", best_of_k(tuned, standing, looks)),
        ("trials", "success_of_k", f"P(k settings hold one that trains){on}", success_of_k(tuned, standing, looks)),
        ("settings", "settings", f"Settings of the search{on}", settings(tuned, standing, looks)),
    ]
    return [Plot(section, stem + name, title, figure) for section, name, title, figure in made if figure.marks]


def final(tuned: Tuned, standing: Standing, looks: Looks) -> Figure:
    """Return each final seed as a point, the median with its interval, and the published setting's median (open)."""
    names = standing.names
    published = {row.method: row.median_published for row in standing.methods}
    edge = failure_edge([*standing.scores.ravel(), *published.values()], "min")
    marks: list[Mark] = []
    for place, (name, scores, row) in enumerate(zip(names, standing.scores, standing.methods)):
        style, y = looks[name], len(names) - 1 - place
        scatter = y + np.linspace(-0.22, 0.22, len(scores))
        symbols = ["x" if np.isinf(value) else style.symbol for value in scores]
        hover = [f"{name}: {told(value)}" for value in scores]
        low, high = at_edge([row.low, row.high], edge)
        marks += [
            Points(x=at_edge(scores, edge), y=scatter, style=style, size=5, opacity=0.5, symbols=symbols, hover=hover),
            Points(x=at_edge([row.median], edge), y=[y], ends=[[low], [high]], size=18,
                   style=Style(style.colour, symbol="line-ns-open"), hover=[f"{name}: median {told(row.median)}"]),
            Points(x=at_edge([published[name]], edge), y=[y], style=Style(style.colour, symbol="diamond-open"), size=9,
                   hover=[f"{name}, published setting: median {told(published[name])}"]),
        ]  # fmt: skip
    if names and (floor := tuned.floor(standing.dataset)):
        marks.append(Level(value=float(np.median(floor)), text="real", axis="x"))
    title = f"{tuned.metric}: seeds, median with 95 % interval; open: the published setting"
    return _rows([*marks, *failure_line(edge, "x")], names[::-1], title)


def longer(tuned: Tuned, standing: Standing, looks: Looks) -> Figure:
    """Return each final seed's score at the end against that at the length of the search."""
    known = [each for each in tuned.of(standing.dataset, "final") if not np.isnan(each.longer + each.score)]
    edge = failure_edge([value for each in known for value in (each.score, each.longer)], "min")
    marks: list[Mark] = []
    for name in standing.names:
        mine = [each for each in known if each.method == name]
        if mine:
            x, y = at_edge([each.score for each in mine], edge), at_edge([each.longer for each in mine], edge)
            hover = [f"{name}, seed {each.seed}: {told(each.score)}, then {told(each.longer)}" for each in mine]
            marks.append(Points(x=x, y=y, name=name, style=looks[name], size=6, opacity=0.7, hover=hover))
    if marks:
        finite = [value for each in known for value in (each.score, each.longer) if np.isfinite(value)] or [0.0, 1.0]
        ends = [min(finite), max(finite)]
        marks.append(Line(x=ends, y=ends, name="no change", style=Style("#888888", dash="dash"), width=1))
    length = tuned.about["iterations"]
    titles = (f"{tuned.metric} after {length} iterations", f"after {tuned.about['stages']['final']['iterations']}")
    return Figure([Panel(marks, Axis(titles[0]), Axis(titles[1]))], height=4.6)


def pairs(standing: Standing) -> Figure:
    """Return P(row better than column) with the decisions."""
    names = standing.names
    size = len(names)
    values = np.array([[each.estimate for each in row] for row in standing.pairs.improvements]).reshape(size, size)
    np.fill_diagonal(values, np.nan)
    signs = {"better": "▲", "worse": "▼", "alike": "=", "open": "?"}
    decided = standing.pairs.decisions
    texts = [["" if i == j else signs[decided[i][j]] for j in range(size)] for i in range(size)]
    hovers = [
        ["" if i == j else f"{names[i]} against {names[j]}: {values[i, j]:.2f}, {decided[i][j]}" for j in range(size)]
        for i in range(size)
    ]
    marks = [HeatMap(values=values[::-1], texts=texts[::-1], hovers=hovers[::-1])] if size > 1 else []
    places, colours = list(enumerate(names)), Colours("P(row better)", (0.0, 1.0), True)
    panel = Panel(marks, Axis(ticks=places), Axis(ticks=list(enumerate(names[::-1]))))
    return Figure([panel], height=1.8 + 0.36 * max(size, 3), colours=colours)


def best_of_k(tuned: Tuned, standing: Standing, looks: Looks) -> Figure:
    """Return the median of the best of k settings of the search with a 95 % band, for k up to half of them."""
    marks: list[Mark] = []
    for name, values in _search(tuned, standing, _mean_scores).items():
        trials = np.arange(1, len(values) // 2 + 1)
        middle = [best_of_k_quantile(values, int(k)) for k in trials]
        bands = np.array([best_of_k_band(values, int(k), q=0.5) for k in trials]).reshape(-1, 2)
        finite = np.where(np.isfinite(bands).all(axis=1, keepdims=True), bands, np.nan)
        marks += [
            Band(x=trials, low=finite[:, 0], high=finite[:, 1], style=looks[name]),
            Line(x=trials, y=at_edge(middle, None), name=name, style=looks[name], width=2),
        ]
        marks += _held_out(tuned, standing, name, looks[name])
    if marks and (floor := tuned.floor(standing.dataset)):
        marks.append(Level(value=float(np.median(floor)), text="real"))
    return Figure([Panel(marks, Axis("k, settings tried"), Axis(tuned.metric, told=True))], height=4.6)


def _held_out(tuned: Tuned, standing: Standing, name: str, style: Style) -> list[Mark]:
    """Return what k trials choose by one seed, scored with the other; nothing where a failure can be chosen."""
    scores: dict[tuple[str, ...], dict[int | None, float]] = {}
    for each in tuned.of(standing.dataset, "search"):
        if each.method == name and not np.isnan(each.score):
            scores.setdefault(each.setting, {})[each.seed] = each.score
    seeds = tuned.about["stages"]["search"]["seeds"][:2]
    both = np.array(
        [[known[seed] for seed in seeds] for known in scores.values() if all(seed in known for seed in seeds)]
    )
    if len(seeds) < 2 or len(both) < 2:
        return []
    trials = np.arange(1, len(both) // 2 + 1)
    values = at_edge([held_out_best_of_k(both[:, 0], both[:, 1], int(k)) for k in trials], None)
    return [Line(x=trials, y=values, style=Style(style.colour, dash="dot"), width=1.2)]


def success_of_k(tuned: Tuned, standing: Standing, looks: Looks) -> Figure:
    """Return the probability that k settings of the search hold one of which most seeds meet the criterion."""
    marks: list[Mark] = []
    for name, trained in _search(tuned, standing, _trains).items():
        succeeded, total = int(np.sum(trained)), len(trained)
        trials = np.arange(1, total // 2 + 1)
        bands = np.array([probability_of_success_interval(succeeded, total, int(k)) for k in trials]).reshape(-1, 2)
        middle = [probability_of_success(succeeded, total, int(k)) for k in trials]
        marks += [
            Band(x=trials, low=bands[:, 0], high=bands[:, 1], style=looks[name]),
            Line(x=trials, y=middle, name=name, style=looks[name], width=2),
        ]
    return Figure([Panel(marks, Axis("k, settings tried"), Axis("probability", limits=(-0.02, 1.02)))], height=4.6)


def _search(tuned: Tuned, standing: Standing, value: Callable[[Sequence[Record]], float]) -> dict[str, list[float]]:
    """Return a value of each setting of the search, by method; of settings whose runs are over."""
    by_setting: dict[str, dict[tuple[str, ...], list[Record]]] = {
        name: {} for name in [row.method for row in standing.methods]
    }
    for each in tuned.of(standing.dataset, "search"):
        by_setting[each.method].setdefault(each.setting, []).append(each)
    found = {name: [value(records) for records in settings.values()] for name, settings in by_setting.items()}
    return {
        name: known for name, values in found.items() if len(known := [one for one in values if not np.isnan(one)]) > 1
    }


def _mean_scores(records: Sequence[Record]) -> float:
    return float(np.mean([each.score for each in records]))


def _trains(records: Sequence[Record]) -> float:
    met = [each.met for each in records]
    return np.nan if None in met else float(2 * sum(map(bool, met)) > len(met))


def settings(tuned: Tuned, standing: Standing, looks: Looks) -> Figure:
    """Return parallel coordinates of each method's search: all settings, those selected from, and the tuned one."""
    draw = partial(_coordinates, tuned, standing.dataset)
    panels = [draw(name, looks[name]) for name in [row.method for row in standing.methods]]
    columns = min(3, max(len(panels), 1))
    rows = -(-max(len(panels), 1) // columns)
    return Figure(panels or [Panel([])], columns=columns, width=10, height=2.3 * rows)


def _coordinates(tuned: Tuned, dataset: str, name: str, style: Style) -> Panel:
    node = tuned.methods(dataset)[name]
    tried = {each.setting for each in tuned.of(dataset, "search") if each.method == name}
    keys = [key for key, text in node["space"].items() if "interval" in text or "choice" in text]
    candidates = {frozenset(each["overrides"]) for each in node.get("candidates") or ()}
    best = frozenset(node.get("tuned") or ())
    marks: list[Mark] = []
    looks = {0: (Style("#bbbbbb"), 0.7), 1: (style, 1.2), 2: (Style(style.colour, symbol=style.symbol), 3.0)}
    for setting in sorted(tried, key=lambda one: _importance(one, candidates, best)):
        values = {key: value for key, _, value in (text.partition("=") for text in setting)}
        places = [position(node["space"][key], values.get(key, "")) for key in keys]
        importance = _importance(setting, candidates, best)
        look, width = looks[importance]
        hover = [", ".join(setting)] * len(keys)
        y = [np.nan if place is None else place for place in places]
        marks.append(
            Line(x=range(len(keys)), y=y, style=look, width=width, size=6 if importance == 2 else 0, hover=hover)
        )
    ticks = [(place, ".".join(key.split(".")[-2:])) for place, key in enumerate(keys)]
    return Panel(marks, Axis(ticks=ticks), Axis(limits=(-0.05, 1.05), ticks=[(0.0, "low"), (1.0, "high")]), title=name)


def _importance(setting: tuple[str, ...], candidates: set[frozenset[str]], best: frozenset[str]) -> int:
    return 2 if frozenset(setting) == best else 1 if frozenset(setting) in candidates else 0


def profile(times: np.ndarray, names: Sequence[str], looks: Looks) -> Figure:
    """Return the share of data sets on which each method needs at most so many times the fastest one's updates.

    Args:
        times: to the success criterion, [methods, data sets].
        names: of the methods.
        looks: of the methods.
    """
    at = np.linspace(1, FARTHEST, 301)
    marks = [
        Line(x=at, y=shares, name=name, style=looks[name], width=2)
        for name, shares in zip(names, performance_profile(times, at))
    ]
    return Figure([Panel(marks, Axis("times the fastest method's updates"), Axis("share of data sets"))], height=4.2)


def _rows(marks: Sequence[Mark], names: Sequence[str], title: str) -> Figure:
    rows = Axis(ticks=list(enumerate(names)), limits=(-0.6, max(len(names), 1) - 0.4))
    return Figure([Panel(marks, Axis(title), rows)], height=1.2 + 0.4 * max(len(names), 2))
