"""The GAN whose generator is frozen, and what its new discriminators are given, as overrides of a config."""

from steadygan.build import build_dataset
from steadygan.studies.alone import composed
from steadygan.studies.perfect_discriminator.settings import Settings


def remedies(s: Settings, images: bool) -> dict[str, list[str]]:
    """What the new discriminator is given, as overrides of a config, by name."""
    blur = {"blur": ["noise=blur", f"noise.sigma={s.blur}"]} if images else {}
    return {
        "none": [],
        "instance noise": ["noise=instance", f"noise.sigma={s.sigma}"],
        **blur,
        "R1": ["regularizer=[r1]", f"regularizer.r1.gamma={s.gamma}"],
    }


def overrides(s: Settings, seed: int) -> list[str]:
    """Of the GAN whose generator is frozen."""
    rates = [f"optimizer.{player}.{key}" for player in ("generator", "discriminator")
             for key in (f"lr={s.lr}", "beta1=0.5")]  # fmt: skip
    size = [f"dataset.size={s.size}"] if s.size else []
    given = [f"dataset={s.dataset}", *size, f"batch_size={s.batch_size}", f"seed={seed}", *rates]
    images = len(shape(tuple(given))) == 3
    network = ("dcgan" if images else "mlp") if s.network == "auto" else s.network
    return [*given, f"network={network}", f"network.width={s.width}"]


def shape(given: tuple[str, ...]) -> tuple[int, ...]:
    """Of the data's examples."""
    return tuple(build_dataset(composed(given)["dataset"]).shape)
