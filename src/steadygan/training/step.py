"""ONE pure training step: ``step(algorithm, backend, state, batches, t) -> (state, logs)``.

The single run calls it in eager mode, a population calls it under ``vmap``; neither adds mathematics of its own.
"""

from collections.abc import Callable

from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import Backend
from steadygan.core.diagnostics import norm
from steadygan.core.state import State
from steadygan.core.step_batch import Batches
from steadygan.core.types import Logs, Number, Tensors
from steadygan.training.algorithm import Algorithm
from steadygan.training.players import AlgorithmPlayers


def step(
    algorithm: Algorithm,
    backend: Backend,
    state: State,
    batches: Batches,
    t: Number,
    average: Callable[[Tensors], Tensors] = lambda grads: grads,
) -> tuple[State, Logs]:
    """Run one iteration.

    Args:
        algorithm: what is trained; its schedules are evaluated at ``t``.
        backend: how gradients are taken.
        state: see ``initial_state``.
        batches: data and random draws, a batch for each update of each player.
        t: the number of generator updates made before.
        average: the mean of the gradients over processes.

    Returns:
        The new state and the logs, both trees of tensors; ``state`` is left as it was.
    """
    now = algorithm.at(t)
    if algorithm.growth is not None:
        batches = algorithm.growth.at(t).batches(batches)
    state, logs = now.game.play(AlgorithmPlayers(now, backend, average), state, batches)
    ema = now.ema.update(state.ema, state.generator.tensors, t + 1)
    if state.snapshots:
        state = state._replace(snapshots=now.ensemble.snapshots.update(state.snapshots, state.discriminator, t))
    weights = {f"weight_norm/{p}": norm(backend.parts(state.of(p).params.values())) for p in PLAYERS}
    return state._replace(ema=ema), {**logs, **weights, **_own_logs(now, state, logs)}


def _own_logs(algorithm: Algorithm, state: State, logs: Logs) -> Logs:
    """Return what methods log of themselves, such as a loss in other units or the probability of an augmentation."""
    loss, said = algorithm.objective.loss, {}
    if of_loss := getattr(loss, "logs", None):
        said["loss"] = of_loss(logs["loss/discriminator"], logs["loss/generator"])
    for player, rule in algorithm.rules.items():
        if of_rule := getattr(rule, "logs", None):
            said[f"rule/{player}"] = of_rule(state.of(player).rule)
    for key, method in algorithm.objective.stateful.items():
        if of_method := getattr(method, "logs", None):
            said[key.replace(".", "/")] = of_method(state.aux_state[key])
    return {f"{prefix}/{key}": value for prefix, own in said.items() for key, value in own.items()}
