"""``steadygan theory perfect-discriminator``.

Reference: Arjovsky and Bottou (2017), figures 2 and 3, arXiv:1701.04862.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from steadygan.analysis.studies.discriminator_training import composed, fresh
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.analysis.studies.perfect_discriminator.retrain import Look, retrain
from steadygan.analysis.studies.perfect_discriminator.settings import Settings
from steadygan.analysis.studies.perfect_discriminator.theorems import cauchy, identity
from steadygan.analysis.studies.perfect_discriminator.variants import overrides, remedies, shape
from steadygan.analysis.studies.progress import track
from steadygan.common.errors import bad_value
from steadygan.figures.spec import Axis, Band, Figure, Line, Mark, Panel
from steadygan.figures.style import styles


def run(folder: Path, settings: Settings, report: Callable[[str], None]) -> None:
    """Write ``results.json`` and ``perfect_discriminator.png`` into ``folder``."""
    torch.set_num_threads(1)
    results = list(track(retrained(settings), total(settings), "discriminators"))
    checks = [*cauchy(settings), *identity()]
    write(folder, [*results, *checks], perfect_discriminator=figure(results))
    report(table(results))
    p_values = [check["p_value"] for check in checks if check["kind"] == "cauchy"]
    report(f"Cauchy distribution: {sum(p < 0.01 for p in p_values)} of {len(p_values)} coordinates below p = 0.01")
    worst = max(check["difference"] for check in checks if check["kind"] == "identity")
    report(f"gradients of -log D and of KL - 2 JSD: largest relative difference {worst:.1e}")
    list_files(folder, report)


def total(s: Settings) -> int:
    """Discriminators to be trained."""
    return s.seeds * len(s.ages) * len(remedies(s, len(shape(tuple(overrides(s, 0)))) == 3))


def retrained(s: Settings) -> Iterator[list[Record]]:
    """Yield the records of each discriminator that is trained anew, one list each."""
    marks = s.ages
    for seed in range(s.seeds):
        base_overrides = overrides(s, seed)
        gan = fresh(composed(base_overrides))
        epoch = max(1, gan.components.dataset.num_data // s.batch_size)
        for mark in marks:
            for iteration in range(gan.iteration, mark * epoch):
                gan.advance(iteration)
                if gan.diverged_at is not None:
                    raise bad_value("lr", s.lr, f"the GAN diverged in iteration {gan.diverged_at}")
            for name, remedy in remedies(s, len(gan.components.dataset.shape) == 3).items():
                looks = retrain(gan, composed([*base_overrides, *remedy]), s, seed)
                yield [record(look, name, mark, seed) for look in looks]


def record(look: Look, remedy: str, epochs: int, seed: int) -> Record:
    """Return one line of ``results.json``."""
    return {"kind": "retrained", "remedy": remedy, "epochs": epochs, "seed": seed, **look._asdict()}


def table(results: list[Record]) -> str:
    """Return the last look at each, the median over seeds."""
    last = max(one["iteration"] for one in results)
    lines = [f"{'':18}{'epochs':>7}{'accuracy':>10}{'|grad log(1-D)|':>17}{'|grad -log D|':>15}{'its variance':>14}"]
    for remedy in dict.fromkeys(one["remedy"] for one in results):
        for epochs in dict.fromkeys(one["epochs"] for one in results):
            matching = [o for o in results if (o["remedy"], o["epochs"], o["iteration"]) == (remedy, epochs, last)]
            keys = ("accuracy", "saturating_norm", "nonsaturating_norm", "nonsaturating_variance")
            accuracy, *rest = (float(torch.tensor([one[key] for one in matching]).median()) for key in keys)
            lines.append(f"{remedy:18}{epochs:7}{accuracy:10.3f}{rest[0]:17.2e}{rest[1]:15.2e}{rest[2]:14.2e}")
    return "\n".join(lines)


ROWS = {
    "accuracy": "accuracy of D",
    "error": "cross-entropy of D",
    "saturating_norm": "|grad E log(1 - D)|",
    "nonsaturating_norm": "|grad E -log D|",
    "nonsaturating_variance": "variance of grad -log D",
}


def figure(results: Sequence[Record]) -> Figure:
    """Return a column for each remedy, a line for each age of the generator: the median over seeds, with its range."""
    remedies = list(dict.fromkeys(one["remedy"] for one in results))
    looks = styles(dict.fromkeys(f"G after {one['epochs']} epochs" for one in results))
    ages = list(dict.fromkeys(one["epochs"] for one in results))
    panels, (first, *_, last) = [], ROWS
    for key, label in ROWS.items():
        for remedy in remedies:
            marks: list[Mark] = []
            for age, (name, style) in zip(ages, looks.items()):
                x, values = _series(results, remedy, age, key)
                marks += [Line(x=x, y=np.median(values, 0), name=name, style=style),
                          Band(x=x, low=values.min(0), high=values.max(0), style=style)]  # fmt: skip
            scale = "linear" if key == "accuracy" else "log"
            y = Axis(label if remedy == remedies[0] else "", scale)
            x = Axis("iterations of the new D" if key == last else "")
            panels.append(Panel(marks, x, y, title=remedy if key == first else ""))
    width, height = 3.1 * len(remedies), 2.0 * len(ROWS)
    return Figure(panels, len(remedies), width, height, shared=True)


def _series(results: Sequence[Record], remedy: str, age: int, key: str) -> tuple[list[int], np.ndarray]:
    """Iterations ``[n]`` and values ``[seeds, n]``."""
    matching = [one for one in results if (one["remedy"], one["epochs"]) == (remedy, age)]
    iterations = sorted({one["iteration"] for one in matching})
    seeds = sorted({one["seed"] for one in matching})
    at = {(one["seed"], one["iteration"]): one[key] for one in matching}
    return iterations, np.array([[at[seed, iteration] for iteration in iterations] for seed in seeds])
