"""The GAN whose generator is frozen, and what its new discriminators are given, as overrides of a config."""

from steadygan.analysis.studies.discriminator_training import composed
from steadygan.analysis.studies.perfect_discriminator.settings import Settings
from steadygan.config.building import build_dataset


def remedies(s: Settings, images: bool) -> dict[str, list[str]]:
    """Return the remedies for the new discriminator, as overrides of a config, by name."""
    blur = {"blur": ["noise=blur", f"noise.sigma={s.blur}"]} if images else {}
    return {
        "none": [],
        "instance noise": ["noise=instance", f"noise.sigma={s.sigma}"],
        **blur,
        "R1": ["regularizer=[r1]", f"regularizer.r1.gamma={s.gamma}"],
    }


def overrides(s: Settings, seed: int) -> list[str]:
    """Return the overrides of the GAN whose generator is frozen."""
    rates = [f"optimizer.{player}.{key}" for player in ("generator", "discriminator")
             for key in (f"lr={s.lr}", "beta1=0.5")]  # fmt: skip
    size = [f"dataset.size={s.size}"] if s.size else []
    base = [f"dataset={s.dataset}", *size, f"batch_size={s.batch_size}", f"seed={seed}", *rates]
    images = len(shape(tuple(base))) == 3
    network = ("dcgan" if images else "mlp") if s.network == "auto" else s.network
    return [*base, f"network={network}", f"network.width={s.width}"]


def shape(base: tuple[str, ...]) -> tuple[int, ...]:
    """Return the shape of an example."""
    return tuple(build_dataset(composed(base)["dataset"]).shape)
