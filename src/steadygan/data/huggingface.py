"""Data sets of images by their name on Hugging Face's hub."""

from dataclasses import dataclass

from steadygan.config.node import Config
from steadygan.data.settings import named, share
from steadygan.data.sources.base import NONE
from steadygan.data.sources.huggingface import HuggingFaceSource
from steadygan.data.stored import StoredImages


@dataclass(eq=False)
class HuggingFace(StoredImages):
    """Images of the library ``datasets``; see ``StoredImages``."""

    name: str = ""
    config: str | None = None
    revision: str | None = None
    root: str = ""
    column: str = "image"
    label: str = NONE
    test_share: float | None = None

    @classmethod
    def source(cls, config: Config) -> HuggingFaceSource:
        """Return the source, downloaded now if needed."""
        name = named("name", config["name"], "uoft-cs/cifar10")
        given = {key: config[key] for key in ("config", "revision", "column", "label")}
        return HuggingFaceSource(name, cache=config["root"] or None, test_share=share(config["test_share"]), **given)
