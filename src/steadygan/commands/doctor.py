"""``steadygan doctor``: what this machine has."""

from pathlib import Path

import click

COLOURS = {"ok": "green", "missing": "yellow", "broken": "red"}


@click.command("doctor")
@click.option(
    "--outputs", default="outputs", show_default=True, type=click.Path(path_type=Path), help="Where runs would go."
)
def command(outputs: Path) -> int:
    """Say what this machine has and lacks, each lack with the line that mends it.

    Ends with 0 unless something is broken without which nothing trains. What is missing is needed by some only.
    """
    from steadygan.doctor.examine import examine

    broken = 0
    for finding in examine(outputs):
        state = click.style(f"{finding.state:8}", fg=COLOURS[finding.state])
        click.echo(f"{finding.name:17} {state} {finding.seen}")
        if finding.mend:
            click.echo(f"{'':17} {'':8} -> {finding.mend}")
        broken += finding.state == "broken"
    return 1 if broken else 0
