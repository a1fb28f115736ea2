"""Every network under ``functional_call`` and ``vmap``: K stacked members are K networks, in float64."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call, grad, stack_module_state, vmap

from steadygan.networks import bottleneck, cifar_resnet, dcgan, mlp, r3gan, resnet
from steadygan.networks.layers.norms import NORMS

MEMBERS, BATCH = 3, 4
IMAGE = (2, 16, 16)

GENERATORS = {
    "mlp": partial(mlp.Generator, (2,), latent=5, width=8, depth=3),
    "mlp images": partial(mlp.Generator, IMAGE, latent=5, width=8, depth=2),
    **{f"dcgan {norm}": partial(dcgan.Generator, IMAGE, latent=5, width=2, norm=norm) for norm in NORMS},
    "gated": partial(dcgan.Generator, IMAGE, latent=5, width=2, activation="gated"),
    "constant": partial(dcgan.Generator, IMAGE, latent=5, width=2, constant=True, norm="none"),
    "resnet": partial(resnet.Generator, IMAGE, latent=5, width=2, max_width=4),
    "cifar": partial(cifar_resnet.Generator, IMAGE, latent=5, width=3),
    "bottleneck": partial(bottleneck.Generator, IMAGE, latent=5, width=2, layers=11),
    "r3gan": partial(r3gan.Generator, IMAGE, latent=5, width=4, blocks=1, group=4),
}
CRITICS = {
    f"{name}{' spectral' * spectral}": partial(make, spectral_norm=spectral)
    for spectral in (False, True)
    for name, make in {
        "mlp": partial(mlp.Discriminator, (2,), width=8, depth=3),
        **{f"dcgan {norm}": partial(dcgan.Discriminator, IMAGE, width=2, norm=norm) for norm in NORMS},
        "gated": partial(dcgan.Discriminator, IMAGE, width=2, activation="gated", norm="layer"),
        "resnet": partial(resnet.Discriminator, IMAGE, width=2, max_width=4),
        "cifar": partial(cifar_resnet.Discriminator, IMAGE, width=3, pool="sum"),
        "bottleneck": partial(bottleneck.Discriminator, IMAGE, width=2, layers=11),
    }.items()
}
CRITICS["r3gan"] = partial(r3gan.Discriminator, IMAGE, width=4, blocks=1, group=4)


def population(make, training: bool):
    """K networks and their parameters and buffers, stacked; weights grown so that nothing is tiny."""
    networks = [make().double().train(training) for _ in range(MEMBERS)]
    for network in networks:
        with torch.no_grad():
            for p in network.parameters():
                p.mul_(5).add_(0.1)
    params, buffers = stack_module_state(networks)
    return networks, {k: v.detach() for k, v in params.items()}, {k: v.clone() for k, v in buffers.items()}


def member(tree, k):
    return {name: value[k] for name, value in tree.items()}


def check(one, params, buffers, inputs):
    """``one(params, buffers, x)`` under vmap against a loop over the members."""
    together = vmap(one)(params, buffers, inputs)
    for k in range(MEMBERS):
        alone = one(member(params, k), member(buffers, k), inputs[k])
        torch.testing.assert_close(member(together, k), alone, rtol=1e-10, atol=1e-10)


def inputs(*shape):
    return torch.randn((MEMBERS, BATCH, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_under_vmap_are_the_loop(name, training):
    networks, params, buffers = population(GENERATORS[name], training)

    def one(params, buffers, z):
        state = {**params, **buffers}

        def loss(params):
            local = {**params, **buffers}
            out = functional_call(networks[0], local, (z,))
            return out.pow(3).sum(), {name: local[name] for name in buffers}

        gradient, after = grad(loss, has_aux=True)(params)
        return {"x": functional_call(networks[0], state, (z,)), **gradient, **{f"{k}'": v for k, v in after.items()}}

    check(one, params, buffers, inputs(5))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", CRITICS)
def test_critics_under_vmap_are_the_loop_with_their_r1_gradients(name, training):
    networks, params, buffers = population(CRITICS[name], training)

    def one(params, buffers, x):
        def loss(params):
            state = {**params, **buffers}
            logits = functional_call(networks[0], state, (x,))
            slope = grad(lambda x: functional_call(networks[0], {**params, **buffers}, (x,)).sum())(x)
            value = F.softplus(-logits).mean() + slope.square().sum() / 2
            return value, {"logits": logits, **{f"{k}'": state[k] for k in buffers}}

        gradient, after = grad(loss, has_aux=True)(params)
        return {**gradient, **after}

    check(one, params, buffers, inputs(*((2,) if name.startswith("mlp") else IMAGE)))


@pytest.mark.parametrize("name", ["mlp spectral", "dcgan batch", "dcgan batch spectral"])
def test_functional_call_is_the_module_and_hands_back_its_buffers(name):
    """Called as a module, and as a pure function: same logits, same buffers, the module untouched by the latter."""
    (network, *_), params, buffers = population(CRITICS[name], training=True)
    x = inputs(*((2,) if name.startswith("mlp") else IMAGE))[0]
    state = {**member(params, 0), **member(buffers, 0)}
    logits = functional_call(network, state, (x,))
    assert all(torch.equal(value, buffers[key][0]) for key, value in network.named_buffers())
    torch.testing.assert_close(network(x), logits, rtol=1e-12, atol=1e-12)
    changed = dict(network.named_buffers())
    assert changed
    for key, value in changed.items():
        torch.testing.assert_close(state[key], value, rtol=1e-12, atol=1e-12)
        # the vector of a single output is 1 and stays 1
        assert value.numel() == 1 or not torch.equal(value, buffers[key][0])


def test_evaluation_leaves_the_state_alone():
    (network, *_), params, buffers = population(CRITICS["dcgan batch spectral"], training=False)
    state = {**member(params, 0), **member(buffers, 0)}
    before = dict(state)
    functional_call(network, state, (inputs(*IMAGE)[0],))
    assert all(state[key] is before[key] for key in before)


def test_averaged_buffers_serve_in_evaluation():
    """An EMA of parameters and buffers, as of the generator: here of two states by hand."""
    networks, params, buffers = population(GENERATORS["dcgan batch"], training=True)
    network, z = networks[0], inputs(5)[0]
    states = []
    for scale in (1.0, 3.0):
        state = {**member(params, 0), **member(buffers, 0)}
        functional_call(network, state, (scale * z,))
        states.append(state)
    average = {key: torch.lerp(states[0][key], states[1][key], 0.25) for key in states[0]}
    network.eval()
    out = functional_call(network, average, (z,))

    # the first normalisation, written out with the averaged statistics
    hidden = (z @ average["project.weight"].T).unflatten(1, (4, 4, -1)).permute(0, 3, 1, 2)
    mean, var = (0.75 * states[0][k] + 0.25 * states[1][k] for k in ("layers.0.running_mean", "layers.0.running_var"))
    mean, var, weight, bias = (
        t[:, None, None] for t in (mean, var, average["layers.0.weight"], average["layers.0.bias"])
    )
    x = (hidden - mean) / (var + 1e-5).sqrt() * weight + bias
    for k, layer in enumerate(network.layers):
        own = {key.removeprefix(f"layers.{k}."): v for key, v in average.items() if key.startswith(f"layers.{k}.")}
        x = x if k == 0 else functional_call(layer, own, (x,))
    torch.testing.assert_close(out, x, rtol=1e-10, atol=1e-10)
