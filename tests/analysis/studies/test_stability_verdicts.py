"""Verdicts on games that are known, by the code of ``steadygan stability``."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from small_gans import dirac, small
from steadygan.analysis.linearised import Field, scene
from steadygan.analysis.studies.dirac.settings import Settings as Numbers
from steadygan.analysis.studies.stability import spectra
from steadygan.analysis.studies.stability.path import along, shape
from steadygan.analysis.studies.stability.settings import Settings
from steadygan.analysis.studies.stability.verdict import (
    ATTRACTING,
    ELSEWHERE,
    ROTATING,
    UNDECIDED,
    UNSTABLE,
    Norms,
    judge,
)
from steadygan.config.node import PLAYERS
from steadygan.theory.spectrum import KINDS, Spectrum


def quiet(what):
    return lambda: None


def verdict(here, settings=None, start=1.0):
    """Of a scene, with a field as long as ``start`` at the start."""
    settings = settings or Settings(zero=1e-6)
    field = Field(here)
    linear = spectra.of_field(field, settings, quiet)
    held_out = spectra.held_out(linear, linear.operator, settings, quiet, np.inf)
    modes = spectra.zeros(field, linear, settings, True)
    norms = Norms(float(field(field.x).norm()), 0.0, start)
    return judge(linear.spectrum, held_out, modes, norms, settings)[0], modes, linear


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("unregularised", {}, ROTATING),
        ("nonsaturating", {}, ROTATING),
        ("wgan", {}, ROTATING),
        ("r1", {"gamma": 0.5}, ATTRACTING),
        ("r1", {"gamma": 3.0}, ATTRACTING),
        ("r1", {"gamma": 0.01}, ROTATING),  # 16 turns while it falls by e
        ("r1", {"gamma": -0.01}, UNSTABLE),
        ("instance_noise", {"sigma": 1.0}, ATTRACTING),
        ("consensus", {"gamma": 0.5}, ATTRACTING),
        ("roth", {"gamma": 1.0}, ATTRACTING),
    ],
)
def test_the_dirac_gan(name, numbers, expected):
    assert verdict(dirac(name, numbers=Numbers(**numbers)))[0] == expected


def test_far_from_the_equilibrium():
    far = dirac("r1", x=(1.0, 1.0))
    assert verdict(far)[0] == ELSEWHERE
    assert verdict(far, start=100.0)[0] != ELSEWHERE  # what is near is told by the norm at the start
    found, reasons = judge(
        verdict(far)[2].spectrum, {}, verdict(far)[1], Norms(0.3, 0.2, 1.0), Settings()
    )  # within two standard errors of the batch
    assert found != ELSEWHERE
    assert "0.3" in reasons[-1] or "0.3" in " ".join(reasons)


def test_what_other_draws_do_not_confirm_is_no_instability():
    _, modes, linear = verdict(dirac("r1", numbers=Numbers(gamma=-0.5)))
    norms = Norms(0.0, 0.0, 1.0)
    assert judge(linear.spectrum, {0: 0.25 + 0j, 1: 0.25 + 0j}, modes, norms, Settings())[0] == UNSTABLE
    assert judge(linear.spectrum, {0: -0.1 + 0j, 1: -0.1 + 0j}, modes, norms, Settings())[0] != UNSTABLE


def found_of(values, residuals=None):
    """A spectrum without vectors, and what else a verdict is made of, at an equilibrium."""
    residuals = np.zeros(len(values)) if residuals is None else np.array(residuals)
    _, modes, _ = verdict(dirac("r1", numbers=Numbers(gamma=0.5)))
    spectrum = Spectrum(np.array(values, complex), np.zeros((0, len(values))), residuals, np.zeros((0, 0)))
    return spectrum, modes, Norms(0.0, 0.0, 1.0)


def test_each_growing_mode_is_looked_at_on_other_draws():
    spectrum, modes, norms = found_of([0.3, 0.2, -1.0])
    for held, expected in (({0: -1, 1: -1}, ATTRACTING), ({0: -1, 1: 0.2}, UNSTABLE), ({0: -1}, UNSTABLE)):
        found, reasons = judge(spectrum, held, modes, norms, Settings())
        assert found == expected
        if expected == UNSTABLE:
            assert ("on other draws too" in reasons[0]) == (1 in held)
            assert ("could not be looked at" in reasons[0]) == (1 not in held)


def test_a_real_part_within_its_residual_is_no_instability():
    for residual, expected in ((0.05, ATTRACTING), (0.001, UNSTABLE)):
        spectrum, modes, norms = found_of([0.02, -1.0], [residual, 0.0])
        assert judge(spectrum, {0: 0.02}, modes, norms, Settings())[0] == expected


def test_nothing_is_attracting_whose_largest_real_part_is_not_known():
    spectrum, modes, norms = found_of([-0.5, -1.0])
    assert judge(spectrum, {}, modes, norms, Settings(), unsure=1e-9)[0] == ATTRACTING
    found, reasons = judge(spectrum, {}, modes, norms, Settings(), unsure=0.3)
    assert found == UNDECIDED
    assert "known to 0.3 only" in reasons[0]


def test_a_search_that_is_much_smaller_than_the_matrix_finds_what_is_outermost():
    field = Field(scene(*small_game("network.width=16", "network.depth=3", "network.activation=tanh"), 64))
    whole = spectra.of_field(field, Settings(dense="true"), quiet)
    some = spectra.of_field(field, Settings(dense="false", budget=100, count=3), quiet)
    assert whole.operator.size > 600
    assert not whole.search
    assert whole.unsure == 0
    for which, sizes in KINDS.items():
        reported = some.search[which]
        assert reported["asked"] == 3
        assert reported["residual"] < 1e-3 * whole.scale
        outer = sizes(some.spectrum.values).max()
        assert outer == pytest.approx(sizes(whole.spectrum.values).max(), abs=10 * reported["residual"] + 1e-9)
    assert some.search["LM"]["found"] >= 3
    assert some.unsure == some.search["LR"]["residual"]
    for value, residual in zip(some.spectrum.values, some.spectrum.residuals):
        if residual < 1e-9 * whole.scale:
            assert np.abs(whole.spectrum.values - value).min() < 1e-6 * whole.scale


def small_game(*overrides):
    gan = small(*overrides, "regularizer=[r1]")
    return gan.components, gan.state, gan.iteration, gan.seed


def test_held_out_eigenvalues_are_those_of_the_other_jacobian_to_first_order():
    gan = small("regularizer=[r1]", "trainer.precision=64")
    here, other = (scene(gan.components, gan.state, 3, gan.seed, 4096, index) for index in (0, 1))
    field, settings = Field(here), Settings(count=3)
    linear = spectra.of_field(field, settings, quiet)
    check = Field(other).operator()
    found = spectra.held_out(linear, spectra.of.part(check, linear.kept), settings, quiet, np.inf)
    assert set(found) == {0, 1, 2}
    exact = np.linalg.eigvals(spectra.of.matrix(check))
    own = linear.spectrum.values
    for place, value in found.items():
        nearest = exact[np.abs(exact - own[place]).argmin()]
        assert abs(value - nearest) < 0.2 * abs(own[place] - nearest) + 1e-3 * linear.scale
    free = spectra.held_out(replace(linear, written=None), spectra.of.part(check, linear.kept), settings, quiet, np.inf)
    for place, value in free.items():
        assert value == pytest.approx(found[place], abs=1e-6)
    assert free


def still_gan(activation, width=6):
    """A GAN at an equilibrium: the discriminator is 0 and the data are the generator's own samples."""
    gan = small(f"network.activation={activation}", f"network.width={width}", "loss=minimax", iterations=0)
    last = {name: torch.zeros_like(value) if name.startswith("layers.2") else value
            for name, value in gan.state.discriminator.params.items()}  # fmt: skip
    state = gan.state.with_params({"discriminator": last})
    here = scene(gan.components, state, 0, gan.seed, 64)
    own = here.state.generator
    (batch,) = here.batches["discriminator"]
    made = here.algorithm.networks.generator(own.params, own.buffers, batch.latent)[0]
    batches = {"discriminator": (batch._replace(real=made),), "generator": (here.batches["generator"][0],)}
    return replace(here, batches={**batches, "generator": (batches["generator"][0]._replace(latent=batch.latent),)})


