"""``steadygan sample RUN``: the pictures of a trained GAN."""

from pathlib import Path

import click

from steadygan.commands.shared import run_options
from steadygan.common.errors import bad_value


@click.command("sample")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("keys", metavar="[dataset.root=FOLDER]", nargs=-1)
@click.option("--seed", default=0, show_default=True, help="Of the latents.")
@click.option(
    "--count", type=click.IntRange(min=1), help="Samples in the grid or the plane.  [default: 64 images, 500 points]"
)
@click.option("--raw", is_flag=True, help="The generator that is trained, in place of its average.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: RUN/pictures]")
@run_options.trust_option
def command(
    run: Path,
    keys: tuple[str, ...],
    seed: int,
    count: int | None,
    raw: bool,
    out: Path | None,
    trust: tuple[str, ...],
) -> None:
    """Draw samples of a run, interpolations, nearest neighbours and more.

    RUN is the folder of a run. What it writes: a grid of samples, interpolations between latents, the training
    examples nearest to samples (in pixels and in a classifier's features), samples by class, the classes of a
    conditional GAN over the iterations, and an animation over the training; for points samples over the critic's
    contours, the critic's gradient field, and the histogram over modes; of covariance-controlled rules the level of
    the noise over the run. What needs the data of the run is left out where they are not; dataset.root=FOLDER says
    where they are now.
    """
    from steadygan import load
    from steadygan.commands.sampling.drawings import write
    from steadygan.commands.sampling.subject import Subject

    data, rest = run_options.split(keys)
    if rest:
        key, _, value = rest[0].partition("=")
        raise bad_value(key, value, "no such key", ["dataset.root", "dataset.download"])
    trained = load(run, trust, data)
    subject = Subject(trained, seed=seed, count=count, ema=not raw)
    for line in write(subject, out or trained.directory / "pictures"):
        click.echo(line)
