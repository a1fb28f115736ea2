"""``steadygan sync DIR``: offline runs to W&B."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from steadygan.loggers.sync import Plan


@click.command("sync")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only list what would be sent.")
def command(folder: Path, dry_run: bool) -> None:
    """Send offline W&B runs.

    DIR is a run, the folder of a sweep, or the folder of all runs. What has been sent is not sent again: interrupted,
    the same command goes on. Rows that W&B missed come from each run's metrics.csv.
    """
    from steadygan.loggers import sync

    runs = sync.find(folder)
    damaged = runs.damaged
    over = [run for run in runs.runs if not sync.running(run)]
    for run in sorted(set(runs.runs) - set(over)):
        click.echo(f"{run}: not over yet, left out; launch it again if it was killed")
    if not dry_run:
        sync.ready()
    todo = [plan for plan in sync.plan_all(over, damaged) if not plan.done]
    if dry_run:
        for plan in todo:
            click.echo(_line(plan))
    click.echo(f"{len(todo)} of {len(runs.runs) + len(runs.damaged)} runs to send")
    unsent = []
    if todo and not dry_run:
        unsent = sync.send_all(todo, sync.send, lambda count: click.echo(f"{count} of {len(todo)} done"))
    for run, reason in damaged:
        click.echo(f"damaged, left out: {run}: {reason}", err=True)
    if unsent:
        click.echo("\n".join(dict.fromkeys(error for _, error in unsent)), err=True)
        for path, _ in unsent:
            click.echo(f"not sent: {path}", err=True)
        click.echo("The same command tries these again.", err=True)
    if unsent or damaged:
        raise SystemExit(1)


def _line(plan: "Plan") -> str:
    """Describe one run and what it lacks on the server."""
    parts = [
        (len(plan.unsent), "file of W&B's", "files of W&B's"),
        (len(plan.rows), "row from metrics.csv", "rows from metrics.csv"),
        (len(plan.pictures), "picture", "pictures"),
        (len(plan.cut_off), "file replaced that was cut off", "files replaced that were cut off"),
    ]
    return f"{plan.run}: " + ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in parts if count)
