"""``steadygan stability RUN``: whether a trained GAN is at a stable equilibrium of its game."""

from collections.abc import Sequence
from pathlib import Path

import click

from steadygan.commands.shared import run_options


class StabilityCommand(click.Command):
    """Lists the keys in its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the keys."""
        from steadygan.analysis.studies.stability.settings import Settings
        from steadygan.commands.shared.keys import rows

        with formatter.section("Keys"):
            formatter.write_dl(rows(Settings))


@click.command("stability", cls=StabilityCommand)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("keys", metavar="[KEY=VALUE]...", nargs=-1)
@run_options.trust_option
def command(run: Path, keys: Sequence[str], trust: Sequence[str]) -> None:
    """Say why a run converges or not: eigenvalues of its game at a checkpoint, and a verdict.

    RUN is the folder of a run. The field that both players follow is linearised at the checkpoint, on one large batch,
    and one whole iteration of the run's own game and optimizers as well. Writes RUN/stability.json and a figure beside
    it; another checkpoint than the last has its name in theirs. dataset.root=FOLDER says where the run's data are now.
    """
    from steadygan.analysis.studies.stability.settings import Settings
    from steadygan.commands.shared.keys import pairs, values

    data, rest = run_options.split(keys)
    settings = Settings(**values(Settings, pairs(rest), "stability", ["dataset.root"]))

    from steadygan.analysis.studies.stability.study import run as study

    study(run, settings, click.echo, trust, data)
