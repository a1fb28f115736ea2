"""The methods of an algorithm, tried on one batch of each player."""

from collections.abc import Mapping

import torch
from torch import nn

from steadygan.config.node import PLAYERS, Built
from steadygan.config.trials.attempt import COUNT, Attempt
from steadygan.core.autodiff import AutogradBackend, PenaltyCritic
from steadygan.core.declare import declared
from steadygan.core.draws import generator, normal_like
from steadygan.core.noise import views
from steadygan.core.state import State
from steadygan.core.types import Aggregation, Loss
from steadygan.data.base import Dataset
from steadygan.training.algorithm import Algorithm, initial_state
from steadygan.training.batches import BatchSampler, SamplingSpec
from steadygan.training.functional import tensors
from steadygan.training.players import AlgorithmPlayers
from steadygan.training.step import step

EACH = "one value an example; the mean is taken for you"


class Trial:
    """Try the methods of an algorithm.

    Args:
        algorithm: they belong to.
        sampling: what is drawn for them.
        networks: of both players.
        dataset: trained on.
        dtype: of it all.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        sampling: SamplingSpec,
        networks: Mapping[str, nn.Module],
        dataset: Dataset,
        dtype: torch.dtype,
    ) -> None:
        self.algorithm, self.sampling, self.dataset, self.dtype = algorithm, sampling, dataset, dtype
        self.now = algorithm.at(0)
        self.states = {player: tensors(networks[player]) for player in PLAYERS}
        params = {player: own for player, (own, _) in self.states.items()}
        latent: Built = networks["generator"].latent
        sampler = BatchSampler(dataset, sampling, latent, 0, COUNT, torch.device("cpu"), dtype)
        self.batches = Attempt("draw", "drawing for a batch")(lambda: sampler.sample(0, params))
        self.batch = self.batches["discriminator"][0]
        self.real: Built = self.batch.real

    def __call__(self, keys: set[str]) -> None:
        """Try the objects of these keys of the config."""
        trials = {
            "noise": self._noise,
            "network": self._network,
            "loss": self._loss,
            "regularizer": self._regularizer,
            "optimizer": self._rule,
            "ema": self._ema,
            "discriminator": self._vote,
            "game": self._game,
        }
        methods = {f"network.{player}": player for player in PLAYERS} | self.now.methods()
        for group, trial in trials.items():
            for key in (key for key in methods if key in keys and key.partition(".")[0] == group):
                trial(key, methods[key])

    def _noise(self, key: str, method: Built) -> None:
        if key in self.now.objective.stateful:
            return
        attempt = Attempt(key, "perturb(x, eps)")
        eps = self.batch.noise_real[0]
        for perturb in views(method):
            value = attempt(lambda p=perturb: p(self.real, eps))
            attempt.expect(value, tuple(self.real.shape), "examples like those that come in")

    def _network(self, key: str, player: str) -> None:
        if self.algorithm.growth is not None:
            return
        generates = player == "generator"
        batch = self.batch.repeated(1 if generates else self.now.ensemble.members)
        x: Built = batch.latent if generates else batch.real
        apply = getattr(self.now.networks, player)
        with torch.no_grad():
            value, _ = Attempt(key, f"a batch of {COUNT}")(lambda: apply(*self.states[player], x, *batch.condition))
        shape = (len(x), *self.dataset.shape) if generates else (len(x),)
        words = "examples like those of the data" if generates else "one logit an example"
        Attempt(key, "forward").expect(value, shape, words)

    def _loss(self, key: str, loss: Loss) -> None:
        real, fake = (
            normal_like(generator(0, name), (COUNT,), self.dtype).requires_grad_() for name in ("real", "fake")
        )
        drawn = () if self.batch.smoothing is None else (self.batch.smoothing,)
        given = real if self.sampling.real_for_generator else None
        for what, call in {
            "discriminator(real, fake)": lambda: loss.discriminator(real, fake, *drawn),
            "generator(real, fake)": lambda: loss.generator(given, fake),
        }.items():
            attempt = Attempt(key, what)
            value = attempt(call)
            attempt.expect(value, (COUNT,), EACH)
            attempt.flows(value, "the logits")

    def _vote(self, key: str, vote: Aggregation) -> None:
        attempt = Attempt(key, "vote(losses, active, u)")
        losses, active = torch.arange(1.0, COUNT + 1, dtype=self.dtype), torch.arange(COUNT) < COUNT - 1
        u = torch.tensor(0.5, dtype=self.dtype) if declared(vote, "noisy") else None
        attempt.expect(attempt(lambda: vote(losses, active, u)), (), "one value for all", "discriminators")

    def _regularizer(self, key: str, method: Built) -> None:
        params = self.states["discriminator"][0]
        name = key.partition(".")[2]
        if name in self.now.projections:
            attempt = Attempt(key, "project(params)")
            attempt.like(attempt(lambda: method(params)), params)
            return
        aux_state = ()
        if hasattr(method, "init"):
            like = next(iter(params.values()))
            aux_state = (Attempt(key, "init(members, like)")(lambda: method.init(1, like)),)
        critic = PenaltyCritic(lambda x: x.flatten(1).square().sum(1), AutogradBackend.evaluation)
        shape = tuple(self.real.shape)
        real, fake = (critic.at(normal_like(generator(0, x), shape, self.dtype)) for x in "ab")
        if not declared(method, "evaluated", False):
            real, fake = real.samples, fake.samples
        attempt = Attempt(key, f"penalty(critic, real, fake, eps{', aux_state' if aux_state else ''})")
        eps = self.batch.penalty.get(name)
        value = attempt(lambda: method(critic, real, fake, eps, *aux_state))
        if aux_state:
            if not isinstance(value, tuple) or len(value) != 2:
                raise attempt.error("must give its values [B] and its batch statistics")
            value = value[0]
        attempt.expect(value, (COUNT,), EACH)
        attempt.flows(value, "the critic")

    def _rule(self, key: str, rule: Built) -> None:
        if rule.per_sample:
            return
        player = key.partition(".")[2]
        params, noise = self.states[player][0], self.batches[player][0].rule
        state = Attempt(key, "init(params)")(lambda: rule.init(params))
        grads = {name: torch.zeros_like(value) for name, value in params.items()}
        attempt = Attempt(key, "update(params, grads, state, noise)")
        made = attempt(lambda: rule.update(params, grads, state, noise))
        if not isinstance(made, tuple) or len(made) != 2:
            raise attempt.error("must give the new parameters and the new state, two dicts")
        attempt.like(made[0], params)

    def _ema(self, key: str, ema: Built) -> None:
        attempt, params = Attempt(key, "update(average, value, t)"), self.states["generator"][0]
        attempt.like(attempt(lambda: ema.update(params, params, 1)), params)

    def _game(self, key: str, game: Built) -> None:
        attempt = Attempt(key, "play(players, state, batches)")
        state = initial_state(self.algorithm, self.states)
        players = AlgorithmPlayers(self.now, AutogradBackend(), lambda grads: grads)
        made = attempt(lambda: game.play(players, state, self.batches))
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], State)):
            raise attempt.error("must give the new state, which `state._replace(...)` makes, and the logs")
        attempt(lambda: step(self.algorithm, AutogradBackend(), state, self.batches, 0))