def test_the_rescalings_of_a_relu_net_are_symmetries():
    here = still_gan("relu")
    field = Field(here)
    assert float(field(field.x).norm()) < 1e-12
    params = here.state.generator.params
    settings = Settings(zero=1e-6)
    linear = spectra.of_field(field, settings, quiet)
    kept = torch.as_tensor(linear.kept)
    basis = torch.as_tensor(linear.spectrum.zeros)
    found = spectra.zeros(field, linear, settings, True)
    # each unit of each hidden layer: what comes in larger, what goes out smaller
    live = 0
    for layer in (0, 1):
        for unit in range(6):
            along = {name: torch.zeros_like(value) for name, value in params.items()}
            for name in ("weight", "bias"):
                along[f"layers.{layer}.{name}"][unit] = params[f"layers.{layer}.{name}"][unit]
            along[f"layers.{layer + 1}.weight"][:, unit] = -params[f"layers.{layer + 1}.weight"][:, unit]
            critic = {name: torch.zeros_like(v) for name, v in here.state.discriminator.params.items()}
            direction = field.flat.vector({"generator": along, "discriminator": critic})
            pushed = field.operator().push(direction.numpy())
            assert np.linalg.norm(pushed) < 1e-9  # a zero mode
            direction = direction[kept]
            if float(direction.norm()) == 0:
                continue
            direction = direction / direction.norm()
            assert float((basis @ (basis.T @ direction) - direction).norm()) < 1e-6
            live += 1
    assert live >= 8
    assert found.symmetry >= live
    # What changes no output is counted by the rank of the outputs' derivative, not by taking units apart.
    outputs = torch.func.jacrev(field.outputs)(field.x)[:, kept]
    still = linear.spectrum.zeros.shape[1] - np.linalg.matrix_rank(outputs @ basis, tol=1e-7 * float(outputs.norm()))
    assert found.symmetry == still


