"""Every leaf of every option of every group: another value is another run, the listed exceptions aside."""

import copy

import pytest

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.runs.signature import signature

WHERE_AND_HOW_FAR = {
    "outputs", "name", "logger", "engine", "iterations", "horizon", "retry", "checkpoint_every", "checkpoint_minutes",
    "keep_checkpoints", "keep_best", "thresholds", "diagnostics",
}  # fmt: skip
"""Root keys that change no bit of a run. Written down here once more: what is left out by mistake is to be found."""

SHOWN = {
    *(("trainer", key) for key in ("accelerator", "devices", "num_nodes", "threads", "timeout", "callbacks")),
    *(("metrics", key) for key in ("features", "weights", "resize", "dtype")),  # signed where a metric takes them over
}

STORED = {"num_data", "corrupt", "workers", "keep", "prefetch", "download"}
"""Of data in files: what neither changes an example nor their order; ``num_data`` has to agree with the files."""

PLACES = {"celeba": "", "cifar10": "", "lsun": "", "folder": "folder", "parquet": "parquet"}
"""Data sets that files are asked for; huggingface is parquet under another name, mnist is too large to make."""


def names(group):
    left_out = {"mnist", "stacked_mnist", "huggingface"}
    return [path.stem for path in sorted((conf_dir() / group).glob("*.yaml")) if path.stem not in left_out]


CHOSEN = (
    "loss",
    "noise",
    "game",
    "discriminator/vote",
    "labels",
    "scheme",
    "network",
    "dataset",
    "trainer",
    "optimizer",
)
GROUPS = {group: names(group) for group in (*CHOSEN, "schedule")}
LISTS = {group: names(group) for group in ("regularizer", "metrics")}


def leaves(node, path=()):
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, node


def another(path, value):
    if path[-1] in ("weights", "statistics"):
        return __file__
    if path[-1] == "_target_":
        return "collections.OrderedDict"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value is None:
        return 1
    return (
        [*value, "other"] if isinstance(value, list) else {"other": 1} if isinstance(value, dict) else f"{value}_other"
    )


def put(config, path, value):
    made = copy.deepcopy(config)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made


def excepted(path):
    return path[0] in WHERE_AND_HOW_FAR or path[:2] in SHOWN


def check(config, stored):
    """Of which leaves are there? All but the exceptions make another signature, or none that can be had."""
    signed = signature(config)
    for path, value in leaves(config):
        other = put(config, path, another(path, value))
        if excepted(path) or (stored and path[0] == "dataset" and path[1] in STORED):
            assert signature(other) == signed, path
            continue
        try:
            assert signature(other) != signed, path
        except UserError:
            assert stored, path


@pytest.mark.parametrize("turn", range(max(map(len, GROUPS.values()))))
def test_every_leaf_of_every_option(plain, tiny_data, turn):
    """Several groups at once: option number ``turn`` of each."""
    chosen = {group: options[turn % len(options)] for group, options in GROUPS.items()}
    second = GROUPS["optimizer"][(turn + 1) % len(GROUPS["optimizer"])]
    overrides = [f"{group}={option}" for group, option in chosen.items() if group not in ("optimizer", "schedule")]
    overrides += [f"optimizer@optimizer.generator={chosen['optimizer']}", f"optimizer@optimizer.discriminator={second}"]
    overrides += [f"+schedule@ema.rampup={chosen['schedule']}"]
    overrides += ["metrics=[modes]"] if turn else [f"{group}=[{','.join(all)}]" for group, all in LISTS.items()]
    overrides += ["scheme/distance=feature"] if chosen["scheme"] == "pretrain" else []
    stored = chosen["dataset"] in PLACES
    if stored:
        overrides.append(f"dataset.root={tiny_data / PLACES[chosen['dataset']]}")
    config = plain(*overrides)
    config.pop("hydra", None)
    check(config, stored)


def test_the_walk_sees_all_there_is():
    """One option or another of each group; those that only choose among these are left out."""
    groups = {path.parent.relative_to(conf_dir()).as_posix() for path in conf_dir().rglob("*.yaml")}
    chosen = {"method", "experiment", "scheme/distance"}  # methods and presets bring no keys of their own
    chosen |= {"search"}  # ranges, whose values are those of other groups' keys
    unsigned = {"logger", "engine", "hydra/launcher", "hydra/sweeper", "."}
    assert groups == {*GROUPS, *LISTS, *chosen, *unsigned}
