"""Methods of the user's own, tried once on a few examples before anything is trained or written.

steadygan's own methods are left out: its tests have tried them, and a large network takes its time.
"""

import json
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from steadygan.common.errors import UserError
from steadygan.config.protocols import PAGE, has_members, numbers
from steadygan.config.targets import metric_nodes
from steadygan.core.autodiff import AutogradBackend, PenaltyCritic
from steadygan.core.declare import declared
from steadygan.core.draws import generator, normal_like
from steadygan.core.objective import StepBatch, views
from steadygan.core.types import Tensors
from steadygan.training.batches import BatchSampler, SamplingSpec
from steadygan.training.functional import tensors
from steadygan.training.labelling import needs
from steadygan.training.step import PLAYERS, Algorithm, initial_state, step

COUNT = 3
"""Examples that a method is tried on; odd, so that a wrong dimension is not right by chance."""

MOST = 10**7
"""Numbers in the samples that a metric is tried on; one that wants more is not."""

_tried: set[str] = set()

HERE = (str(Path(__file__).parents[1]), str(Path(torch.__file__).parent))


def own_keys(config: Mapping[str, Any]) -> set[str]:
    """Return the keys of all objects that are not steadygan's."""
    nodes = {key: config[key] for key in ("loss", "noise", "game", "dataset", "logger")}
    for group, nodes_of_group in (
        ("regularizer", config["regularizer"] or {}),
        ("metrics", metric_nodes(config["metrics"])),
    ):
        nodes |= {f"{group}.{name}": node for name, node in nodes_of_group.items()}
    nodes["ema"] = config["ema"]
    nodes["discriminator.vote"] = config["discriminator"]["vote"]
    for group in ("network", "optimizer"):
        nodes |= {f"{group}.{player}": config[group][player] for player in PLAYERS}
    return {key for key, node in nodes.items() if not _ours(node)}


def _ours(node: Mapping[str, Any]) -> bool:
    return str(node.get("_target_", "steadygan.")).startswith("steadygan.")


