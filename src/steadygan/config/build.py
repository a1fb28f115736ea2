"""From a config to the objects it names: a list of ``instantiate`` calls."""

import functools
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hydra
from hydra import initialize_config_dir
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from steadygan.common.errors import UserError, bad_value, first_line
from steadygan.common.paths import conf_dir
from steadygan.config.hydra_versions import BASE, allowing
from steadygan.config.network_keys import check_network
from steadygan.config.node import Config
from steadygan.config.protocols import PAGE, has_members, is_callable
from steadygan.config.targets import metric_nodes, resolve
from steadygan.config.trial import Trial, own_keys, tried, try_dataset, try_metric, try_scores
from steadygan.core.declare import declared
from steadygan.core.draws import normal_like, uniform
from steadygan.core.objective import Objective
from steadygan.core.settings import fields
from steadygan.core.snapshots import Snapshots
from steadygan.loggers.base import RunLogger
from steadygan.loggers.guarded import Guarded
from steadygan.loggers.lightning import LightningLogger
from steadygan.networks.layers.norms import mixes_samples
from steadygan.runs.trust import allowed
from steadygan.training.batches import ENGINE_KEYS, SamplingSpec
from steadygan.training.components import DTYPES, Components
from steadygan.training.labelling import KEYS as LABEL_KEYS
from steadygan.training.labelling import UNLABELLED, Labelling, share_of
from steadygan.training.networks import as_functions, build_networks
from steadygan.training.schemes import Plain
from steadygan.training.step import PLAYERS, Algorithm

if TYPE_CHECKING:
    import lightning

WRONG_CALL = (TypeError, ValueError, ImportError, AttributeError, OSError)
"""What a ``_target_`` raises that does not exist, does not take these keys or lacks a file: behind Hydra's complaint in
1.3, as it is in 1.4."""


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the resolved config that ``steadygan train`` has with these overrides, as plain containers.

    Raises:
        UserError: one of them cannot be.
    """
    try:
        with initialize_config_dir(str(conf_dir()), **BASE):
            config = hydra.compose("config", list(overrides))
        plain = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(first_line(error)) from error
    check_network(config)
    return plain


def build(config: Mapping[str, Any], described: Any = None) -> Components:
    """Everything that a run trains with.

    Args:
        config: of the run.
        described: stands for the data set of a run that was trained already, in place of the one that the config names;
            then nothing is checked that only training needs.

    Raises:
        UserError: something named in the config does not fit or cannot be built.
    """
    dataset = build_dataset(config["dataset"]) if described is None else described
    user_keys = own_keys(config) if described is None else set()
    dtype = DTYPES[str(config["trainer"]["precision"])]
    if described is None:
        has_members("dataset", "dataset", dataset)
    if "dataset" in user_keys:
        try_dataset("dataset", dataset, config["batch_size"], dtype)
    labelling = _labelling(config["labels"], dataset)
    builders = {player: make(config["network"][player], f"network.{player}") for player in PLAYERS}
    builders = labelling.builders(builders)
    for player, builder in builders.items():
        is_callable(f"network.{player}", builder)
        _takes(builder, f"network.{player}", "shape")
    builders = {
        player: functools.partial(_network, player, config["network"][player], builder)
        for player, builder in builders.items()
    }
    networks = build_networks(builders, dataset.shape, config["seed"], dtype, _stacked(config["discriminator"]))
    _check_images(config, dataset.shape)
    algorithm = build_algorithm(config, networks, labelling)
    _check_examples(algorithm.rules, networks)
    sampling = _sampling(config, algorithm, dataset.shape, labelling)
    scheme = _made("scheme", config["scheme"]) if "scheme" in config else Plain()
    if described is None:
        scheme.check(networks, dataset)
    growth = scheme.growth(networks, sampling.updates * config["batch_size"] / sampling.critic_every)
    algorithm = replace(algorithm, growth=growth)
    if user_keys - {"dataset", "logger"}:
        Trial(user_keys, algorithm, sampling, networks, dataset, dtype)()
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


def _network(player: str, node: Mapping[str, Any], builder: Any, shape: tuple[int, ...]) -> Any:
    """One network; of a player's discriminators each."""
    key = f"network.{player}"
    made = tried(node, key, f"building it for examples {list(shape)}", functools.partial(builder, shape=shape))
    has_members(player, key, made)
    return made


def _labelling(node: Mapping[str, Any], dataset: Any) -> Labelling:
    method = _made("labels", {key: value for key, value in node.items() if key not in LABEL_KEYS})
    return Labelling(method, method.count(dataset), share_of(node.get("share", 1.0)), dataset.num_data)


