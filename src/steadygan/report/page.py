"""The page: one HTML file that needs nothing but itself."""

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

import jinja2
import numpy as np
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from steadygan import __version__
from steadygan.config.node import Config
from steadygan.figures import page as plotly_page
from steadygan.figures.spec import Figure
from steadygan.figures.style import Style
from steadygan.report.collect import Run, Sweep
from steadygan.report.groups import Group, flatten
from steadygan.report.plots.drawing import Plot
from steadygan.report.plots.share_maps import DIVERGED, SUCCEEDS
from steadygan.report.reached import Reached
from steadygan.report.samples import Gallery
from steadygan.report.shares import Share, percent
from steadygan.report.statistics import LEVEL, Comparisons, Row, tie_breaks
from steadygan.report.verdict import number_text
from steadygan.runs import files
from steadygan.runs.trust import NAMES
from steadygan.statistics.medians import median

MOST_IN_ENDS = 40
"""Methods in a plot that has a line of its own for each."""

_LOG_BYTES = 4000
_LOGS_SHOWN = 12
_PROBLEMS = 300


@dataclass(frozen=True)
class Part:
    """What is shown of one data set, ``name``.

    ``listed`` are the groups of its tables, the best, in the order of ``groups``, and ``rows`` are theirs, best first.
    ``drawn`` are those of its curves, from the best to the worst where not all are; ``shown`` of these are seen before
    one has chosen.
    """

    name: str
    groups: Sequence[Group]
    metric: str | None
    direction: str
    verdict: Sequence[str]
    notes: Sequence[str]
    rows: Sequence[Row]
    listed: Sequence[Group]
    drawn: Sequence[Group]
    shares: Sequence[Share]
    tested: Comparisons
    reached: Sequence[Reached]
    plots: Sequence[Plot]
    galleries: Sequence[Gallery]
    shown: Sequence[str]

    @property
    def breaks(self) -> list[str]:
        """The metrics that put methods of one median in order."""
        return tie_breaks(self.rows)


@dataclass(frozen=True)
class Content:
    """All that the page shows: a part for each data set.

    ``styles`` has the methods of all parts by name; ``across`` are plots over numbers of the data.
    """

    sweep: Sweep
    parts: Sequence[Part]
    threshold: str
    notes: Sequence[str]
    styles: Mapping[str, Style]
    across: Sequence[Plot] = ()

    @property
    def several(self) -> bool:
        """Whether there is more than one data set, so that each has to be named."""
        return len(self.parts) > 1

    @property
    def groups(self) -> list[Group]:
        """All methods, with their data set where there are several."""
        return [group for part in self.parts for group in self._named(part, part.groups)]

    @property
    def listed(self) -> list[Group]:
        """The methods of the tables."""
        return [group for part in self.parts for group in self._named(part, part.listed)]

    @property
    def plots(self) -> list[Plot]:
        """All plots."""
        return [*self.across, *(plot for part in self.parts for plot in part.plots)]

    @property
    def methods(self) -> list[str]:
        """The names of the methods that are drawn, each once."""
        return list(dict.fromkeys(group.name for part in self.parts for group in part.drawn))

    @property
    def shown(self) -> set[str]:
        """The methods that are seen before one has chosen."""
        return {name for part in self.parts for name in part.shown}

    def style(self, name: str) -> Style:
        """Return the style of a method, also where its data set is named with it."""
        return self.styles.get(name) or self.styles[name.partition(_ON)[2]]

    def _named(self, part: Part, groups: Sequence[Group]) -> list[Group]:
        return [replace(group, name=f"{part.name}{_ON}{group.name}") if self.several else group for group in groups]


_ON = ": "


def render(content: Content, folder: Path) -> str:
    """Return the HTML; links to logs are relative to ``folder``, where the page will lie."""
    order = {"failed": 0, "diverged": 1}
    incomplete = [(run, group.name) for group in content.groups for run in group.runs if not run.completed]
    incomplete.sort(key=lambda item: order.get(item[0].status, 2))
    frames = sorted({frame.iteration for part in content.parts for each in part.galleries for frame in each.frames})
    return template("steadygan.report").render(
        content=content,
        sweep=content.sweep,
        counts=Counter(run.status for group in content.groups for run in group.runs),
        problems=[_problem(*item, folder, index < _LOGS_SHOWN) for index, item in enumerate(incomplete[:_PROBLEMS])],
        problems_in_all=len(incomplete),
        marks={"succeeds": SUCCEEDS, "diverged": DIVERGED},
        frames=frames,
        oscillation=[(part, [_oscillation(group) for group in part.listed]) for part in content.parts],
        provenance=provenance(content.groups),
        environment=_environment(content.groups),
        commands=commands(content.listed),
        again=again(content.sweep),
        level=LEVEL,
        many=MOST_IN_ENDS if any(len(part.groups) > MOST_IN_ENDS for part in content.parts) else 0,
        version=__version__,
        plotly=Markup(get_plotlyjs()),
    )


