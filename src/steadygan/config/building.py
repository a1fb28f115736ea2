"""From a config to the objects it names: a list of ``instantiate`` calls."""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from steadygan.common.errors import UserError, bad_value
from steadygan.config.composition import compose
from steadygan.config.instantiation import check_call, check_keys, make, make_kind
from steadygan.config.node import PLAYERS, Built, Config, Node
from steadygan.config.protocols import PAGE, has_members, is_callable
from steadygan.config.targets import metric_nodes, resolve
from steadygan.config.trials.algorithm import Trial
from steadygan.config.trials.attempt import is_ours, tried, user_keys
from steadygan.config.trials.data import try_dataset, try_metric, try_scores
from steadygan.core.declare import declared
from steadygan.core.draws import Draw, normal_like, uniform
from steadygan.core.ensembles import Ensemble
from steadygan.core.objective import Objective
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.snapshots import Snapshots
from steadygan.core.types import Networks
from steadygan.data.base import Dataset
from steadygan.data.described import Described
from steadygan.loggers.base import RunLogger
from steadygan.loggers.guarded import Guarded
from steadygan.loggers.lightning import LightningLogger
from steadygan.networks.layers.norms import mixes_samples
from steadygan.training.algorithm import Algorithm
from steadygan.training.batches import ENGINE_KEYS, SamplingSpec
from steadygan.training.components import DTYPES, Components
from steadygan.training.labelling import KEYS as LABEL_KEYS
from steadygan.training.labelling import UNLABELLED, Labelling, share_of
from steadygan.training.networks import as_functions, build_networks
from steadygan.training.schemes import Plain
from steadygan.training.schemes.base import Scheme

if TYPE_CHECKING:
    import lightning

__all__ = ["build", "build_algorithm", "build_dataset", "build_metrics", "compose", "make"]


def build(config: Config, described: Dataset | Described | None = None) -> Components:
    """Return everything that a run trains with.

    Args:
        config: of the run.
        described: stands for the data set of a run that was trained already, in place of the one that the config names;
            then nothing is checked that only training needs.
    """
    dataset: Built = build_dataset(config["dataset"]) if described is None else described
    own = user_keys(config) if described is None else set()
    dtype = DTYPES[str(config["trainer"]["precision"])]
    if described is None:
        has_members("dataset", "dataset", dataset)
    if "dataset" in own:
        try_dataset("dataset", dataset, config["batch_size"], dtype)
    labelling = _labelling(config["labels"], dataset)
    builders = {player: make(config["network"][player], f"network.{player}") for player in PLAYERS}
    builders = labelling.builders(builders)
    for player, builder in builders.items():
        check_call(builder, f"network.{player}", "shape")
    builders = {
        player: functools.partial(_network, player, config["network"][player], builder)
        for player, builder in builders.items()
    }
    networks = build_networks(builders, dataset.shape, config["seed"], dtype, _stacked(config["discriminator"]))
    _check_images(config, dataset.shape)
    algorithm = build_algorithm(config, networks, labelling)
    _check_examples(algorithm.rules, networks)
    sampling = _sampling(config, algorithm, dataset.shape, labelling)
    scheme: Scheme = make_kind("scheme", config["scheme"]) if "scheme" in config else Plain()
    if described is None:
        scheme.check(networks, dataset)
    growth = scheme.growth(networks, sampling.updates * config["batch_size"] / sampling.critic_every)
    algorithm = replace(algorithm, growth=growth)
    if own - {"dataset", "logger"}:
        Trial(algorithm, sampling, networks, dataset, dtype)(own)
    return Components(
        algorithm=algorithm,
        networks=networks,
        sampling=sampling,
        dataset=dataset,
        metrics=build_metrics(config, dataset, labelling, training=described is None),
        logger=_logger(config["logger"]),
        callbacks=_callbacks(config["trainer"]),
        scheme=scheme,
        raw=bool(config["metrics"].get("raw", False)),
        batch=config["metrics"].get("batch", Components.batch),
    )


