"""``results.csv``: one row a run, numbers with all their digits."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from steadygan.report.datasets import by_dataset
from steadygan.report.groups import Group, swept_numbers
from steadygan.report.shares import meets_threshold
from steadygan.runs import files
from steadygan.runs.threshold import Bound


def table(
    groups: Sequence[Group],
    named: Sequence[str] = (),
    threshold: Sequence[Bound] = (),
    datasets: Mapping[Path, str] | None = None,
) -> pd.DataFrame:
    """Return a row for each run, failed and unfinished ones included.

    Columns: ``group`` (the name on the page), ``dataset`` (by the run's folder in ``datasets``), the run's own fields,
    ``<swept key>``, ``<metric>/final|best|gap|area``, ``reached/<bound>/iteration|images|seconds`` of thresholds of the
    runs, ``oscillation/<player>``, ``path``; and ``trains``, where the sweep has a threshold (empty: not known yet).
    """
    if datasets is None:
        runs = [run for group in groups for run in group.runs]
        datasets = {run.path: name for name, members in by_dataset(runs).items() for run in members}
    keys = swept_numbers(list(groups), named)
    rows = []
    for group in groups:
        for run in group.runs:
            row = {
                "group": group.name,
                "dataset": datasets[run.path],
                "run": run.name,
                "method": run.method,
                "label": run.label,
                "seed": run.seed,
                "status": run.status,
                "iteration": run.iteration,
                "iterations": run.iterations,
                "seconds": run.seconds,
                "memory_mb": run.memory,
                "diverged_at": run.diverged_at,
                "error": run.error or None,
                "signature": run.signature or None,
            }
            row |= {"trains": meets_threshold(run, threshold)} if threshold else {}
            row |= {key: group.settings.get(key) for key in keys}
            for name, score in run.scores.items():
                row |= {f"{name}/{kind}": getattr(score, kind) for kind in ("final", "best", "gap", "area")}
            for bound, met in run.reached.items():
                row |= {f"reached/{bound}/{kind}": value for kind, value in vars(met).items()}
            row |= {f"oscillation/{player}": value for player, value in run.oscillation.items()}
            rows.append(row | {"path": str(run.path)})
    frame = pd.DataFrame(rows)
    counts = [name for name in frame if name.startswith("reached/") and not name.endswith("/seconds")]
    integers = [name for name in ("seed", "iteration", "iterations", "diverged_at", *counts) if name in frame]
    truths = {"trains": "boolean"} if "trains" in frame else {}
    return frame.astype(dict.fromkeys(integers, "Int64") | truths)


def write(frame: pd.DataFrame, path: Path) -> None:
    """Floats are written so that they read back to the same bits."""
    files.write_text(path, frame.to_csv(index=False, lineterminator="\n"))
