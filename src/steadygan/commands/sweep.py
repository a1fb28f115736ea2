"""``steadygan sweep``: the multirun that a file describes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from steadygan.commands.from_run.arguments import FLAG, FromArguments, from_arguments
from steadygan.commands.shared import hydra_app, quick
from steadygan.commands.shared.hydra_app import DRY_RUN
from steadygan.commands.shared.passthrough import Passthrough, config_dirs
from steadygan.common.errors import UserError, bad_value
from steadygan.config import listing
from steadygan.sweeps.request import Request

STATUS, ONCE = FLAGS = ("--status", "--once")

INSTEAD = ("--multirun", "-m", "--run", "-r", "--cfg", "-c", "--info", "-i", "--hydra-help")
"""Options of Hydra's that do not go with ``--multirun``, or are it."""


class SweepCommand(Passthrough):
    """Lists the sweeps in its help, and completes their names."""

    def format_more(self, ctx: click.Context, formatter: click.HelpFormatter, folders: Iterable[Path]) -> None:
        """The sweeps."""
        with formatter.section("Sweeps"):
            formatter.write_dl(_listed(folders))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list:
        """Return the names of the sweeps."""
        from click.shell_completion import CompletionItem

        if split(ctx.args)[0] is not None:
            return []
        rows = _listed(config_dirs(ctx.args))
        return [CompletionItem(name, help=text) for name, text in rows if name.startswith(incomplete)]


@click.command(
    "sweep",
    cls=SweepCommand,
    usage="[NAME | --from DIR] [--quick] [KEY=VALUE]... [HYDRA'S OPTIONS]",
    examples="""
        steadygan sweep
        steadygan sweep gamma
        steadygan sweep robustness --quick
        steadygan sweep gamma dataset=digits iterations=2000 'seed=range(0,3)'
        steadygan sweep gamma --dry-run
        steadygan sweep gamma --status
        steadygan sweep mine --config-dir my_configs
        steadygan sweep --from outputs/gamma iterations=20000
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run a sweep of the folder `sweeps`; without a name, list them with the question each answers.

    The same command again runs only what is missing. What a sweep fixes or varies can be overridden.

    --from DIR takes the jobs from a sweep's folder, whatever launches they came from: alone it runs what is missing,
    iterations=N extends all, any other KEY=VALUE begins new runs with this change.

    --dry-run only says what it would do with each job. --status shows how each job stands, live (--once: once),
    wherever it runs.

    --quick runs the small version that a sweep states of itself (fewer values, fewer iterations): minutes on two
    cores, in a folder of its own, NAME-quick.
    """
    shown = flags(ctx.args)
    asked = from_arguments(ctx.args)
    if asked.folder is not None:
        _again(asked, shown, ["steadygan", "sweep", *ctx.args])
        return
    name, rest = split([arg for arg in ctx.args if arg not in (quick.FLAG, *FLAGS)])
    known = listing.sweeps(config_dirs(ctx.args))
    if name is None and not hydra_app.split(rest)[1]:
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
    question = listing.question(known[name][0])
    folder = name
    if quick.FLAG in ctx.args:
        small = quick.overrides(name, known, rest)
        folder, rest = f"{name}-quick", [*(small if _is_multirun(rest) else quick.single(small)), *rest]
    words = [*arguments(folder, rest), *(shown if _is_multirun(rest) else [])]
    hydra_app.run(name, words, ["steadygan", "sweep", *ctx.args], Request(question=question))


def _again(asked: FromArguments, shown: Sequence[str], command_words: list[str]) -> None:
    """Launch the jobs of a sweep's folder again."""
    asked = asked._replace(rest=[arg for arg in asked.rest if arg not in FLAGS])
    name = split(asked.rest)[0]
    if quick.FLAG in asked.rest or name is not None:
        raise UserError(f"{name or quick.FLAG}: does not go with {FLAG}, whose folder says what its jobs are")
    from steadygan.commands.from_run.relaunch import complete, of_sweep

    again, request = of_sweep(asked)
    with complete(asked.folder):
        hydra_app.run("config", [*again, *shown], command_words, request)


def flags(args: Sequence[str]) -> list[str]:
    """Return the overrides that tell the launcher whether only to show how the jobs stand."""
    if ONCE in args and STATUS not in args:
        raise UserError(f"{ONCE} goes with {STATUS}: steadygan sweep NAME {STATUS} {ONCE}")
    if STATUS in args and DRY_RUN in args:
        raise UserError(f"{STATUS} shows how the jobs stand, {DRY_RUN} what a launch would do: ask for one of them")
    return [f"hydra.launcher.status={'once' if ONCE in args else 'live'}"] if STATUS in args else []


def split(args: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the name of the sweep, and the other arguments."""
    options, rest = hydra_app.split(args)
    name = next((arg for arg in rest if "=" not in arg and not arg.startswith(("+", "~"))), None)
    return name, [*options, *(arg for arg in rest if arg is not name)]


def arguments(name: str, rest: Sequence[str]) -> list[str]:
    """Return Hydra's command line for a sweep in the folder ``name``."""
    named = [] if any(arg.startswith("name=") for arg in rest) else [f"name={name}"]
    multirun = ["--multirun"] if _is_multirun(rest) else []
    return [*multirun, *named, *rest]


def _is_multirun(rest: Sequence[str]) -> bool:
    return not any(arg.partition("=")[0] in INSTEAD for arg in rest)


def _listed(folders: Iterable[Path]) -> list[tuple[str, str]]:
    return [(name, listing.question(paths[-1]) or "-") for name, paths in listing.sweeps(folders).items()]


def _print(folders: Iterable[Path]) -> None:
    formatter = click.HelpFormatter(width=min(click.get_current_context().terminal_width or 110, 110))
    formatter.write_dl(_listed(folders))
    click.echo(
        formatter.getvalue() + "\nRun one: steadygan sweep NAME; a small version of it: ... --quick; "
        f"what it would do: ... {DRY_RUN}"
    )