def _network(player: str, node: Config, builder: Callable[..., nn.Module], shape: tuple[int, ...]) -> nn.Module:
    """Build one network; of a player's discriminators each."""
    key = f"network.{player}"
    made = tried(node, key, f"building it for examples {list(shape)}", functools.partial(builder, shape=shape))
    has_members(player, key, made)
    return made


def _labelling(node: Config, dataset: Dataset) -> Labelling:
    method = make_kind("labels", {key: value for key, value in node.items() if key not in LABEL_KEYS})
    return Labelling(method, method.count(dataset), share_of(node.get("share", 1.0)), dataset.num_data)


def build_metrics(config: Config, dataset: Dataset, labelling: Labelling, training: bool = False) -> dict[str, Built]:
    """Build the metrics of the groups ``metrics`` and ``labels``; they are tried where a run is to train."""
    nodes = {f"metrics.{name}": node for name, node in metric_nodes(config["metrics"]).items()}
    nodes |= {f"labels.metrics.{name}": node for name, node in (config["labels"].get("metrics") or {}).items()}
    metrics = {}
    for key, node in nodes.items():
        name = key.rpartition(".")[2]
        builder = make(node, key)
        check_call(builder, key, "dataset")
        metrics[name] = tried(node, key, "building it from the data set", functools.partial(builder, dataset=dataset))
        try_metric(key, metrics[name])
        if training:
            try_scores(key, node, metrics[name], dataset)
        labelling.check(name, metrics[name])
    return metrics


def build_algorithm(config: Config, networks: Mapping[str, nn.Module], labelling: Labelling = UNLABELLED) -> Algorithm:
    """Return the loss, penalties, noise, rules and game of a config, on the networks given."""
    regularizers = {
        name: make(_method("regularizer", node), f"regularizer.{name}")
        for name, node in (config["regularizer"] or {}).items()
    }
    projections = {name: method for name, method in regularizers.items() if declared(method, "projection", False)}
    perturb = make(_method("noise", config["noise"]), "noise")
    check_call(perturb, "noise", "x", "eps")
    for name, method in regularizers.items():
        aux_state = ("aux_state",) if hasattr(method, "init") else ()
        arguments = ("params",) if name in projections else ("critic", "real", "fake", "eps", *aux_state)
        check_call(method, f"regularizer.{name}", *arguments)
        if name in projections and "every" in config["regularizer"][name] and not declared(method, "step", False):
            problem = "it bounds the weights after each update, and cannot do so k times as much"
            raise bad_value(f"regularizer.{name}.every", config["regularizer"][name]["every"], problem)
    return Algorithm(
        networks=Networks(
            **labelling.functions(as_functions(networks, bf16=str(config["trainer"]["precision"]) == "bf16"))
        ),
        objective=Objective(
            loss=make_kind("loss", config["loss"]),
            perturb=perturb,
            penalties={name: method for name, method in regularizers.items() if name not in projections},
        ),
        rules={
            player: _rule(config["optimizer"][player], f"optimizer.{player}", networks[player]) for player in PLAYERS
        },
        projections=projections,
        game=make_kind("game", config["game"]),
        ema=make_kind("ema", config["ema"]),
        ensemble=Ensemble(
            config["discriminator"]["ensemble"],
            make_kind("vote", config["discriminator"]["vote"], "discriminator.vote"),
            Snapshots(config["discriminator"]["snapshots"], config["discriminator"]["every"]),
        ),
        labels=labelling.method,
    )


def _logger(node: Config) -> RunLogger:
    """Return a logger; one that is not steadygan's may fail, a run may not because of it."""
    if is_ours(node):
        return make_kind("logger", node)
    from lightning.pytorch.loggers import Logger

    target = resolve(node["_target_"])
    if not (inspect.isclass(target) and issubclass(target, Logger)):
        return Guarded(make_kind("logger", node))
    in_folder = "save_dir" not in node and "save_dir" in inspect.signature(target).parameters
    return LightningLogger(lambda save_dir: make({**node, **({"save_dir": save_dir} if in_folder else {})}, "logger"))


