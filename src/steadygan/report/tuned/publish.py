"""Results to keep: a page in Markdown with figures as SVG, small enough for a repository."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import jinja2

from steadygan.figures.png import save
from steadygan.report.tuned.content import Compared, Content
from steadygan.report.tuned.records import STAGES
from steadygan.report.verdict import number_text
from steadygan.runs import files

README = "README.md"


def write_results(content: Content, compared: Sequence[Compared], folder: Path) -> None:
    """Write ``README.md`` and the figures of a report into a folder; the tables lie there already.

    Args:
        content: of the report.
        compared: what it compares.
        folder: where to.
    """
    for plot in content.plots:
        save(plot.figure, folder / f"{plot.name}.svg")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("steadygan.report.tuned", "."),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["cell"] = _cell
    page = environment.get_template("results.md.j2").render(
        content=content,
        hours=_hours(compared),
        versions=_versions(compared),
        commands=list(dict.fromkeys(_portable(command) for command in content.commands)),
    )
    files.write_text(folder / README, page)


def _portable(command: str) -> str:
    """Return a command without the place of its outputs, which is one machine's own."""
    words = shlex.split(command)
    return shlex.join(word for word in words if not word.startswith("outputs="))


def _cell(value: object) -> str:
    """Return what a cell of a Markdown table holds."""
    text = value if isinstance(value, str) else number_text(value)  # pyright: ignore[reportArgumentType]  # a number
    return text.replace("|", "\\|")


def _hours(compared: Sequence[Compared]) -> list[tuple[str, str, int, float]]:
    """Return data set, stage, runs and hours of all runs together."""
    rows = []
    for tuned, standing in compared:
        for stage in STAGES:
            runs = [each.run for each in tuned.records_of(standing.dataset, stage)]
            rows.append((standing.label, stage, len(runs), sum(run.seconds or 0.0 for run in runs) / 3600))
    return rows


def _versions(compared: Sequence[Compared]) -> list[tuple[str, str]]:
    """Return each program with all its versions that occur, and the commits."""
    occurring: dict[str, dict[str, None]] = {}
    for tuned in {id(tuned): tuned for tuned, _ in compared}.values():
        for record in tuned.records:
            known = {**record.run.versions, **({"git": record.run.git} if record.run.git else {})}
            for name, value in known.items():
                occurring.setdefault(name, {})[str(value)] = None
    return [(name, "; ".join(values)) for name, values in occurring.items()]
