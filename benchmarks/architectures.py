"""The table and the picture of the sweep ``architectures``: architectures in rows, methods in columns.

    python benchmarks/architectures.py outputs/architectures-quick docs/images/architectures.png

Prints, for each cell, the median FID over seeds and, where there are not all classes or runs diverged, their smallest
number and how many did; the picture has the first samples of each cell's first seed. Report the sweep first: this reads
its ``report/results.csv``.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

import steadygan
from steadygan.common.errors import UserError
from steadygan.pictures.grid import grid

SAMPLES, COLUMNS, CLASSES = 12, 6, 10
ARCHITECTURES = ("baseline", "constant", "mlp", "unnormalised", "gated", "tanh", "resnet101")
METHODS = ("nonsaturating", "lsgan", "wgan", "wgan_gp")


def results(folder: Path) -> pd.DataFrame:
    """The runs, with the columns ``architecture`` and ``method``."""
    runs = pd.read_csv(folder / "report" / "results.csv")
    return runs.assign(architecture=runs.run.str.extract(r"^network-(?:dcgan_)?([a-z0-9]+)_"))


def there(names: tuple[str, ...], column: pd.Series) -> list[str]:
    """Those of the names that there are runs of."""
    return [name for name in names if (column == name).any()]


def cell(runs: pd.DataFrame) -> str:
    """``48``, ``210 (3 classes)`` or ``210 (1 of 2 diverged)``."""
    said = []
    classes = runs["classes/final"].min()
    if classes < CLASSES:
        said.append(f"{classes:.0f} classes")
    if diverged := (runs.status == "diverged").sum():
        said.append(f"{diverged} of {len(runs)} diverged")
    fid = runs["fid/final"].median()
    return ("-" if pd.isna(fid) else f"{fid:.0f}") + (f" ({', '.join(said)})" if said else "")


def table(runs: pd.DataFrame) -> str:
    """Rows of markdown, a cell each with its median and what went wrong."""
    methods = there(METHODS, runs.method)
    lines = [f"| architecture | {' | '.join(methods)} |", "| --- |" + " --- |" * len(methods)]
    for architecture in there(ARCHITECTURES, runs.architecture):
        rows = runs[runs.architecture == architecture]
        cells = (cell(rows[rows.method == method]) for method in methods)
        lines.append(f"| {architecture} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture(runs: pd.DataFrame, path: Path) -> None:
    """Samples of each cell."""
    architectures, methods = there(ARCHITECTURES, runs.architecture), there(METHODS, runs.method)
    size = (2.4 * len(methods), 0.9 * len(architectures))
    figure, axes = plt.subplots(len(architectures), len(methods), figsize=size, layout="constrained", squeeze=False)
    for row, architecture in zip(axes, architectures):
        for axis, method in zip(row, methods):
            axis.set(xticks=[], yticks=[])
            axis.set_frame_on(False)
            if architecture == architectures[0]:
                axis.set_title(method, fontsize=10)
            if method == methods[0]:
                axis.set_ylabel(architecture, fontsize=10)
            found = runs[(runs.architecture == architecture) & (runs.method == method)].sort_values("seed")
            try:
                samples = steadygan.load(found.path.iloc[0]).sample(SAMPLES, seed=0)
            except UserError as error:  # a run that left no checkpoint
                axis.text(0, 0, str(error).splitlines()[0], fontsize=6)
                continue
            axis.imshow(grid(samples, COLUMNS), interpolation="nearest")
    figure.savefig(path, dpi=110)
    Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)


if __name__ == "__main__":
    found = results(Path(sys.argv[1]))
    print(table(found))
    picture(found, Path(sys.argv[2]))
