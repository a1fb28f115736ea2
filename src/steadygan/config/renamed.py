"""Modules and keys by the names that they had: configs of earlier versions name them, and methods written for them."""

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # as an import system wants it; the base class takes long to import

RENAMED = {
    "steadygan.build": "steadygan.config.building",
    "steadygan.core.rules": "steadygan.core.optimizers",
    "steadygan.core.votes": "steadygan.core.aggregation",
    "steadygan.engines.population": "steadygan.population",
    "steadygan.engines.run": "steadygan.training.loop",
    "steadygan.engines.schemes": "steadygan.training.schemes",
    "steadygan.engines.step": "steadygan.training.step",
    "steadygan.engines": "steadygan.training",
    "steadygan.errors": "steadygan.common.errors",
    "steadygan.files": "steadygan.runs.files",
    "steadygan.metrics.perceptual": "steadygan.metrics.features.perceptual",
    "steadygan.metrics.shell": "steadygan.metrics.base",
    "steadygan.networks.norms": "steadygan.networks.layers.norms",
    "steadygan.networks.spectral": "steadygan.networks.layers.spectral",
    "steadygan.targets": "steadygan.config.targets",
}
"""Old name -> name; what lies below a module goes with it."""


class Renamed(Loader):
    """Import a module by the name that it had, with a warning."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of an old name is to be had; None: it is not one of these."""
        new = present_name(fullname)
        return None if new == fullname else ModuleSpec(fullname, self, loader_state=new)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module by its present name."""
        warnings.warn(f"{spec.name} is called {spec.loader_state} now", FutureWarning, stacklevel=2)
        module = importlib.import_module(spec.loader_state)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is: it has been executed under its present name."""
        module.__spec__ = self._own


def present_name(name: str) -> str:
    """Return a dotted name as it is now."""
    for old, new in RENAMED.items():
        if name == old or name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return name


KEYS = {("logger=csv", "logger=tensorboard"): {"logger.logger.": "logger."}}
"""Keys by the names that they had, and which choices they belong to."""


def present_overrides(overrides: Sequence[str]) -> list[str]:
    """Return the overrides of a command line with their keys as they are now; warns of each that had another name."""
    renamed = {old: new for choices, keys in KEYS.items() if {*choices} & {*overrides} for old, new in keys.items()}
    return [_present_override(text, renamed) for text in overrides]


def _present_override(text: str, renamed: Mapping[str, str]) -> str:
    key = text.lstrip("+~")
    for old, new in renamed.items():
        if key.startswith(old):
            present = text.removesuffix(key) + new + key.removeprefix(old)
            warnings.warn(f"{text.partition('=')[0]} is called {present.partition('=')[0]} now", FutureWarning, 2)
            return present
    return text


def install() -> None:
    """Let old names be imported; once in a process."""
    if not any(isinstance(finder, Renamed) for finder in sys.meta_path):
        sys.meta_path.insert(0, Renamed())  # before what would find a module below an old name a second time