def tried(node: Mapping[str, Any], key: str, what: str, call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns; an ``attempt`` where the node's object is not steadygan's, whose faults keep their
    traceback."""
    return call() if _ours(node) else attempt(key, what, call)


def attempt(key: str, what: str, call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns.

    Raises:
        UserError: it raised something; names the key, and the line of the user's own code.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            return call()
    except UserError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise UserError(f"{key}: {what} fails: {type(error).__name__}: {first}{_line(error)}\n{PAGE}") from error


def _line(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HERE)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def expect(key: str, what: str, value: Any, shape: tuple[int, ...], words: str, given: str = "examples") -> None:
    """Refuse anything but a float tensor of the ``shape``, made of ``COUNT`` of what is ``given``.

    Raises:
        UserError: naming the key, what is there and, in ``words``, what should be.
    """
    got = list(value.shape) if isinstance(value, Tensor) else None
    if got != list(shape) or not value.is_floating_point():
        got = f"a tensor of shape {got} and type {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
        raise UserError(f"{key}: {what} gives {got} for {COUNT} {given}; must be {list(shape)}: {words}\n{PAGE}")


def flows(key: str, what: str, value: Tensor, source: str) -> None:
    """Refuse a value that has no gradient: it would change nothing, or stop the run.

    Raises:
        UserError: naming the key.
    """
    if not value.requires_grad:
        raise UserError(f"{key}: {what} gives a value without a gradient: it does not depend on {source}\n{PAGE}")


def try_dataset(key: str, dataset: Any, batch_size: int, dtype: torch.dtype) -> None:
    """One batch of a data set, as large as training asks for.

    Raises:
        UserError: it cannot be made, or is not of the shape that the data set states.
    """
    has_members("dataset", key, dataset)
    if not isinstance(dataset.shape, tuple | list) or not all(isinstance(size, Integral) for size in dataset.shape):
        raise UserError(f"{key}: shape={dataset.shape!r}: must be a tuple of whole numbers, such as (2,)\n{PAGE}")
    for name, allowed in (("num_data", Integral), ("num_classes", Integral | None)):
        if not isinstance(getattr(dataset, name), allowed):
            raise UserError(f"{key}: {name}={getattr(dataset, name)!r}: must be a whole number\n{PAGE}")
    batch = attempt(
        key,
        f"a batch of {batch_size} examples, which must all have one shape,",
        lambda: dataset.batch(0, "trial", 0, batch_size, device="cpu", dtype=dtype),
    )
    x = batch.get("x") if isinstance(batch, Mapping) else None
    shape = [batch_size, *dataset.shape]
    if not isinstance(x, Tensor) or list(x.shape) != shape or x.dtype != dtype:
        got = f"{list(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else type(batch).__name__
        problem = f"must be a dict with the examples under 'x', {shape} of {dtype}"
        raise UserError(f"{key}: a batch of {batch_size} examples is {got}; {problem}\n{PAGE}")
    if dataset.num_classes is not None and batch.get("y") is None:
        raise UserError(f"{key}: has num_classes={dataset.num_classes}, and no classes 'y' in its batches\n{PAGE}")


def try_metric(key: str, metric: Any) -> None:
    """Check what a metric declares.

    Raises:
        UserError: it has not what a run needs to know.
    """
    has_members("metrics", key, metric)
    ways = metric.directions
    if not isinstance(ways, Mapping) or not ways or not set(ways.values()) <= {"min", "max"}:
        problem = "must say of each score that compute() returns whether 'max' or 'min' is better"
        raise UserError(f"{key}: directions={ways!r}: {problem}\n{PAGE}")


def try_scores(key: str, node: Mapping[str, Any], metric: Any, dataset: Any) -> None:
    """What a metric of the user's own says of as many examples as it wants samples; once in a process.

    Raises:
        UserError: it fails, or gives no numbers, or says of none which way is better.
    """
    asked = json.dumps([key, node, str(dataset.shape)], sort_keys=True, default=str)
    if asked in _tried or str(node["_target_"]).startswith("steadygan.") or list(needs(metric)) != ["samples"]:
        return
    if not isinstance(metric.samples, Integral) or metric.samples * math.prod(dataset.shape) > MOST:
        return
    x = dataset.batch(0, "trial", 0, metric.samples, device="cpu", dtype=torch.float32)["x"]

    def scored() -> Any:
        metric.reset()
        metric.update(x)
        return metric.compute()

    scores = numbers(key, attempt(key, f"update(samples) with {len(x)} examples, then compute(),", scored))
    metric.reset()
    unsaid = sorted({*scores} - {*metric.directions})
    if unsaid:
        problem = f"does not say whether 'max' or 'min' is better for {', '.join(unsaid)}, which compute() gives"
        raise UserError(f"{key}: directions={dict(metric.directions)}: {problem}\n{PAGE}")
    _tried.add(asked)


@dataclass(frozen=True)
class Trial:
    """Try the methods of an algorithm on one batch of each player.

    Attributes:
        own: keys of the objects to try.
        algorithm: they belong to.
        sampling: what is drawn for them.
        networks: of both players.
        dataset: trained on.
        dtype: of it all.
    """

    own: set[str]
    algorithm: Algorithm
    sampling: SamplingSpec
    networks: Mapping[str, nn.Module]
    dataset: Any
    dtype: torch.dtype

    def __call__(self) -> None:
        """Try them.

        Raises:
            UserError: one does not fit.
        """
        states = {player: tensors(self.networks[player]) for player in PLAYERS}
        params = {player: own for player, (own, _) in states.items()}
        batches = attempt("draw", "drawing for a batch", lambda: self._sampler().sample(0, params))
        now, batch = self.algorithm.at(0), batches["discriminator"][0]
        if "noise" in self.own and "noise" not in now.objective.stateful:
            self._noise(now, batch)
        if self.algorithm.growth is None:
            for player in (player for player in PLAYERS if f"network.{player}" in self.own):
                self._network(player, now, states[player], batch)
        if "loss" in self.own:
            self._loss(now, batch)
        for name, penalty in now.objective.penalties.items():
            if f"regularizer.{name}" in self.own:
                self._penalty(f"regularizer.{name}", penalty, batch._replace(due=None), name, states)
        for name, project in now.projections.items():
            if f"regularizer.{name}" in self.own:
                self._projection(f"regularizer.{name}", project, params["discriminator"])
        for player in (player for player in PLAYERS if f"optimizer.{player}" in self.own):
            self._rule(player, now, params[player], batches[player][0])
        if "ema" in self.own:
            what, own = "update(average, value, t)", params["generator"]
            self._like("ema", what, attempt("ema", what, lambda: now.ema.update(own, own, 1)), own)
        if "discriminator.vote" in self.own:
            self._vote(now.objective.aggregation)
        if "game" in self.own:
            self._game(states, batches)

    def _sampler(self) -> BatchSampler:
        latent = self.networks["generator"].latent
        return BatchSampler(self.dataset, self.sampling, latent, 0, COUNT, torch.device("cpu"), self.dtype)

    def _noise(self, now: Algorithm, batch: StepBatch) -> None:
        for perturb in views(now.objective.perturb):
            value = attempt("noise", "perturb(x, eps)", lambda p=perturb: p(batch.real, batch.noise_real[0]))
            expect("noise", "perturb(x, eps)", value, tuple(batch.real.shape), "examples like those that come in")

    def _network(self, player: str, now: Algorithm, state: tuple[Tensors, Tensors], batch: StepBatch) -> None:
        key, members = f"network.{player}", now.objective.members if player == "discriminator" else 1
        batch = batch.repeated(members)
        x = batch.latent if player == "generator" else batch.real
        apply = getattr(now.objective, player)
        with torch.no_grad():
            value, _ = attempt(key, f"a batch of {COUNT}", lambda: apply(*state, x, *batch.condition))
        examples = (len(x), *self.dataset.shape)
        words = {"generator": "examples like those of the data", "discriminator": "one logit an example"}
        expect(key, "forward", value, examples if player == "generator" else examples[:1], words[player])

    def _loss(self, now: Algorithm, batch: StepBatch) -> None:
        loss, words = now.objective.loss, "one value an example; the mean is taken for you"
        real, fake = (
            normal_like(generator(0, name), (COUNT,), self.dtype).requires_grad_() for name in ("real", "fake")
        )
        drawn = () if batch.smoothing is None else (batch.smoothing,)
        value = attempt("loss", "discriminator(real, fake)", lambda: loss.discriminator(real, fake, *drawn))
        expect("loss", "discriminator(real, fake)", value, (COUNT,), words)
        flows("loss", "discriminator(real, fake)", value, "the logits")
        given = real if self.sampling.real_for_generator else None
        value = attempt("loss", "generator(real, fake)", lambda: loss.generator(given, fake))
        expect("loss", "generator(real, fake)", value, (COUNT,), words)
        flows("loss", "generator(real, fake)", value, "the logits")

    def _vote(self, vote: Any) -> None:
        key, what = "discriminator.vote", "vote(losses, active, u)"
        losses, active = torch.arange(1.0, COUNT + 1, dtype=self.dtype), torch.arange(COUNT) < COUNT - 1
        u = torch.tensor(0.5, dtype=self.dtype) if vote.noisy else None
        expect(
            key, what, attempt(key, what, lambda: vote(losses, active, u)), (), "one value for all", "discriminators"
        )

    def _penalty(self, key: str, penalty: Any, batch: StepBatch, name: str, states: Mapping[str, Any]) -> None:
        like = next(iter(states["discriminator"][0].values()))
        aux_state = ()
        if hasattr(penalty, "init"):
            aux_state = (attempt(key, "init(members, like)", lambda: penalty.init(1, like)),)
        critic = PenaltyCritic(lambda x: x.flatten(1).square().sum(1), AutogradBackend.evaluation)
        real, fake = (critic.at(normal_like(generator(0, x), tuple(batch.real.shape), self.dtype)) for x in "ab")
        if not declared(penalty, "evaluated", False):
            real, fake = real.samples, fake.samples
        what = "penalty(critic, real, fake, eps, aux_state)" if aux_state else "penalty(critic, real, fake, eps)"
        value = attempt(key, what, lambda: penalty(critic, real, fake, batch.penalty.get(name), *aux_state))
        if aux_state:
            if not isinstance(value, tuple) or len(value) != 2:
                raise UserError(f"{key}: {what} must give its values [B] and its batch statistics\n{PAGE}")
            value = value[0]
        expect(key, what, value, (COUNT,), "one value an example; the mean is taken for you")
        flows(key, what, value, "the critic")

    def _projection(self, key: str, project: Any, params: Tensors) -> None:
        self._like(key, "project(params)", attempt(key, "project(params)", lambda: project(params)), params)

    def _rule(self, player: str, now: Algorithm, params: Tensors, batch: StepBatch) -> None:
        key, rule = f"optimizer.{player}", now.rules[player]
        if rule.per_sample:
            return
        state = attempt(key, "init(params)", lambda: rule.init(params))
        grads = {name: torch.zeros_like(value) for name, value in params.items()}
        what = "update(params, grads, state, noise)"
        made = attempt(key, what, lambda: rule.update(params, grads, state, batch.rule))
        if not isinstance(made, tuple) or len(made) != 2:
            raise UserError(f"{key}: {what} must give the new parameters and the new state, two dicts\n{PAGE}")
        self._like(key, what, made[0], params)

    def _like(self, key: str, what: str, made: Any, params: Tensors) -> None:
        shapes = {name: tuple(value.shape) for name, value in params.items()}
        if not isinstance(made, Mapping) or {name: tuple(value.shape) for name, value in made.items()} != shapes:
            raise UserError(f"{key}: {what} must give a dict of the same tensors, by the same names\n{PAGE}")

    def _game(
        self, states: Mapping[str, tuple[Tensors, Tensors]], batches: Mapping[str, tuple[StepBatch, ...]]
    ) -> None:
        state = initial_state(self.algorithm, states)
        made = attempt(
            "game", "play(players, state, batches)", lambda: step(self.algorithm, AutogradBackend(), state, batches, 0)
        )
        if missing := {*state} - {*made[0]}:
            lost = ", ".join(sorted(missing))
            raise UserError(f"game: play(players, state, batches) loses {lost} of the state\n{PAGE}")
