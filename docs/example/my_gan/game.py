"""A game of one's own: the generator moves first."""

from dataclasses import dataclass

from steadygan.core.declare import declare, turns


@declare(n_critic=turns)
@dataclass(frozen=True)
class GeneratorFirst:
    """One move of the generator, then ``n_critic`` of the discriminator, against the generator as it is now."""

    n_critic: int = 1

    def play(self, players, state, turns):
        (turn,) = turns["generator"]
        generator = players.gradient("generator", state, turn)
        state = players.move("generator", state, generator, turn)
        for turn in turns["discriminator"]:
            critic = players.gradient("discriminator", state, turn)
            state = players.move("discriminator", state, critic, turn)
        return state, {**generator.logs, **critic.logs}
