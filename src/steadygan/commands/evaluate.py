"""``steadygan evaluate``: scores of a finished run with other settings, or of any two sets of images."""

from pathlib import Path

import click

from steadygan.commands.shared import run_options


@click.command("evaluate")
@click.argument("run", metavar="[RUN]", required=False)
@click.argument("keys", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--images",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="DIR_A DIR_B",
    help="Score the images of DIR_A against those of DIR_B: folders or .npz files.",
)
@click.option("--raw", is_flag=True, help="Score the generator that is trained beside its average.")
@click.option("--export", type=click.Path(path_type=Path), help="Write the statistics compared with, as .npz.")
@click.option("--out", type=click.Path(path_type=Path), help="File of the scores.  [default: RUN/evaluate/...json]")
@run_options.trust_option
def command(
    run: str | None,
    keys: tuple[str, ...],
    images: tuple[Path, Path] | None,
    raw: bool,
    export: Path | None,
    out: Path | None,
    trust: tuple[str, ...],
) -> None:
    """Score the generator of RUN, or the images of DIR_A, again with other settings.

    Keys are those of the group `metrics`: metrics=[fid,kid] metrics.fid.samples=5000 metrics.weights=PATH;
    dataset.root=FOLDER says where the data of RUN are now. Without keys RUN is scored as it was while it trained, and
    images by fid, kid and precision_recall on Inception's features. A DIR_B that holds statistics (mu and sigma, as
    of pytorch-fid and clean-fid) is for metrics=[fid]. With --export the statistics of the data that fid compares
    with are written in the same layout.
    """
    if images is not None:
        from steadygan.commands.evaluating.of_images import of_images

        lines = of_images(*images, [*([run] if run else []), *keys], export, out)
    elif run is None:
        raise click.UsageError("say which RUN, or two sets of images by --images DIR_A DIR_B")
    else:
        from steadygan.commands.evaluating.of_run import of_run

        lines = of_run(Path(run), keys, raw, export, out, trust)
    for line in lines:
        click.echo(line)