def test_generators_that_fool_this_critic_alike_are_a_manifold():
    """The critic's few units see a few moments: whatever keeps them keeps the equilibrium."""
    found, modes, _ = verdict(still_gan("tanh", 3), Settings(zero=1e-6))
    assert found != ELSEWHERE
    assert modes.manifold >= 3
    assert modes.marginal == 0


def test_the_output_bias_of_a_wasserstein_critic_is_idle_and_a_marginal_weight_is_not():
    gan = small("loss=wasserstein", "network.width=4")
    here = scene(gan.components, gan.state, 3, gan.seed, 32)
    linear = spectra.of_field(Field(here), Settings(), quiet)
    names = [(player, name) for player in PLAYERS for name, value in here.state.of(player).params.items()
             for _ in range(value.numel())]  # fmt: skip
    assert [names[place] for place in np.flatnonzero(~linear.kept)] == [("discriminator", "layers.2.bias")]
    # psi = 0, theta = 0 with a cubic force: row and column are 0 as well, and the field is not constant
    cubic = dirac("unregularised")

    class Cubic(Field):
        def __call__(self, x):
            return -(x**3)

    assert spectra.of_field(Cubic(cubic), Settings(), quiet).kept.all()


@pytest.mark.parametrize("way", ["attracting", "rotating"])
def test_the_path_angle_of_known_fields(way):
    """Berard et al. 2020: a sign switch alone for an attracting node, with a bump for an attracting spiral."""
    rotation = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    matrix = -torch.eye(2, dtype=torch.float64) * (1.0 if way == "attracting" else 0.1)
    matrix = matrix + (0 if way == "attracting" else 1) * rotation
    end, start = torch.tensor([1e-3, 0.02], dtype=torch.float64), torch.tensor([2.0, 1.0], dtype=torch.float64)
    found = along(lambda x: matrix @ x, start, end, 101, lambda: None)
    leaves = float(-(matrix @ start) @ (end - start) / ((matrix @ (end - start)) @ (end - start)))
    assert found["sign_switch"] == pytest.approx(leaves, abs=0.005)
    assert leaves == pytest.approx(1, abs=0.1)
    assert (found["bump"] > 0.5) == (way == "rotating")
    exact = [float((matrix @ (start + a * (end - start))) @ (end - start)) for a in found["alpha"]]
    assert np.sign(exact).tolist() == np.sign(found["angle"]).tolist()
    assert np.abs(found["angle"]).max() <= 1 + 1e-12
    assert along(lambda x: x, end, end, 5, lambda: None) is None


def test_the_shape_of_a_path_angle():
    alphas = np.linspace(0, 1.2, 7)
    assert shape(alphas, np.array([0.5, 0.5, 0.5, 0.5, 0.5, -0.5, -0.5]))["sign_switch"] == pytest.approx(0.9)
    assert shape(alphas, np.full(7, 0.5)) == {"sign_switch": None, "bump": 0.0}
    assert shape(alphas, np.array([0.1, 0.1, 0.1, 0.9, 0.5, -0.5, -0.5]))["bump"] == pytest.approx(0.4)
