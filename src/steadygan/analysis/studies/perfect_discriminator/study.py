"""``steadygan theory perfect-discriminator``.

Reference: Arjovsky and Bottou (2017), figures 2 and 3, arXiv:1701.04862.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from steadygan.analysis.studies.discriminator_training import composed, fresh
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.analysis.studies.perfect_discriminator.figure import figure
from steadygan.analysis.studies.perfect_discriminator.retrain import Look, retrain
from steadygan.analysis.studies.perfect_discriminator.settings import Settings
from steadygan.analysis.studies.perfect_discriminator.theorems import cauchy, identity
from steadygan.analysis.studies.perfect_discriminator.variants import overrides, remedies, shape
from steadygan.analysis.studies.progress import track
from steadygan.common.errors import bad_value


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
