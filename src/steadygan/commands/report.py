"""``steadygan report``: what a sweep found."""

from pathlib import Path

import click

from steadygan.common.errors import UserError


@click.command("report")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--open", "open_page", is_flag=True, help="Show the page in the browser.")
@click.option(
    "--write-tuned",
    "config_dir",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write the tuned settings as FOLDER/tuned/DATASET/METHOD.yaml, for --config-dir FOLDER +tuned/DATASET=METHOD.",
)
@click.option(
    "--results",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write tables, figures as SVG and a page in Markdown of a tuned comparison into FOLDER, to be kept.",
)
def command(folders: tuple[Path, ...], open_page: bool, config_dir: Path | None, results: Path | None) -> None:
    """Compare the runs of a sweep, in DIR/report/index.html, results.csv, PNGs and on the terminal.

    The folder of a tuned comparison gives the comparison of its final runs, and what its search says; several such
    folders give one report over their data sets.

    Runs that are not over yet are left out, so it can be called at any time.
    """
    from steadygan.report import report
    from steadygan.report.tuned.build import report_tuned
    from steadygan.report.tuned.records import is_tuned

    tuned = [folder for folder in folders if is_tuned(folder)]
    if len(tuned) == len(folders):
        report_tuned(folders, open_page=open_page, config_dir=config_dir, results=results)
        return
    other = next(folder for folder in folders if folder not in tuned)
    if tuned:
        raise UserError(f"{other}: is no tuned comparison as {tuned[0]} is: they cannot be in one report")
    for name, value in {"--write-tuned": config_dir, "--results": results}.items():
        if value is not None:
            raise UserError(f"{name}: {other} is not the folder of a tuned comparison")
    report(list(folders), open_page=open_page)