@cache
def template(package: str) -> jinja2.Template:
    """Return the page's template of a package."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number_text,
        "inline_json": inline_json,
        "duration": duration,
        "sortable": sortable,
        "percent": percent,
        "height": plotly_page.height,
    }
    return environment.get_template("page.html.j2")


def inline_json(figure: Figure) -> Markup:
    """Return a figure as JSON that no name in it can break out of: no <, > or & is left."""
    text = str(plotly_page.plot(figure).to_json(engine="json"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def sortable(value: float | None) -> str:
    """Return a number as JavaScript reads it (infinities too); empty for none."""
    if value is None or value != value:
        return ""
    return "Infinity" if value == float("inf") else "-Infinity" if value == float("-inf") else repr(float(value))


def duration(seconds: float | None) -> str:
    """Return ``75`` as ``1 min 15 s``."""
    if seconds is None or seconds != seconds:
        return "–"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _problem(run: Run, group: str, folder: Path, with_log: bool) -> dict[str, object]:
    log = run.path / files.LOG
    has_log = log.is_file()
    return {
        "run": run,
        "group": group,
        "link": quote(Path(os.path.relpath(log.resolve(), folder.resolve())).as_posix()) if has_log else "",
        "tail": _tail(log) if has_log and with_log and run.status == "failed" else "",
        "error": run.error.strip().splitlines()[0] if run.error.strip() else "",
    }


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _oscillation(group: Group) -> dict[str, object]:
    def middle(player: str) -> float:
        return median(np.array([run.oscillation[player] for run in group.runs if player in run.oscillation]))

    return {"group": group, "discriminator": middle("discriminator"), "generator": middle("generator")}


def provenance(groups: Sequence[Group]) -> list[dict[str, object]]:
    """Return each way in which a metric was measured: its ``name``, the ``facts`` and how many ``runs`` used it."""
    counts: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for group in groups:
        for run in group.runs:
            for name, facts in run.provenance.items():
                key = name, tuple((fact, str(value)) for fact, value in flatten(facts).items())
                counts[key] = counts.get(key, 0) + 1
    return [{"name": name, "facts": facts, "runs": count} for (name, facts), count in sorted(counts.items())]


def _environment(groups: Sequence[Group]) -> list[tuple[str, str]]:
    """Versions and commits of the runs, each with all the values that occur."""
    values: dict[str, dict[str, None]] = {}
    for group in groups:
        for run in group.runs:
            for name, value in ({**run.versions, "git": run.git} if run.git else run.versions).items():
                values.setdefault(name, {})[str(value)] = None
    return [(name, ", ".join(occurring)) for name, occurring in values.items()]


def commands(groups: Sequence[Group]) -> list[tuple[str, list[str]]]:
    """For each method the line that runs each of its seeds again, quoted for the shell."""
    return [
        (group.name, [_command(run) for run in group.runs if run.config or run.options is not None]) for group in groups
    ]


def _command(run: Run) -> str:
    """Return what gives the very signature: the overrides, or the run's own config where they are not known to."""
    if run.options is None:
        return _from("train", run.path, [run])
    return shlex.join(["steadygan", "train", *run.options, *run.overrides])


def _from(command: str, path: Path, runs: Sequence[Run]) -> str:
    trust = sorted({name for run in runs for name in _own(run.config)})
    words = [word for name in trust for word in ("--trust", name)]
    return shlex.join(["steadygan", command, "--from", files.from_here(path), *_folders(runs), *words])


def _folders(runs: Sequence[Run]) -> list[str]:
    """The options that name folders of the user's own, still there: the file of a method may be needed by its name."""
    said = dict.fromkeys(option for run in runs for option in run.options or ())
    return [option for option in said if option.startswith("--config-dir=") and Path(option.partition("=")[2]).is_dir()]


def _own(config: Config) -> Iterator[str]:
    """Yield the objects of the user's own that a config names."""
    for key, value in flatten({name: node for name, node in config.items() if name != "logger"}).items():
        if key.rpartition(".")[2] in NAMES and value is not None and not str(value).startswith("steadygan."):
            yield str(value)


def again(sweep: Sweep) -> list[str]:
    """Return the lines that run what is missing in the folders of the report, or more of it."""
    folders = dict.fromkeys(run.path.parent for run in sweep.runs) or dict.fromkeys(sweep.directories)
    return [_from("sweep", path, [run for run in sweep.runs if run.path.parent == path]) for path in folders]