def build_metrics(
    config: Mapping[str, Any], dataset: Any, labelling: Labelling, training: bool = False
) -> dict[str, Any]:
    """Build the metrics of the groups ``metrics`` and ``labels``; they are tried where a run is to train."""
    nodes = {f"metrics.{name}": node for name, node in metric_nodes(config["metrics"]).items()}
    nodes |= {f"labels.metrics.{name}": node for name, node in (config["labels"].get("metrics") or {}).items()}
    metrics = {}
    for key, node in nodes.items():
        name = key.rpartition(".")[2]
        builder = make(node, key)
        is_callable(key, builder)
        _takes(builder, key, "dataset")
        metrics[name] = tried(node, key, "building it from the data set", functools.partial(builder, dataset=dataset))
        try_metric(key, metrics[name])
        if training:
            try_scores(key, node, metrics[name], dataset)
        labelling.check(name, metrics[name])
    return metrics


def build_algorithm(
    config: Mapping[str, Any], networks: Mapping[str, Any], labelling: Labelling = UNLABELLED
) -> Algorithm:
    """Return the loss, penalties, noise, rules and game of a config, on the networks given."""
    regularizers = {
        name: make(_method("regularizer", node), f"regularizer.{name}")
        for name, node in (config["regularizer"] or {}).items()
    }
    projections = {name: method for name, method in regularizers.items() if declared(method, "projection", False)}
    perturb = make(_method("noise", config["noise"]), "noise")
    is_callable("noise", perturb)
    _takes(perturb, "noise", "x", "eps")
    for name, method in regularizers.items():
        aux_state = ("aux_state",) if hasattr(method, "init") else ()
        is_callable(f"regularizer.{name}", method)
        arguments = ("params",) if name in projections else ("critic", "real", "fake", "eps", *aux_state)
        _takes(method, f"regularizer.{name}", *arguments)
        if name in projections and "every" in config["regularizer"][name] and not declared(method, "step", False):
            problem = "it bounds the weights after each update, and cannot do so k times as much"
            raise bad_value(f"regularizer.{name}.every", config["regularizer"][name]["every"], problem)
    return Algorithm(
        objective=Objective(
            **labelling.functions(as_functions(networks, bf16=str(config["trainer"]["precision"]) == "bf16")),
            labels=labelling.method,
            loss=_made("loss", config["loss"]),
            perturb=perturb,
            penalties={name: method for name, method in regularizers.items() if name not in projections},
            members=config["discriminator"]["ensemble"],
            aggregation=_made("vote", config["discriminator"]["vote"], "discriminator.vote"),
        ),
        rules={
            player: _rule(config["optimizer"][player], f"optimizer.{player}", networks[player]) for player in PLAYERS
        },
        projections=projections,
        game=_made("game", config["game"]),
        ema=_made("ema", config["ema"]),
        snapshots=Snapshots(config["discriminator"]["snapshots"], config["discriminator"]["every"]),
    )


def _made(kind: str, node: Mapping[str, Any], key: str = "") -> Any:
    """Build an object of a kind; its key in the config is that of the kind unless given."""
    made = make(node, key or kind)
    has_members(kind, key or kind, made)
    return made


def _logger(node: Config) -> RunLogger:
    """Return a logger; one that is not steadygan's may fail, a run may not because of it."""
    if str(node["_target_"]).startswith("steadygan."):
        return _made("logger", node)
    from lightning.pytorch.loggers import Logger

    target = resolve(node["_target_"])
    if not (inspect.isclass(target) and issubclass(target, Logger)):
        return Guarded(_made("logger", node))
    in_folder = "save_dir" not in node and "save_dir" in inspect.signature(target).parameters
    return LightningLogger(lambda save_dir: make({**node, **({"save_dir": save_dir} if in_folder else {})}, "logger"))


def _callbacks(trainer: Config) -> tuple["lightning.Callback", ...]:
    """Return the user's own callbacks.

    Raises:
        UserError: one is no callback of Lightning's; names its key.
    """
    nodes = trainer.get("callbacks") or {}
    made = {f"trainer.callbacks.{name}": make(node, f"trainer.callbacks.{name}") for name, node in nodes.items()}
    if made:
        from lightning import Callback

        for key, callback in made.items():
            if not isinstance(callback, Callback):
                kind = type(callback).__name__
                raise UserError(f"{key}: is an object of the type {kind}, which is no lightning.Callback")
    return tuple(made.values())


def _stacked(discriminator: Mapping[str, Any]) -> int | None:
    """Return how many discriminators are stacked; None where there is but one, without snapshots."""
    members = discriminator["ensemble"]
    return members if members > 1 or discriminator["snapshots"] else None


