"""The data of a run that was trained before, maybe on another machine: where they are now, and reading them late."""

import contextlib
from collections.abc import Iterable

from steadygan.common.errors import DataMissing, UserError, bad_value
from steadygan.config.building import build_dataset
from steadygan.config.node import Built, Config, Node
from steadygan.data.base import Dataset
from steadygan.data.described import Described, facts
from steadygan.runs.trust import only

PLACE = ("root", "download")
"""Keys of a data set that say where it lies, and not what it is."""


def where(node: Config, overrides: Config) -> Node:
    """Return the config of a run's data set with the keys ``overrides`` in place of its own.

    Nothing is fetched into a folder that only the run's config names, unless ``download`` is given.

    Raises:
        UserError: a key is none of ``PLACE``, or this data set does not have it.
    """
    known = [key for key in PLACE if key in node]
    for key, value in overrides.items():
        if key not in known:
            raise bad_value(f"dataset.{key}", value, "not a place of this run's data", [f"dataset.{k}" for k in known])
    defaults = {} if "root" in overrides or "download" not in node else {"download": False}
    return {**node, **defaults, **overrides}


def described(node: Config, known: Config | None, trust: Iterable[str] = ()) -> Described:
    """Return the data set of a config, read as late as can be: at once, where the checkpoint does not describe it.

    Raises:
        DataMissing: it has to be read and cannot be.
    """
    known_facts: Built = dict(known or {})
    with contextlib.suppress(KeyError, TypeError, ValueError):  # of a run of before, or damaged
        return Described(known_facts, lambda: _read(node, trust))
    dataset = _read(node, trust)
    return Described(facts(dataset), lambda: dataset)


def _read(node: Config, trust: Iterable[str]) -> Dataset:
    try:
        with only(trust):
            return build_dataset(node)
    except UserError as error:
        known = [key for key in PLACE if key in node]
        hint = "\nWhere this run's data are now is said by dataset.root=FOLDER, from Python by dataset={'root': FOLDER}"
        raise DataMissing(f"{error}{hint if 'root' in known else ''}") from error
