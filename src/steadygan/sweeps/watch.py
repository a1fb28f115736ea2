"""Display of ``steadygan watch``: a sweep that was started elsewhere."""

import time
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from steadygan.sweeps.progress import COLOURS, LATEST, Display
from steadygan.sweeps.tally import duration, main_metric, speed
from steadygan.sweeps.watching import OVER, Seen, Snapshot, Watcher

SECONDS = 1.0
"""Between two looks."""

STYLES = {**COLOURS, "stale": "magenta"}


class Watch(Display):
    """The overall bar, the runs that are not over, those that failed, and those that ended last."""

    def __init__(self, watcher: Watcher, console: Console | None = None) -> None:
        super().__init__(console, time.monotonic)
        self.watcher = watcher
        self.now = watcher.look()

    def look(self) -> None:
        """Look again; where there is no terminal, say what ended since, and now and then how it stands."""
        before = {run.path: run.status for run in self.now.runs}
        self.now = self.watcher.look()
        if not self.console.is_terminal:
            for run in self.now.runs:
                if run.status in (*OVER, "preempted", "stale") and before.get(run.path) != run.status:
                    self.say(_line(run))
        self.tick()

    def line(self) -> str:
        """Return the line of the snapshot."""
        return self.now.line()

    def render(self) -> RenderableType:
        """Fits the screen: what is left out is counted."""
        return picture(self.now, max(self.console.height - 4, 3))


def picture(now: Snapshot, room: int | None = None) -> RenderableType:
    """Return the bar and a line for each run, ``room`` of them at most; of the runs that ended well the last ones
    only."""
    well = [run for run in now.runs if run.status == "completed"]
    runs = [run for run in now.runs if run.status != "completed"] + well[:LATEST]
    shown = runs[:room]
    done, total = sum(run.status in OVER for run in now.runs), len(now.runs) + now.waiting
    grid = Table.grid(padding=(0, 1))
    grid.add_row(ProgressBar(total=max(total, 1), completed=done, width=40), now.line())
    parts: list[RenderableType] = [grid, _table(shown)]
    hidden = len(now.runs) - len(shown)
    return Group(*parts, Text(f"and {hidden} more", style="dim")) if hidden else Group(*parts)


def _table(runs: list[Seen]) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=10)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=12)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
    for run in runs:
        bar = ProgressBar(total=max(run.iterations, 1), completed=run.iteration, width=12)
        table.add_row(
            Text(run.status, style=STYLES.get(run.status, "")),
            Text(run.name),
            "" if run.status == "completed" else bar,
            f"{run.iteration}/{run.iterations}",
            speed(run.rate),
            Text(_remark(run)),
        )
    return table


def _remark(run: Seen) -> str:
    if run.error and run.status != "running":  # one that runs again has the error of the launch before
        return run.error
    if run.status == "stale":
        return f"no change for {duration(run.quiet)}"
    if run.status == "running" and run.owner:
        return "  ".join(filter(None, [main_metric(run.metrics, run.most), f"({run.owner})"]))
    return main_metric(run.metrics, run.most)


def _line(run: Seen) -> str:
    """Return ``running  r1 seed=0  1200/5000  310 it/s  modes 8``."""
    words = [run.status, run.name, f"{run.iteration}/{run.iterations}", speed(run.rate), _remark(run)]
    return "  ".join(filter(None, words))


def show(watched: Path | Watcher, console: Console | None = None) -> None:
    """How the sweep in a folder, or what a watcher sees, stands now."""
    console = console or Console()
    now = _watcher(watched).look()
    if console.is_terminal:
        console.print(picture(now))
    else:
        console.print(Text(now.line()), soft_wrap=True)
        for run in now.runs:
            console.print(Text(_line(run)), soft_wrap=True)
    _advise(now, console)


def _watcher(watched: Path | Watcher) -> Watcher:
    return watched if isinstance(watched, Watcher) else Watcher(watched)


def follow(watched: Path | Watcher, console: Console | None = None) -> None:
    """Show it until all of it is over, or until Ctrl-C."""
    console = console or Console()
    watch = Watch(_watcher(watched), console)
    if not console.is_terminal:
        watch.say(watch.line())
    with watch:
        while not watch.now.over:
            time.sleep(SECONDS)
            watch.look()
    if console.is_terminal:
        console.print(picture(watch.now))
    else:
        watch.say(watch.line())
    _advise(watch.now, console)


def _advise(now: Snapshot, console: Console) -> None:
    def say(text: str) -> None:
        console.print(Text(text), soft_wrap=True)

    if now.count("stale"):
        say("stale: no file has changed for long. If its process is gone, the command of the sweep goes on from there.")
    if now.count("failed"):
        say("failed: the end of the log is in the run's log.txt; retry=true runs failed runs again.")
