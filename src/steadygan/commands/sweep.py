"""``steadygan sweep``: the multirun that a file describes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from steadygan.commands import _catalogue as catalogue
from steadygan.commands import _hydra_app
from steadygan.commands._passthrough import Passthrough, config_dirs
from steadygan.errors import UserError, bad_value

INSTEAD = ("--multirun", "-m", "--run", "-r", "--cfg", "-c", "--info", "-i", "--hydra-help")
"""Options of Hydra's that do not go with ``--multirun``, or are it."""


class SweepCommand(Passthrough):
    """Lists the sweeps in its help, and completes their names."""

    def format_more(self, ctx: click.Context, formatter: click.HelpFormatter, folders: Iterable[Path]) -> None:
        """The sweeps."""
        with formatter.section("Sweeps"):
            formatter.write_dl(_listed(folders))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list:
        """The names of the sweeps."""
        from click.shell_completion import CompletionItem

        if split(ctx.args)[0] is not None:
            return []
        rows = _listed(config_dirs(ctx.args))
        return [CompletionItem(name, help=text) for name, text in rows if name.startswith(incomplete)]


@click.command(
    "sweep",
    cls=SweepCommand,
    usage="[NAME] [KEY=VALUE]... [HYDRA'S OPTIONS]",
    examples="""
        steadygan sweep
        steadygan sweep gamma
        steadygan sweep gamma dataset=digits iterations=2000 'seed=range(0,3)'
        steadygan sweep gamma hydra.launcher.dry_run=true
        steadygan sweep mine --config-dir my_configs
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run a sweep of the folder `sweeps`; without a name, list them with the question each answers.

    The same command again runs only what is missing. What a sweep fixes or varies can be overridden.
    """
    name, rest = split(ctx.args)
    known = catalogue.sweeps(config_dirs(ctx.args))
    if name is None and not _hydra_app.split(rest)[1]:
        _print(config_dirs(ctx.args))
        return
    if name is None:
        raise UserError(f"which sweep? steadygan sweep NAME {' '.join(rest)}\nSweeps: {', '.join(known)}")
    name = name.removesuffix(".yaml")
    if name not in known:
        raise bad_value("sweep", name, "there is no such sweep", known)
    if len(known[name]) > 1:
        paths = " and ".join(str(path) for path in known[name])
        raise UserError(f"sweep={name}: two sweeps have this name, {paths}; rename your own")
    question = catalogue.question(known[name][0])
    _hydra_app.run(name, arguments(name, rest), ["steadygan", "sweep", *ctx.args], question)


def split(args: Sequence[str]) -> tuple[str | None, list[str]]:
    """The name of the sweep, and the other arguments."""
    options, rest = _hydra_app.split(args)
    name = next((arg for arg in rest if "=" not in arg and not arg.startswith(("+", "~"))), None)
    return name, [*options, *(arg for arg in rest if arg is not name)]


def arguments(name: str, rest: Sequence[str]) -> list[str]:
    """Hydra's command line for a sweep."""
    named = [] if any(arg.startswith("name=") for arg in rest) else [f"name={name}"]
    multirun = [] if any(arg.partition("=")[0] in INSTEAD for arg in rest) else ["--multirun"]
    return [*multirun, *named, *rest]


def _listed(folders: Iterable[Path]) -> list[tuple[str, str]]:
    return [(name, catalogue.question(paths[-1]) or "-") for name, paths in catalogue.sweeps(folders).items()]


def _print(folders: Iterable[Path]) -> None:
    formatter = click.HelpFormatter(width=min(click.get_current_context().terminal_width or 110, 110))
    formatter.write_dl(_listed(folders))
    click.echo(
        formatter.getvalue() + "\nRun one: steadygan sweep NAME; what it would do: ... hydra.launcher.dry_run=true"
    )
