"""The command ``steadygan``: finds the commands, and turns what goes wrong into a message and an exit code."""

import contextlib
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence

import click

from steadygan import __version__, commands
from steadygan.common import signals
from steadygan.common.errors import Interrupted, UserError, did_you_mean

SECTIONS = {
    "Run": ("train", "sweep", "reproduce", "theory"),
    "Read": ("report", "watch", "evaluate", "sample", "stability"),
    "Look after": ("doctor", "sync"),
}
"""What a user looks for; a command that is not named here is listed under `More`."""


class LazyGroup(click.Group):
    """Its commands are the modules of ``steadygan.commands``: ``command`` in each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the sections."""
        order = [name for names in SECTIONS.values() for name in names]
        modules = [module.name for module in pkgutil.iter_modules(commands.__path__) if not module.ispkg]
        names = [name.replace("_", "-") for name in modules]
        return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        module = f"{commands.__name__}.{cmd_name.replace('-', '_')}"
        try:
            return None if cmd_name.startswith(("_", "-")) else importlib.import_module(module).command
        except ModuleNotFoundError as error:
            if error.name == module:
                return None
            raise

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        """With the closest name for one that does not exist."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            names = self.list_commands(ctx)
            hint = did_you_mean(args[0], names).lstrip(". ") or f"Commands: {', '.join(names)}"
            ctx.fail(f"there is no command '{args[0]}'. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """By section."""
        names = self.list_commands(ctx)
        named = {name for section in SECTIONS.values() for name in section}
        sections = {**SECTIONS, "More": tuple(name for name in names if name not in named)}
        for title, members in sections.items():
            known = {name: self.get_command(ctx, name) for name in members if name in names}
            rows = [(name, command.get_short_help_str(200)) for name, command in known.items() if command]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 120})
@click.version_option(__version__, prog_name="steadygan")
def cli() -> None:
    """Compare methods that stabilise GANs: any loss, penalty, noise and update rule, swept over settings and seeds.

    Start with `steadygan sweep`, which lists the questions that sweeps answer.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 (failure), 2 (a user's mistake) or 130 (Ctrl-C)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's own package, next to where they work, as with `python -m`
    try:
        code = cli.main(args=arguments, prog_name="steadygan", standalone_mode=False)
    except UserError as error:
        return _end(f"Error: {error}", 2)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Interrupted as error:
        signals.leave()
        return _end(f"Interrupted: {error}", 130)
    except (KeyboardInterrupt, click.Abort):
        return _end("Interrupted: the same command goes on from there", 130)
    except Exception as error:
        return _failed(error)
    return code if isinstance(code, int) else 0


def _failed(error: Exception) -> int:
    from steadygan.sweeps.launching import SweepFailed

    if isinstance(error, SweepFailed):
        return _end(f"Error: {error}", 1)
    traceback.print_exception(error)
    return 1


def _end(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # the terminal may be closed
        click.echo(message, err=True)
    return code
