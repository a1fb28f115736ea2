"""``steadygan train``: one run, or with ``-m`` many."""

import click

from steadygan.commands.from_run.arguments import from_arguments
from steadygan.commands.shared import hydra_app
from steadygan.commands.shared.passthrough import Passthrough
from steadygan.sweeps.request import Request


@click.command(
    "train",
    cls=Passthrough,
    usage="[--from RUN] [-m] [KEY=VALUE]... [HYDRA'S OPTIONS]",
    examples="""
        steadygan train
        steadygan train 'regularizer=[r1]' regularizer.r1.gamma=3 seed=1
        steadygan train method=wgan_gp dataset=digits iterations=20000
        steadygan train optimizer@optimizer.discriminator=sgld optimizer.discriminator.step_size=1e-7
        steadygan train +schedule@loss.alpha=linear loss=lsgan
        steadygan train -m 'regularizer=[r1]' regularizer.r1.gamma=0.1,1,10 'seed=range(0,5)'
        steadygan train method=wgan_gp dataset=digits --dry-run
        steadygan train --from outputs/runs/RUN iterations=20000
        steadygan train --from outputs/runs/RUN loss=hinge -m 'seed=range(0,5)'
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Train a GAN: a loss, penalties, noise, a game, two update rules, two networks and a data set.

    The same command again resumes what was stopped and skips what is done; more iterations extend it. Quote what your
    shell would read.

    --from RUN takes all settings from a run's folder: alone it continues the run, iterations=N extends it, any other
    KEY=VALUE begins a new run with this change. A group that is chosen begins anew, with its defaults. Objects of your
    own that the folder names are built if you --trust them by name.

    --dry-run only says what would be done, with the signature and the folder of each run.
    """
    asked = from_arguments(ctx.args)
    command_words = ["steadygan", "train", *ctx.args]
    if asked.folder is None:
        hydra_app.run("config", ctx.args, command_words, Request())
        return
    from steadygan.commands.from_run.relaunch import complete, of_run

    arguments, request = of_run(asked)
    with complete(asked.folder):
        hydra_app.run("config", arguments, command_words, request)
