"""``steadygan theory dirac``: everything, into one folder."""

from collections.abc import Callable
from pathlib import Path

import torch

from steadygan.analysis.studies.dirac import figures
from steadygan.analysis.studies.dirac.cloud import POINTS, films
from steadygan.analysis.studies.dirac.page import page
from steadygan.analysis.studies.dirac.page import table as as_figure
from steadygan.analysis.studies.dirac.settings import Settings
from steadygan.analysis.studies.dirac.simulate import ring, trajectories
from steadygan.analysis.studies.dirac.systems import UPDATES, System, methods
from steadygan.analysis.studies.dirac.verdict import records
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.core.draws import generator
from steadygan.data.curves import Circle
from steadygan.figures.page import menu, play, plot
from steadygan.figures.png import save, save_gif

START = [[1.2, 0.6]]
"""Of the trajectory that is drawn and whose norm is shown; a circle of others follows it."""


def run(folder: Path, settings: Settings, report: Callable[[str], None]) -> None:
    """Write ``results.json``, four PNGs, two GIFs and the interactive page into ``folder``."""
    torch.set_num_threads(1)
    results = records(settings)
    drawings = draw(settings, results)
    planes, norms = figures.trajectories(drawings), figures.norms(drawings, settings.step)
    eigenvalues, moving = figures.eigenvalues(drawings), figures.animation(drawings)
    write(folder, results, trajectories=planes, norms=norms, eigenvalues=eigenvalues)
    report(table(results))
    save_gif(moving, folder / "trajectories.gif")
    shown = {
        "Methods": menu(planes),
        "Trajectories": play(moving),
        "Distance to the equilibrium": plot(norms),
        "Eigenvalues of one iteration": plot(eigenvalues),
        "Expected and found": as_figure(results),
    }
    if settings.cloud_iterations:
        real, _ = Circle().sample(POINTS, generator(settings.seed, "shown"))
        trained = films(settings.cloud_iterations, settings.seed)
        clouds = figures.clouds(trained, real)
        save_gif(clouds, folder / "cloud.gif", frame_ms=125)
        save(clouds.still(-1), folder / "cloud.png")
        shown |= {f"Two dimensions: {film.name}": play(figures.clouds([film], real)) for film in trained}
    page(folder / "dirac.html", shown)
    list_files(folder, report)


def draw(settings: Settings, results: list[Record]) -> list[figures.Drawing]:
    """Return the drawings of each method on the Dirac-GAN."""
    known = {(r["method"], r["update"]): r for r in results if r["case"] == "general"}
    starts = torch.cat([torch.tensor(START, dtype=torch.float64), ring((1.5,), 6)])
    drawings = []
    for name, method in methods(settings).items():
        systems = {update: System(method, update, 0.0, settings.n_critic) for update in UPDATES}
        drawings.append(
            figures.Drawing(
                name,
                figures.field(systems["simultaneous"]),
                {
                    update: trajectories(system, starts, settings.step, settings.iterations, settings.seed).numpy()
                    for update, system in systems.items()
                },
                {update: known[name, update]["mode"] for update in UPDATES},
                {update: known[name, update]["eigenvalues_discrete"] for update in UPDATES},
            )
        )
    return drawings


def table(results: list[Record]) -> str:
    """Expected and found, as on paper: absolutely continuous / general; found for each update."""
    words = {True: "yes", False: "no", None: "-"}
    lines = [f"{'method':18}{'expected':12}{'simultaneous':38}{'alternating':38}", f"{'':18}{'a.c. / general':15}"]
    cells = {(r["method"], r["update"], r["case"]): r for r in results}
    for name in dict.fromkeys(r["method"] for r in results):
        observed = []
        for update in UPDATES:
            both = [cells[name, update, case] for case in ("absolutely_continuous", "general")]
            answer = " / ".join(words[r["found"]] for r in both)
            observed.append(f"{answer} ({both[1]['mode']})")
        expected = [words[cells[name, UPDATES[0], case]["expected"]] for case in ("absolutely_continuous", "general")]
        lines.append(f"{name:18}{' / '.join(expected):12}{observed[0]:38}{observed[1]:38}".rstrip())
    return "\n".join([*lines, *reasons(results)])


def reasons(results: list[Record]) -> list[str]:
    """Return why cells differ from what is expected: a line for each reason of a method, with its cells."""
    same: dict[tuple[str, str], list[str]] = {}
    for record in results:
        if record["why"]:
            cells = same.setdefault((record["method"], record["why"]), [])
            cells.append(f"{record['update']} {record['case']}")
    return [f"{name} ({', '.join(cells)}): {why}" for (name, why), cells in same.items()]
