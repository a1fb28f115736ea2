"""Pre-training as it goes on: one update of one player after the other, phase by phase."""

from collections.abc import Callable

import torch
from torch import Tensor

from steadygan.config.node import PLAYERS
from steadygan.core import pretraining as core
from steadygan.core.autodiff import AutogradBackend
from steadygan.core.draws import stream_seed
from steadygan.core.growing import shrunk
from steadygan.core.state import PlayerState
from steadygan.core.types import Tensors, Tree
from steadygan.networks.stacked import as_growing
from steadygan.training.algorithm import initial_state
from steadygan.training.context import RunContext
from steadygan.training.functional import tensors
from steadygan.training.module import GANModule
from steadygan.training.networks import as_functions
from steadygan.training.running_mean import RunningMean
from steadygan.training.schemes.pretrain import Phase, Pretrain
from steadygan.training.schemes.record import Record

GENERATOR, HEADS = "generator.", "heads."


class Pretraining:
    """A GAN that is pre-trained; all of its progress is in the GAN's state.

    Args:
        scheme: the settings.
        distance: what G minimises, ``(made, target) -> [B]``.
        gan: at iteration 0, on its device.
        bf16: whether losses are computed under autocast.
    """

    def __init__(
        self, scheme: Pretrain, distance: Callable[[Tensor, Tensor], Tensor], gan: GANModule, bf16: bool = False
    ) -> None:
        self.scheme, self.distance, self.gan = scheme, distance, gan
        components = gan.components
        self.data, self.labelling = components.dataset, components.sampling.labelling
        self.device = gan.sampler.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(gan.seed, "init/pretrain"))
            stack = as_growing(components.networks["generator"], tuple(self.data.shape)).to(gan.float_type)
        apply = self.labelling.functions(
            as_functions({"generator": stack, "discriminator": components.networks["discriminator"]}, bf16)
        )
        self.generator, self.discriminator = apply["generator"], apply["discriminator"]
        self.phases = scheme.phases(stack.sizes, self.data.num_data)
        if not gan.state.scheme:
            heads = {name: value for name, value in tensors(stack)[0].items() if name.startswith(HEADS)}
            self.progress = {"phase": 0, "step": 0, "steps": 0, "heads": self._here(heads)}
            self._begin()

    def _here(self, values: Tensors) -> Tensors:
        return {name: value.to(self.device) for name, value in values.items()}

    @property
    def progress(self) -> Tree:
        """The progress, a part of the training state.

        It is ``phase``, ``step`` (in it), ``steps`` (in all), ``rule``, ``heads`` and ``window``; after pre-training
        ``phase`` and ``steps`` alone.
        """
        return self.gan.state.scheme

    @progress.setter
    def progress(self, progress: Tree) -> None:
        self.gan.state = self.gan.state._replace(scheme=progress)

    @property
    def phase(self) -> Phase | None:
        """The one that it is in; None: all are done."""
        return self._present if self.progress["phase"] < len(self.phases) else None

    @property
    def _present(self) -> Phase:
        """The one that it is in, where not all are done."""
        return self.phases[self.progress["phase"]]

    # --- one update -------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Make one update of the phase's player; return False, and change nothing, if a value is not finite."""
        phase, progress, gan = self._present, self.progress, self.gan
        player = self._player(phase)._replace(rule=progress["rule"])
        moved, logs = core.move(
            self._objective(phase, progress["step"]), phase.rule, AutogradBackend(), player, gan.ranks.average_grads
        )
        window = RunningMean()
        window.restore(progress["window"])
        if not window.add(gan.ranks.reduce_logs(logs)):
            return False
        more = {
            "step": progress["step"] + 1,
            "steps": progress["steps"] + 1,
            "window": window.state(),
            "rule": moved.rule,
        }
        self._keep(phase, moved, {**progress, **more})
        return True

    def _objective(self, phase: Phase, step: int) -> core.Objective:
        x, latent, condition = self._sample(phase, step)
        if phase.player == "generator":
            target, place = shrunk(x, phase.size), {"stage": phase.stage, "fade": self._fade(phase, step)}
            return core.of_generator(self.generator, self.distance, latent, target, condition, **place)
        made = self.gan.sample(latent, ema=False, label=condition[0] if condition else None)
        members = self.gan.components.algorithm.ensemble.members
        return core.of_discriminator(self.discriminator, x, made, condition, members)

    def _fade(self, phase: Phase, step: int) -> float:
        length = self.scheme.fade * phase.steps
        return 1.0 if phase.stage == 0 or length == 0 else min(step / length, 1.0)

    def _sample(self, phase: Phase, step: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Return this process's part of a batch: images, their latents, and what networks are given beside."""
        gan, stream, size = self.gan, f"pretrain/{phase.name}", self.scheme.batch_size
        batch = self.data.batch(gan.seed, stream, step, size, device=self.device, dtype=gan.float_type)
        labels: dict[str, Tensor] = {}
        if "generator" in self.labelling.players:
            labels = self.labelling.batch_fields("generator", step, batch, gan.seed, gan.float_type)
        latent = self._latents()[batch["index"].long()]
        part = gan.ranks.slice(size)
        return batch["x"][part], latent[part], tuple(value[part] for value in labels.values())

    def _latents(self) -> Tensor:
        """Return ``[num_data, latent]``: those of all images, in their order; a function of the seed."""
        if not hasattr(self, "_made"):
            self._made = self.gan.sampler.latents("pretrain/latent", 0, self.data.num_data)
        return self._made

    # --- state ------------------------------------------------------------------------------------------------

    def _player(self, phase: Phase) -> PlayerState:
        """Return the parameters and buffers that move, as the phase's network names them."""
        player = self.gan.state.of(phase.player)
        if phase.player == "discriminator":
            return player
        params, buffers = ({GENERATOR + name: value for name, value in own.items()} for own in player[:2])
        return PlayerState({**params, **self.progress["heads"]}, buffers, player.rule)

    def _keep(self, phase: Phase, moved: PlayerState, progress: Tree) -> None:
        state = self.gan.state
        params, buffers, _ = moved
        if phase.player == "generator":
            progress["heads"] = {name: value for name, value in params.items() if name.startswith(HEADS)}
            params, buffers = _without(GENERATOR, params), _without(GENERATOR, buffers)
            state = state._replace(ema={**params, **buffers})
        player = state.of(phase.player)._replace(params=params, buffers=buffers)
        self.gan.state = self.gan.ranks.sync_buffers(state.with_player(phase.player, player)._replace(scheme=progress))

    def epoch_over(self) -> int | None:
        """Return the number of the epoch, from 1, that the last step has ended; large batches may end several."""
        phase, step = self._present, self.progress["step"]
        after, before = (number * self.scheme.batch_size // self.data.num_data for number in (step, step - 1))
        if step >= phase.steps:
            return phase.epochs
        return after if after > before else None

    def means(self) -> dict[str, float]:
        """Return the means of what was logged in this epoch."""
        window = RunningMean()
        window.restore(self.progress["window"])
        return window.means()

    def advance(self) -> bool:
        """Go on to the next phase, if this one is done; whether it is."""
        done = self.progress["step"] >= self._present.steps
        if done:
            self.progress = {**self.progress, "phase": self.progress["phase"] + 1, "step": 0}
            self._begin()
        return done

    def _begin(self) -> None:
        """The state at the start of a phase, or of the game."""
        progress, gan, phase = self.progress, self.gan, self.phase
        if phase is None:
            players = {player: gan.state.of(player)[:2] for player in PLAYERS}
            gan.state = initial_state(gan.components.algorithm, players)
            self.progress = {"phase": progress["phase"], "steps": progress["steps"]}
        else:
            self.progress = {**progress, "rule": phase.rule.init(self._player(phase).params), "window": EMPTY}


EMPTY = RunningMean().state()


def _without(prefix: str, values: Tensors) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def pretrain(scheme: Pretrain, distance: Callable[[Tensor, Tensor], Tensor], gan: GANModule, run: RunContext) -> None:
    """Go through all phases that are left, until they are done, the run is to stop, or something is not finite.

    Args:
        scheme: the settings.
        distance: what G minimises.
        gan: at iteration 0.
        run: on this process, opened.
    """
    from steadygan.distributed.join import device

    trainer = run.job.config["trainer"]
    gan.to(device(trainer))
    gan.to_device(device(trainer))
    work = Pretraining(scheme, distance, gan, bf16=str(trainer["precision"]) == "bf16")
    record = None if gan.ranks.rank else Record(run, work)
    while work.phase is not None and not gan.ranks.stops:
        phase = work.phase
        if not work.step():
            gan.diverged_at = gan.iteration
            run.message(f"diverged in pre-training {phase.name}")
            return
        if epoch := work.epoch_over():
            if record is not None:
                record.row(phase, epoch)
            work.progress["window"] = EMPTY
        over = work.advance()
        if record is not None:
            record.after(over)
