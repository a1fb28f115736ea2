"""The folder of a tuned comparison, written with chosen scores, as ``steadygan sweep tuned`` writes it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from steadygan.runs import files

T = 1000
SPACE = {"optimizer.generator.lr": "tag(log,interval(1e-4,1e-2))", "game.n_critic": "choice(1,2,5)"}
METRICS = ("modes", "wasserstein")


def setting(lr: float, n_critic: int = 2) -> list[str]:
    """Return the overrides of a setting in SPACE."""
    return [f"optimizer.generator.lr={lr:g}", f"game.n_critic={n_critic}"]


def write_run(folder: Path, asked: Sequence[str], scores: Mapping[int, float | None], modes: float = 8.0) -> None:
    """Write a run.

    Args:
        folder: of the stage.
        asked: overrides, method and seed among them.
        scores: Wasserstein distance by iteration, the last one that of the end; None where it diverged.
        modes: at all evaluations.
    """
    texts = dict(text.split("=", 1) for text in asked)
    seed, end = int(texts["seed"]), max(scores)
    run = folder / "_".join(text.replace("/", "-") for text in asked)
    diverged = None in scores.values()
    rows = [
        {"iteration": at, "images": at, "seconds": at / 100, "metric/modes": modes, "metric/wasserstein": value}
        for at, value in scores.items()
        if value is not None
    ]
    finals = {"modes": modes, "wasserstein": scores[end]}
    metrics = {
        name: {"final": None if diverged else finals[name], "best": finals[name], "area": finals[name],
               "direction": "max" if name == "modes" else "min"}
        for name in METRICS
    }  # fmt: skip
    summary = {
        "status": "diverged" if diverged else "completed",
        "signature": f"{folder.name}{run.name}",
        "method": texts["method"],
        "seed": seed,
        "iteration": end,
        "iterations": end,
        "seconds": 2.0,
        "metrics": metrics,
        "provenance": {"modes": {"most": {"modes": 8}}},
        "versions": {"torch": "2.14"},
        "options": [],
    }
    files.write_json(run / files.SUMMARY, summary)
    files.write_text(run / files.OVERRIDES, yaml.safe_dump(list(asked)))
    files.write_text(run / files.CONFIG, yaml.safe_dump({"seed": seed}))
    if rows:
        files.write_rows(run / files.METRICS, list(rows[0]), rows)


def method(
    root: Path,
    name: str,
    *,
    search: Sequence[Sequence[float | None]],
    final: Sequence[tuple[float | None, float | None]] | None = None,
    published: Sequence[float | None] = (),
    paper: Sequence[str] = (),
    modes: float = 8.0,
    tuned: int = 0,
) -> dict:
    """Write the runs of a method and return what ``tuned.json`` says of it.

    Args:
        root: of the comparison.
        name: of the method.
        search: the score of each trial by seed 0, 1, ...
        final: scores at T and at 2 T of seeds 1000, 1001, ...; None: there is no tuned setting yet.
        published: scores of seeds 1000, 1001, ...
        paper: overrides of the published setting.
        modes: that all runs cover.
        tuned: the trial that is the tuned setting.
    """
    settings = [setting(1e-4 * 10 ** (2 * (trial + 0.5) / len(search))) for trial in range(len(search))]
    for overrides, scores in zip(settings, search, strict=True):
        for seed, score in enumerate(scores):
            write_run(root / "search", [f"method={name}", *overrides, f"seed={seed}"], {T: score}, modes)
    for index, (short, long) in enumerate(final or ()):
        asked = [f"method={name}", *settings[tuned], f"seed={1000 + index}"]
        write_run(root / "final", asked, {T: short, 2 * T: long}, modes)
    for index, score in enumerate(published):
        write_run(root / "published", [f"method={name}", *paper, f"seed={1000 + index}"], {T: score}, modes)
    trained = [each for each, scores in zip(settings, search, strict=True) if None not in scores]
    candidates = [
        {"overrides": each, "search": {"mean_rank": 1.0, "scores": {}}, "selection": None} for each in trained
    ]
    return {
        "overrides": [f"method={name}"],
        "space": SPACE,
        "candidates": candidates,
        "published": {"overrides": list(paper), "source": "experiment=paper"},
        "tuned": settings[tuned] if final else None,
    }


def write(
    root: Path, methods: Mapping[str, dict], *, seeds: int, dataset: str = "ring", floor: Sequence[float] = ()
) -> Path:
    """Write ``tuned.json`` for methods of which ``method`` has written the runs; return the folder."""
    stages = {
        "search": {"folder": "search", "trials": 4, "seeds": [0, 1], "iterations": T},
        "selection": {"folder": "selection", "best": 2, "seeds": [100], "iterations": T},
        "final": {"folder": "final", "seeds": list(range(1000, 1000 + seeds)), "iterations": 2 * T},
        "published": {"folder": "published", "seeds": [1000], "iterations": T},
    }
    about = {
        "name": root.name,
        "question": "Which is best?",
        "commands": ["steadygan sweep tuned 'method=a,b' outputs=/somewhere/outputs"],
        "metric": "wasserstein",
        "direction": "min",
        "iterations": T,
        "threshold": {"modes": "90 %"},
        "stages": stages,
        "datasets": {
            dataset: {"floor": {"values": list(floor), "samples": 100} if floor else None, "methods": methods}
        },
    }
    files.write_json(root / "tuned.json", about)
    return root
