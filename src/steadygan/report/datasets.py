"""Which runs were trained on the same data, and what these data are called."""

import re
from collections.abc import Hashable, Iterable, Sequence

from steadygan.report.collect import Run
from steadygan.report.groups import Leaf, identity, natural, short_keys, show

UNKNOWN = "unknown data"
_PREFIX = "dataset."
_OWN = {"steadygan.data.folder.ImageFolder", "steadygan.data.parquet.Parquet"}
"""Data that are known by their place alone."""


def by_dataset(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return the runs of each data set by its name, in natural order; runs are never in one list with others' data.

    A data set is what the settings below ``dataset`` say, where it is stored aside. It is called what the overrides
    call it, else after its class; with the settings that differ where two would be called the same. A run that does
    not say goes with the runs of its label if these have one data set, or with all where there is but one.
    """
    members: dict[Hashable, list[Run]] = {}
    silent: list[Run] = []
    for run in runs:
        settings = _settings(run)
        if settings:
            members.setdefault(frozenset(settings.items()), []).append(run)
        else:
            silent.append(run)
    for run in silent:
        members.setdefault(_home(run, members), []).append(run)
    names = _names(members)
    return {name: members[key] for key, name in sorted(names.items(), key=lambda item: natural(item[1]))}


def _settings(run: Run) -> dict[str, Leaf]:
    settings = {key: value for key, value in identity(run.config).items() if key.startswith(_PREFIX)}
    if settings.get(f"{_PREFIX}_target_") in _OWN:
        settings[f"{_PREFIX}root"] = str(run.config["dataset"].get("root"))
    return settings


def _home(run: Run, members: dict[Hashable, list[Run]]) -> Hashable:
    alike = [key for key, others in members.items() if key and any(_alike(run, other) for other in others)]
    known = [key for key in members if key]
    homes = known if len(known) == 1 else alike
    return homes[0] if len(homes) == 1 else frozenset()


def _alike(run: Run, other: Run) -> bool:
    return (run.method, run.label) == (other.method, other.label)


def _names(members: dict[Hashable, list[Run]]) -> dict[Hashable, str]:
    """Return a name for each key of ``members``, all different."""
    bare = {key: _bare(runs) if key else UNKNOWN for key, runs in members.items()}
    names: dict[Hashable, str] = {}
    for key, name in bare.items():
        twins = [_settings(members[other][0]) for other in bare if bare[other] == name]
        settings = _settings(members[key][0])
        differing = dict.fromkeys(
            leaf for twin in twins for leaf in {**twin, **settings} if twin.get(leaf) != settings.get(leaf)
        )
        short = short_keys(leaf.removeprefix(_PREFIX) for leaf in differing)
        differences = (f"{short[leaf.removeprefix(_PREFIX)]}={show(settings.get(leaf, 'none'))}" for leaf in differing)
        names[key] = " ".join([name, *differences])
    return names


def _bare(runs: Sequence[Run]) -> str:
    """``ring``: the option, where all runs name the same one, else the class in small letters."""
    options = {_option(run.overrides) for run in runs}
    if len(options) == 1 and None not in options:
        return str(options.pop())
    target = str(_settings(runs[0]).get(f"{_PREFIX}_target_", "dataset"))
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", target.rpartition(".")[2]).lower()


def _option(overrides: Iterable[str]) -> str | None:
    chosen = [text.partition("=")[2] for text in overrides if text.partition("=")[0] == "dataset"]
    return chosen[-1] if chosen and re.fullmatch(r"[\w./-]+", chosen[-1]) else None