def _sampling(
    config: Mapping[str, Any], algorithm: Algorithm, shape: tuple[int, ...], labelling: Labelling
) -> SamplingSpec:
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


def _draw(key: str, node: Mapping[str, Any], method: Any, default: Any) -> Any:
    draw = resolve(node["draw"]) if "draw" in node else declared(method, "draw", default)
    is_callable(f"{key}, what it declares as draw", draw)
    return draw


def check_engine(node: Mapping[str, Any]) -> None:
    """Refuse an engine that could not be called, before a run has a folder.

    Raises:
        UserError: naming the key.
    """
    engine = make(node, "engine")
    is_callable("engine", engine)
    _takes(engine, "engine", "parts", "job", "report")


def _signature(method: Any) -> inspect.Signature | None:
    """None of what is written in C and does not say what it takes."""
    try:
        return inspect.signature(method)
    except ValueError:
        return None


def _takes(method: Any, key: str, *arguments: str) -> None:
    """A partial with a wrong key would only fail at its first call, in training.

    Raises:
        UserError: naming the keys there are.
    """
    partial = isinstance(method, functools.partial)
    signature = _signature(method.func if partial else method)
    if signature is None:
        return
    try:
        signature.bind(*arguments, **(fields(method) if partial else {}))
    except TypeError as error:
        keys = [name for name in signature.parameters if name not in arguments]
        raise UserError(f"{key}: {error}\nIts keys: {', '.join(keys) or 'none'}") from error


def _rule(node: Mapping[str, Any], key: str, network: Any) -> Any:
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


def _check_examples(rules: Mapping[str, Any], networks: Mapping[str, Any]) -> None:
    """A sample has a gradient of its own only where no network mixes the samples of a batch.

    Raises:
        UserError: a rule asks for per-sample gradients through batch normalisation.
    """
    met = {"discriminator": ("discriminator",), "generator": PLAYERS}
    for player in (player for player in PLAYERS if rules[player].per_sample):
        for other in (other for other in met[player] if mixes_samples(networks[other])):
            problem = f"the {other} has batch normalisation (network.{other}_norm), so samples have no own gradients"
            raise bad_value(f"optimizer.{player}.estimator", "per_sample", problem, ["running"])


def _check_images(config: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Raises UserError where a transform of images is asked for, and the examples are vectors."""
    nodes = {
        "noise": config["noise"],
        **{f"regularizer.{n}": node for n, node in (config["regularizer"] or {}).items()},
    }
    for key, node in nodes.items():
        if len(shape) != 3 and declared(resolve(node["_target_"]), "images", False):
            name = node["_target_"].rpartition(".")[2]
            raise bad_value(key, name, f"changes images, and this data set has vectors of {shape[0]} numbers")


def _method(group: str, node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in ENGINE_KEYS[group]}


@functools.lru_cache(maxsize=4)
def _dataset(node: str) -> Any:
    plain = json.loads(node)
    _check_dataset_keys(plain)
    return make(plain, "dataset")


def _check_dataset_keys(node: Mapping[str, Any]) -> None:
    """Raises UserError where a key is not of this data set: presets bring some that not all have."""
    made = resolve(node["_target_"])
    signature = _signature(made)
    taken = {} if signature is None else signature.parameters
    if signature is None or any(each.kind is inspect.Parameter.VAR_KEYWORD for each in taken.values()):
        return
    for key in (key for key in node if not key.startswith("_") and key not in taken):
        raise bad_value(f"dataset.{key}", node[key], f"{made.__name__} has no such key", taken)


def build_dataset(node: Mapping[str, Any]) -> Any:
    """Return the data set; jobs of one process that ask for the same one share it."""
    return _dataset(json.dumps(node, sort_keys=True))


def make(node: Mapping[str, Any], key: str) -> Any:
    """Instantiate one node, plain containers inside.

    Hydra's own partial checks its target at every call, which costs more than many a penalty: it is unwrapped.

    Raises:
        UserError: the object says so itself, or its arguments are wrong.
    """
    try:
        made = instantiate(node, _convert_="all", **allowing(allowed()))
    except (InstantiationException, *WRONG_CALL) as error:
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, UserError):
            raise cause from error
        if cause is None or isinstance(cause, WRONG_CALL):
            early = isinstance(cause, TypeError) and "missing" in str(cause) and not node.get("_partial_")
            hint = "; does its yaml lack _partial_: true?" if early else ""
            raise UserError(f"{key}: {cause or first_line(error)}{hint}") from error
        raise
    if isinstance(made, functools.partial):
        return functools.partial(made.func, *made.args, **made.keywords)
    return made
