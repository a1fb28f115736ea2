"""A game of one's own: the generator moves first."""

from dataclasses import dataclass

from steadygan.core.declare import declare, updates


@declare(n_critic=updates)
@dataclass(frozen=True)
class GeneratorFirst:
    """One move of the generator, then ``n_critic`` of the discriminator, against the generator as it is now."""

    n_critic: int = 1

    def play(self, players, state, batches):
        (batch,) = batches["generator"]
        generator = players.gradient("generator", state, batch)
        state = players.move("generator", state, generator, batch)
        for batch in batches["discriminator"]:
            critic = players.gradient("discriminator", state, batch)
            state = players.move("discriminator", state, critic, batch)
        return state, {**generator.logs, **critic.logs}
