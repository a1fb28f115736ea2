"""Commands whose arguments are Hydra's, but for ``--help``, which is our own."""

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

import click

from steadygan.commands.shared.hydra_app import FOLDERS
from steadygan.config import listing

HELP = ("--help", "-h")


class Passthrough(click.Command):
    """Leaves every argument but ``--help`` as it is, in ``context.args``."""

    def __init__(self, name: str, usage: str, examples: str, **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.usage, self.examples = usage, dedent(examples).strip()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Nothing but the help is ours."""
        ctx.args = list(args)
        if any(arg in HELP for arg in args) and not ctx.resilient_parsing:
            click.echo(self.get_help(ctx))
            ctx.exit()
        return ctx.args

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As given."""
        formatter.write_usage(ctx.command_path, self.usage)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, what Hydra adds, settings, and the config groups with their options."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in self.examples.splitlines()))
        folders = config_dirs(ctx.args)
        self.format_more(ctx, formatter, folders)
        with formatter.section("Hydra's options, as its users know them"):
            formatter.write_dl(HYDRA)
        with formatter.section("Settings"):
            formatter.write_dl([(f"{s.key}={s.value}", s.about) for s in listing.settings()])
        _write_groups(formatter, folders)

    def format_more(self, ctx: click.Context, formatter: click.HelpFormatter, folders: Iterable[Path]) -> None:
        """Write what a command adds to its help."""


HYDRA = [
    ("-m, --multirun", "Every combination of the values that are swept: KEY=1,2,3 or 'KEY=range(0,5)'."),
    ("--cfg job", "Print the config instead of running it; --package KEY prints a part."),
    ("--info [searchpath|defaults|...]", "Where the config comes from."),
    ("--config-dir DIR", "A folder with config groups and sweeps of your own."),
    ("hydra/launcher=NAME", "Who runs the jobs of a multirun; hydra.launcher.workers=4."),
]


def config_dirs(arguments: Iterable[str]) -> list[Path]:
    """Return the folders of the user's own that Hydra will see."""
    folders, arguments = [], iter(arguments)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in FOLDERS:
            folders.append(Path(value if equals else next(arguments, ".")).absolute())
    return folders


def _write_groups(formatter: click.HelpFormatter, folders: Iterable[Path]) -> None:
    chosen, places = listing.defaults(), listing.places()
    for group, options in listing.groups(folders).items():
        where = ", ".join(places.get(group, [group]))
        with formatter.section(f"{where} (* default)"):
            formatter.write_dl(
                [
                    (name + ("*" if name in chosen.get(group, []) else ""), listing.about(path) or "-")
                    for name, path in options.items()
                ]
            )
