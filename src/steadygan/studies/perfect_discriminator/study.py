"""``steadygan theory perfect-discriminator``.

Reference: Arjovsky and Bottou (2017), figures 2 and 3, arXiv:1701.04862.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from steadygan.errors import bad_value
from steadygan.files import write_json
from steadygan.studies.alone import composed, fresh
from steadygan.studies.perfect_discriminator.figure import picture
from steadygan.studies.perfect_discriminator.laws import cauchy, identity
from steadygan.studies.perfect_discriminator.retrain import Look, retrain
from steadygan.studies.perfect_discriminator.settings import Settings
from steadygan.studies.perfect_discriminator.variants import overrides, remedies, shape
from steadygan.studies.progress import track
from steadygan.studies.ranges import whole_numbers


def run(folder: Path, settings: Settings, tell: Callable[[str], None]) -> None:
    """Write ``results.json`` and ``perfect_discriminator.png`` into ``folder``."""
    torch.set_num_threads(1)
    found = list(track(retrained(settings), total(settings), "discriminators"))
    laws = [*cauchy(settings), *identity()]
    write_json(folder / "results.json", [*found, *laws])
    picture(folder / "perfect_discriminator.png", found)
    tell(table(found))
    p_values = [law["p_value"] for law in laws if law["kind"] == "cauchy"]
    tell(f"Cauchy's law: {sum(p < 0.01 for p in p_values)} of {len(p_values)} coordinates below p = 0.01")
    worst = max(law["difference"] for law in laws if law["kind"] == "identity")
    tell(f"gradients of -log D and of KL - 2 JSD: largest relative difference {worst:.1e}")
    tell(f"in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def total(s: Settings) -> int:
    """Discriminators to be trained."""
    return s.seeds * len(whole_numbers("epochs", s.epochs)) * len(remedies(s, len(shape(tuple(overrides(s, 0)))) == 3))


def retrained(s: Settings) -> Iterator[list[dict[str, Any]]]:
    """The records of each discriminator that is trained anew, one list each."""
    marks = whole_numbers("epochs", s.epochs)
    for seed in range(s.seeds):
        given = overrides(s, seed)
        gan = fresh(composed(given))
        epoch = max(1, gan.components.dataset.num_data // s.batch_size)
        for mark in marks:
            for iteration in range(gan.iteration, mark * epoch):
                gan.training_step(iteration, 0)
                if gan.diverged_at is not None:
                    raise bad_value("lr", s.lr, f"the GAN diverged in iteration {gan.diverged_at}")
            for name, remedy in remedies(s, len(gan.components.dataset.shape) == 3).items():
                looks = retrain(gan, composed([*given, *remedy]), s, seed)
                yield [record(look, name, mark, seed) for look in looks]


def record(look: Look, remedy: str, epochs: int, seed: int) -> dict[str, Any]:
    """One line of ``results.json``."""
    return {"kind": "retrained", "remedy": remedy, "epochs": epochs, "seed": seed, **look._asdict()}


def table(found: list[dict[str, Any]]) -> str:
    """The last look at each, the median over seeds."""
    last = max(one["iteration"] for one in found)
    lines = [f"{'':18}{'epochs':>7}{'accuracy':>10}{'|grad log(1-D)|':>17}{'|grad -log D|':>15}{'its variance':>14}"]
    for remedy in dict.fromkeys(one["remedy"] for one in found):
        for epochs in dict.fromkeys(one["epochs"] for one in found):
            own = [o for o in found if (o["remedy"], o["epochs"], o["iteration"]) == (remedy, epochs, last)]
            keys = ("accuracy", "saturating_norm", "nonsaturating_norm", "nonsaturating_variance")
            accuracy, *rest = (float(torch.tensor([one[key] for one in own]).median()) for key in keys)
            lines.append(f"{remedy:18}{epochs:7}{accuracy:10.3f}{rest[0]:17.2e}{rest[1]:15.2e}{rest[2]:14.2e}")
    return "\n".join(lines)
