"""From a config to the objects it names: a list of ``instantiate`` calls."""

import functools
import inspect
import json
from collections.abc import Mapping
from types import NoneType
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from steadygan.core.declare import declared
from steadygan.core.draws import normal_like, uniform
from steadygan.core.objective import Objective
from steadygan.core.settings import fields
from steadygan.engines.dealer import ENGINE_KEYS, Wants
from steadygan.engines.networks import as_functions, build_networks
from steadygan.engines.parts import DTYPES, Parts
from steadygan.engines.step import PLAYERS, Sentence
from steadygan.errors import UserError
from steadygan.targets import resolve

WRONG_CALL = (TypeError, ValueError, ImportError, AttributeError, NoneType)
"""What lies behind Hydra's complaint where a ``_target_`` does not exist or does not take these keys."""


def build(config: Mapping[str, Any]) -> Parts:
    """Everything that a run trains with.

    Raises:
        UserError: something named in the config does not fit or cannot be built.
    """
    dataset = build_dataset(config["dataset"])
    dtype = DTYPES[str(config["trainer"]["precision"])]
    builders = {player: make(config["network"][player], f"network.{player}") for player in PLAYERS}
    networks = build_networks(builders, dataset.shape, config["seed"], dtype)
    sentence = build_sentence(config, networks)
    return Parts(
        sentence=sentence,
        networks=networks,
        wants=_wants(config, sentence, dataset.shape),
        dataset=dataset,
        metrics={
            name: make(node, f"metrics.{name}")(dataset=dataset) for name, node in (config["metrics"] or {}).items()
        },
        logger=make(config["logger"], "logger"),
    )


def build_sentence(config: Mapping[str, Any], networks: Mapping[str, Any]) -> Sentence:
    """The loss, penalties, noise, rules and game of a config, on the networks given."""
    regularizers = {
        name: make(_method(node), f"regularizer.{name}") for name, node in (config["regularizer"] or {}).items()
    }
    projections = {name: method for name, method in regularizers.items() if declared(method, "projection", False)}
    perturb = make(_method(config["noise"]), "noise")
    _takes(perturb, "noise", "x", "eps")
    for name, method in regularizers.items():
        given = ("params",) if name in projections else ("critic", "real", "fake", "eps")
        _takes(method, f"regularizer.{name}", *given)
    return Sentence(
        objective=Objective(
            **as_functions(networks, bf16=str(config["trainer"]["precision"]) == "bf16"),
            loss=make(config["loss"], "loss"),
            perturb=perturb,
            penalties={name: method for name, method in regularizers.items() if name not in projections},
        ),
        rules={
            player: _rule(config["optimizer"][player], f"optimizer.{player}", networks[player]) for player in PLAYERS
        },
        projections=projections,
        game=make(config["game"], "game"),
        ema=make(config["ema"], "ema"),
    )


def _wants(config: Mapping[str, Any], sentence: Sentence, shape: tuple[int, ...]) -> Wants:
    noise = config["noise"]
    return Wants.of(
        sentence,
        noise=_draw(noise, sentence.objective.perturb, normal_like),
        copies=noise.get("copies", 1),
        penalties={
            name: _draw(config["regularizer"][name], method, uniform)
            for name, method in sentence.objective.penalties.items()
        },
        shape=shape,
    )


def _draw(node: Mapping[str, Any], method: Any, default: Any) -> Any:
    return resolve(node["draw"]) if "draw" in node else declared(method, "draw", default)


def _takes(method: Any, key: str, *given: str) -> None:
    """A partial with a wrong key would only fail at its first call, in training.

    Raises:
        UserError: naming the keys there are.
    """
    function = method.func if isinstance(method, functools.partial) else method
    signature = inspect.signature(function)
    try:
        signature.bind(*given, **fields(method))
    except TypeError as error:
        keys = [name for name in signature.parameters if name not in given]
        raise UserError(f"{key}: {error}\nIts keys: {', '.join(keys) or 'none'}") from error


def _rule(node: Mapping[str, Any], key: str, network: Any) -> Any:
    try:
        return make(node, key)(network.parameters()).rule
    except TypeError as error:
        raise UserError(f"{key}: {error}") from error


def _method(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in ENGINE_KEYS}


@functools.lru_cache(maxsize=4)
def _dataset(node: str) -> Any:
    return make(json.loads(node), "dataset")


def build_dataset(node: Mapping[str, Any]) -> Any:
    """The data set; jobs of one process that ask for the same one share it."""
    return _dataset(json.dumps(node, sort_keys=True))


def make(node: Mapping[str, Any], key: str) -> Any:
    """Instantiate one node, plain containers inside.

    Hydra's own partial checks its target at every call, which costs more than many a penalty: it is unwrapped.

    Raises:
        UserError: the object says so itself, or its arguments are wrong.
    """
    try:
        made = instantiate(node, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from error
        if isinstance(cause, WRONG_CALL):
            raise UserError(f"{key}: {cause}") from error
        raise
    if isinstance(made, functools.partial):
        return functools.partial(made.func, *made.args, **made.keywords)
    return made