def _callbacks(trainer: Config) -> tuple["lightning.Callback", ...]:
    """Return the user's own callbacks."""
    nodes = trainer.get("callbacks") or {}
    made = {f"trainer.callbacks.{name}": make(node, f"trainer.callbacks.{name}") for name, node in nodes.items()}
    if made:
        from lightning import Callback

        for key, callback in made.items():
            if not isinstance(callback, Callback):
                kind = type(callback).__name__
                raise UserError(f"{key}: is an object of the type {kind}, which is no lightning.Callback")
    return tuple(made.values())


def _stacked(discriminator: Config) -> int | None:
    """Return how many discriminators are stacked; None where there is but one, without snapshots."""
    members = discriminator["ensemble"]
    return members if members > 1 or discriminator["snapshots"] else None


def _sampling(config: Config, algorithm: Algorithm, shape: tuple[int, ...], labelling: Labelling) -> SamplingSpec:
    noise = config["noise"]
    return SamplingSpec.of(
        algorithm,
        noise=_draw("noise", noise, algorithm.objective.perturb, normal_like),
        copies=noise.get("copies", 1),
        penalties={
            name: _draw(f"regularizer.{name}", config["regularizer"][name], method, uniform)
            for name, method in algorithm.objective.penalties.items()
        },
        shape=shape,
        labelling=labelling,
        every={name: config["regularizer"][name].get("every", 1) for name in config["regularizer"] or ()},
    )


def _draw(key: str, node: Config, method: Built, default: Draw) -> Draw:
    draw = resolve(node["draw"]) if "draw" in node else declared(method, "draw", default)
    is_callable(f"{key}, what it declares as draw", draw)
    return draw


def _rule(node: Config, key: str, network: nn.Module) -> UpdateRule:
    optimizer = make(node, key)
    is_callable(key, optimizer)
    try:
        made = optimizer(network.parameters())
        rule = getattr(made, "rule", None)
        if rule is None:
            name = type(made).__name__
            raise UserError(
                f"{key}: {name} has no rule; its _target_ is the method `optimizer` of an UpdateRule\n{PAGE}"
            )
        has_members("optimizer", key, rule)
        return rule
    except (TypeError, ValueError) as error:
        raise UserError(f"{key}: {error}") from error
    except UserError as error:
        raise error if str(error).startswith(f"{key}:") else UserError(f"{key}.{error}") from error


def _check_examples(rules: Mapping[str, UpdateRule], networks: Mapping[str, nn.Module]) -> None:
    """Refuse gradients of single samples where a network mixes the samples of a batch."""
    met = {"discriminator": ("discriminator",), "generator": PLAYERS}
    for player in (player for player in PLAYERS if rules[player].per_sample):
        for other in (other for other in met[player] if mixes_samples(networks[other])):
            problem = f"the {other} has batch normalisation (network.{other}_norm), so samples have no own gradients"
            raise bad_value(f"optimizer.{player}.estimator", "per_sample", problem, ["running"])


def _check_images(config: Config, shape: tuple[int, ...]) -> None:
    """Refuse transforms of images where the examples are vectors."""
    nodes = {
        "noise": config["noise"],
        **{f"regularizer.{n}": node for n, node in (config["regularizer"] or {}).items()},
    }
    for key, node in nodes.items():
        if len(shape) != 3 and declared(resolve(node["_target_"]), "images", False):
            name = node["_target_"].rpartition(".")[2]
            raise bad_value(key, name, f"changes images, and this data set has vectors of {shape[0]} numbers")


def _method(group: str, node: Config) -> Node:
    return {key: value for key, value in node.items() if key not in ENGINE_KEYS[group]}


@functools.lru_cache(maxsize=4)
def _dataset(node: str) -> Dataset:
    plain = json.loads(node)
    check_keys(plain, "dataset")
    return make(plain, "dataset")


def build_dataset(node: Config) -> Dataset:
    """Return the data set; jobs of one process that ask for the same one share it."""
    return _dataset(json.dumps(node, sort_keys=True))
