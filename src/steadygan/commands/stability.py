"""``steadygan stability RUN``: whether a trained GAN is at a stable equilibrium of its game."""

from collections.abc import Sequence
from pathlib import Path

import click

from steadygan.commands import _data, _keys, _trust


class StabilityCommand(click.Command):
    """Lists the keys in its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The keys."""
        from steadygan.analysis.studies.stability.settings import Settings

        with formatter.section("Keys"):
            formatter.write_dl(_keys.rows(Settings))


@click.command("stability", cls=StabilityCommand)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("keys", metavar="[KEY=VALUE]...", nargs=-1)
@_trust.option
def command(run: Path, keys: Sequence[str], trust: Sequence[str]) -> None:
    """Say why a run converges or not: eigenvalues of its game at a checkpoint, and a verdict.

    RUN is the folder of a run. The field that both players follow is linearised at the checkpoint, on one large batch,
    and one whole iteration of the run's own game and optimizers as well. Writes RUN/stability.json and a figure beside
    it; another checkpoint than the last has its name in theirs. dataset.root=FOLDER says where the run's data are now.
    """
    from steadygan.analysis.studies.stability.settings import Settings

    data, rest = _data.split(keys)
    settings = Settings(**_keys.values(Settings, _keys.pairs(rest), "stability", ["dataset.root"]))

    from steadygan.analysis.studies.stability.study import run as study

    study(run, settings, click.echo, trust, data)
