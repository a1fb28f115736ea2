"""What players minimise before the game: by hand, by gradcheck, and against torch's own optimiser."""

import pytest
import torch

from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.core.distances import l1
from steadygan.core.optimizers import Adam
from steadygan.core.pretraining import move, of_discriminator, of_generator
from steadygan.core.state import PlayerState


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear(params, buffers, x, *label):
    return x.flatten(1) @ params["w"] + params["b"], {"calls": buffers["calls"] + 1}


def images(params, buffers, z, *label, stage=0, fade=1.0):
    made = (z @ params["w"]).view(-1, 1, 2, 2) * fade + stage
    return made + (label[0].view(-1, 1, 1, 1) if label else 0), buffers


BUFFERS = {"calls": torch.tensor(0.0)}


def test_l1_by_hand():
    made = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    assert l1(made, torch.ones_like(made)).tolist() == [1.5, 0.75]


def test_the_generators_loss_by_hand():
    latent, target, params = draw(3, 2), draw(3, 1, 2, 2, seed=1), {"w": draw(2, 4, seed=2)}
    label = torch.tensor([0, 1, 2])
    loss, aux = of_generator(images, l1, latent, target, (label,), stage=1, fade=0.5)(params, {})
    made = 0.5 * latent @ params["w"] + 1 + label[:, None]
    assert float(loss) == pytest.approx(float((made - target.flatten(1)).abs().mean()))
    assert aux.logs["loss"] is loss


@pytest.mark.parametrize("members", [1, 2])
def test_the_discriminators_loss_and_accuracy_by_hand(members):
    """Logits 0.8 and 0.4 of real examples, 0.1 and 0.6 of generated ones: half of each on their side of 1/2."""
    params = {"w": torch.ones(1, dtype=torch.float64), "b": torch.zeros(1, dtype=torch.float64)}
    apply = lambda *given: (linear(*given)[0], linear(*given)[1])  # noqa: E731
    real, fake = torch.tensor([[0.8], [0.4]]).double(), torch.tensor([[0.1], [0.6]]).double()
    loss, aux = of_discriminator(apply, real, fake, (), members)({**params, "w": params["w"]}, BUFFERS)
    by_hand = (0.2**2 + 0.6**2 + 0.1**2 + 0.6**2) / 4
    assert float(loss) == pytest.approx(members * by_hand)
    assert float(aux.logs["loss"]) == pytest.approx(by_hand)
    assert float(aux.logs["accuracy"]) == 0.5
    assert float(aux.buffers["calls"]) == 1


def test_gradients():
    latent, target, real = draw(3, 2), draw(3, 1, 2, 2, seed=1), draw(3, 4, seed=3)
    of_g = of_generator(images, l1, latent, target)
    assert torch.autograd.gradcheck(lambda w: of_g({"w": w}, {})[0], draw(2, 4, seed=2).requires_grad_())
    of_d = of_discriminator(linear, real, target.flatten(1), (), 1)
    weights = draw(4, seed=4).requires_grad_(), draw(1, seed=5).requires_grad_()
    assert torch.autograd.gradcheck(lambda w, b: of_d({"w": w, "b": b}, BUFFERS)[0], weights)


@pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()])
def test_steps_are_those_of_torchs_adam(backend):
    latent, target = draw(8, 2), draw(8, 1, 2, 2, seed=1)
    rule = Adam(lr=1e-2, beta1=0.5, beta2=0.999)
    weight = torch.nn.Parameter(draw(2, 4, seed=2))
    optimiser = torch.optim.Adam([weight], lr=1e-2, betas=(0.5, 0.999))
    params = {"w": weight.detach().clone()}
    player = PlayerState(params, {}, rule.init(params))
    before = player.params["w"].clone()
    for _ in range(5):
        kept = player.params["w"]
        moved, _ = move(of_generator(images, l1, latent, target), rule, backend, player)
        assert player.params["w"] is kept
        player = moved
        optimiser.zero_grad()
        ((latent @ weight).view(8, 1, 2, 2) - target).abs().mean().backward()
        optimiser.step()
    assert not torch.equal(before, player.params["w"])
    torch.testing.assert_close(player.params["w"], weight.detach())


def test_gradients_are_averaged_before_the_move():
    rule, player = Adam(lr=1.0, beta1=0.0, beta2=0.0), PlayerState({"w": draw(2, 4)}, {}, {})
    player = player._replace(rule=rule.init(player.params))
    nothing = lambda grads: {name: torch.zeros_like(grad) for name, grad in grads.items()}  # noqa: E731
    moved, _ = move(of_generator(images, l1, draw(3, 2), draw(3, 1, 2, 2)), rule, AutogradBackend(), player, nothing)
    assert torch.equal(moved.params["w"], player.params["w"])
