"""``steadygan train``: one run, or with ``-m`` many."""

import click

from steadygan.commands import _hydra_app
from steadygan.commands._passthrough import Passthrough


@click.command(
    "train",
    cls=Passthrough,
    usage="[-m] [KEY=VALUE]... [HYDRA'S OPTIONS]",
    examples="""
        steadygan train
        steadygan train 'regularizer=[r1]' regularizer.r1.gamma=3 seed=1
        steadygan train method=wgan_gp dataset=digits iterations=20000
        steadygan train optimizer@optimizer.discriminator=sgld optimizer.discriminator.step_size=1e-7
        steadygan train +schedule@loss.alpha=linear loss=lsgan
        steadygan train -m 'regularizer=[r1]' regularizer.r1.gamma=0.1,1,10 'seed=range(0,5)'
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Train a GAN: a loss, penalties, noise, a game, two update rules, two networks and a data set.

    The same command again resumes what was stopped and skips what is done; more iterations extend it. Quote what your
    shell would read.
    """
    _hydra_app.run("config", ctx.args, ["steadygan", "train", *ctx.args])
