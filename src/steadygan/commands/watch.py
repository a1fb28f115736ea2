"""``steadygan watch``: how a sweep stands that was started elsewhere."""

from pathlib import Path

import click


@click.command("watch")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Print how it stands now, and end.")
def command(folder: Path, once: bool) -> None:
    """Show a sweep that runs elsewhere: what is done, running, waiting, lost, and the time left.

    DIR is the folder of a sweep, such as outputs/gamma. All is read from the files of its runs, so any machine that
    sees the folder will do. It ends with the sweep; Ctrl-C ends it at any time and leaves the sweep alone.
    """
    from steadygan.sweeps import display

    if once:
        display.show(folder)
        return
    try:
        display.follow(folder)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
