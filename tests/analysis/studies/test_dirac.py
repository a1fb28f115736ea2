"""The Dirac-GAN: the trainer's step differentiated, simulated and judged."""

import json
import math
import re
from dataclasses import asdict

import numpy as np
import pytest
import torch

from steadygan import cli
from steadygan.analysis.studies.dirac import verdict
from steadygan.analysis.studies.dirac.cloud import films, grid, players
from steadygan.analysis.studies.dirac.figures import Drawing, limits
from steadygan.analysis.studies.dirac.settings import CASES, Settings
from steadygan.analysis.studies.dirac.simulate import FEW, ring, trajectories
from steadygan.analysis.studies.dirac.spectrum import (
    critical_step,
    field_eigenvalues,
    map_eigenvalues,
    radius,
    remainder,
)
from steadygan.analysis.studies.dirac.study import reasons, table
from steadygan.analysis.studies.dirac.systems import UPDATES, System, discriminator, generator, methods, quantiles
from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import AutogradBackend
from steadygan.core.ema import Ema
from steadygan.core.games import Ratio
from steadygan.core.losses import Minimax
from steadygan.core.noise import identity
from steadygan.core.objective import Objective
from steadygan.core.optimizers import Sgd
from steadygan.core.step_batch import StepBatch
from steadygan.core.types import Networks
from steadygan.theory.dirac import Linear, closed_form
from steadygan.training.algorithm import Algorithm, initial_state
from steadygan.training.step import step

DOUBLE = {("r1", 1.0), ("r2", 1.0), ("r1_r2", 1.0), ("instance_noise", math.sqrt(2)), ("roth", 2.0)}
"""Where the eigenvalues meet: their error is the root of rounding."""


def gap(found, analytic):
    """The largest distance between the two sets of roots, each with its own."""
    found = list(found)
    distances = []
    for root in analytic:
        nearest = min(found, key=lambda own: abs(own - root))
        distances.append(abs(nearest - root))
        found.remove(nearest)
    return max(distances)


@pytest.mark.parametrize("value", [-0.4, 0.3, 1.0, math.sqrt(2), 2.0, 3.0])
@pytest.mark.parametrize("spread", CASES.values(), ids=CASES)
def test_eigenvalues_are_the_closed_forms(value, spread):
    settings = Settings(gamma=value, sigma=abs(value), step=0.07)
    compared = 0
    for name, method in methods(settings).items():
        for update in UPDATES:
            system = System(method, update, spread)
            analytic = closed_form(name, asdict(settings), spread, update, 0.07)
            for found, roots in zip((field_eigenvalues(system), map_eigenvalues(system, 0.07)), analytic):
                if roots is not None:
                    meet = min(abs(a - b) for i, a in enumerate(roots) for b in roots[:i]) < 1e-6
                    assert gap(found, roots) < (1e-4 if meet else 1e-8), (name, update)
                    compared += 1
    assert compared > 40


@pytest.mark.parametrize(("name", "value"), sorted(DOUBLE))
def test_double_roots(name, value):
    settings = Settings(gamma=value, sigma=value)
    found = field_eigenvalues(System(methods(settings)[name], "simultaneous"))
    assert np.abs(found + 0.5).max() < 1e-4


@pytest.mark.parametrize("n_critic", [1, 2, 5])
def test_alternating_with_several_moves(n_critic):
    settings = Settings(gamma=0.6, n_critic=n_critic)
    compared = 0
    for name, method in methods(settings).items():
        system = System(method, "alternating", n_critic=n_critic)
        field, one = closed_form(name, asdict(settings), 0.0, "alternating", 0.1, n_critic)
        for eigenvalues, roots in ((field_eigenvalues(system), field), (map_eigenvalues(system, 0.1), one)):
            if roots is not None:
                assert gap(eigenvalues, roots) < 1e-8, name
                compared += 1
    assert compared == 14 + 11  # the field of all without a cusp; no iteration of consensus, extragradient, optimistic
    plain = System(methods(settings)["unregularised"], "alternating", n_critic=n_critic)
    assert math.sqrt(n_critic) * critical_step(plain) * 0.5 == pytest.approx(2, rel=1e-4)
    assert radius(plain, 0.9 * critical_step(plain)) == pytest.approx(1, abs=1e-10)


def ratio(h, critic_every, n_critic, iterations, start=1e-6):
    """The distance to the equilibrium over its start, after each iteration of the Dirac-GAN under ``Ratio``."""
    objective, networks = Objective(Minimax(), {}, identity), Networks(generator, discriminator)
    game = Ratio(n_critic=n_critic, critic_every=critic_every)
    algorithm = Algorithm(networks, objective, dict.fromkeys(PLAYERS, Sgd(lr=h)), {}, game, Ema(0.0))
    theta, nothing = torch.tensor([start], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    tensors = {"generator": ({"theta": theta}, {"spread": nothing[0, 0]}), "discriminator": ({"psi": nothing[0]}, {})}
    state, seen = initial_state(algorithm, tensors), []
    batches = {"discriminator": (StepBatch(nothing, nothing),) * n_critic, "generator": (StepBatch(nothing, None),)}
    for t in range(iterations):
        state, _ = step(algorithm, AutogradBackend(), state, batches, t)
        seen.append(math.hypot(state.generator.params["theta"], state.discriminator.params["psi"]) / start)
    return seen


@pytest.mark.parametrize(("moves", "n_critic"), [(1, 1), (3, 1), (2, 3), (4, 5)])
def test_the_critical_step_of_any_ratio_of_moves(moves, n_critic):
    critical = Linear(0.0, n=n_critic).critical_step(moves)
    assert critical == pytest.approx(4 / math.sqrt(moves * n_critic))
    below, above = (ratio(share * critical, moves, n_critic, 60 * moves) for share in (0.98, 1.02))
    assert max(below) < 10
    assert max(above) > 1e3


def test_the_mix_of_both_penalties_does_not_matter():
    for mix in (0.2, 0.9):
        found = field_eigenvalues(System(methods(Settings(gamma=0.6, mix=mix))["r1_r2"], "simultaneous"))
        assert gap(found, Linear(0.6).eigenvalues()) < 1e-8, mix


def test_what_stands_for_instance_noise():
    """R1 with sigma^2/2, R1 + R2 with sigma^2/4 each, Roth with sigma^2: the same eigenvalues."""
    sigma = 0.9
    expected = field_eigenvalues(System(methods(Settings(sigma=sigma))["instance_noise"], "simultaneous"))
    for name, gamma in (("r1", sigma**2 / 2), ("r1_r2", sigma**2 / 2), ("roth", sigma**2)):
        found = field_eigenvalues(System(methods(Settings(gamma=gamma))[name], "simultaneous"))
        assert gap(found, expected) < 1e-8, name


def slope(system, count=400):
    """Of the logarithm of the distance over the iterations, fitted far along trajectories close to the equilibrium."""
    path = trajectories(system, 1e-4 * ring((1.0,), 5), 0.1, 2 * count).norm(dim=2)
    # Over whole turns: what oscillates about the rate is gone from a long fit.
    return np.polyfit(np.arange(count), path[count:-1].log().mean(1).numpy(), 1)[0]


@pytest.mark.parametrize(
    ("name", "update"),
    [
        *(
            (name, update)
            for name in ("r1", "r2", "r1_r2", "instance_noise", "roth", "consensus")
            for update in UPDATES
        ),
        ("extragradient", "simultaneous"),
        ("unregularised", "simultaneous"),
    ],
)
def test_simulations_decay_at_the_rate_of_the_eigenvalues(name, update):
    system = System(methods(Settings())[name], update)
    assert slope(system) == pytest.approx(math.log(radius(system, 0.1)), rel=1e-2)


def test_unregularised_alternating_updates_keep_their_distance():
    assert abs(slope(System(methods(Settings())["unregularised"], "alternating"))) < 1e-6


def test_recorded_steps_are_the_steps():
    for name in ("wgan_gp", "optimistic"):
        system = System(methods(Settings())[name], "alternating", 1.0)
        starts = ring((0.7,), 2)
        found = trajectories(system, starts, 0.1, FEW + 1)
        for start, path in zip(starts, found.transpose(0, 1)):
            x = torch.cat([start, torch.zeros(system.size() - 2, dtype=torch.float64)])
            for place in path[1:]:
                x = system.map(x, 0.1)
                torch.testing.assert_close(x[:2], place, rtol=1e-12, atol=1e-14)


def test_the_noise_of_sgld_settles_where_the_lyapunov_equation_says():
    from scipy.linalg import solve_discrete_lyapunov

    settings = Settings(temperature=0.01, prior_precision=0.5)
    system = System(methods(settings)["sgld"], "simultaneous")
    path = trajectories(system, ring((0.01,), 400), 0.1, 300)[-100::20].reshape(-1, 2).numpy()
    linear = np.array([[1, 0.05], [-0.05, 1 - 0.05]])
    law = solve_discrete_lyapunov(linear, np.diag([0, 2 * 0.1 * 0.01]))
    np.testing.assert_allclose(np.cov(path.T), law, atol=0.15 * law.max())


def test_the_quantiles_are_a_standard_normals():
    nodes = quantiles()
    assert float(nodes.mean()) == pytest.approx(0, abs=1e-15)
    assert float(nodes.square().mean()) == pytest.approx(1, abs=1e-14)


EXPECTED_MODES = {
    "unregularised": ("divergent", "neutral"),
    "nonsaturating": ("divergent", "sublinear"),
    "wgan": ("divergent", "neutral"),
    "wgan_gp": ("not_an_equilibrium", "not_an_equilibrium"),
    "dragan_one_sided": ("divergent", "neutral"),
    "dragan_two_sided": ("not_an_equilibrium", "not_an_equilibrium"),
}
WITH_DENSITIES = {name: EXPECTED_MODES[name] for name in ("wgan", "wgan_gp", "dragan_two_sided")}
"""The same of the absolutely continuous case."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The records as a user reads them."""
    outputs = tmp_path_factory.mktemp("outputs")
    assert cli.main(["theory", "dirac", f"outputs={outputs}", "step=0.2", "iterations=20", "cloud_iterations=20"]) == 0
    folder = outputs / "theory" / "dirac"
    for name in ("trajectories.png", "norms.png", "eigenvalues.png", "cloud.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    for name in ("trajectories.gif", "cloud.gif"):
        from PIL import Image

        with Image.open(folder / name) as picture:
            assert picture.n_frames > 10
    page = (folder / "dirac.html").read_text()
    assert page.count("Plotly.newPlot") == 7
    played = [json.loads(text) for text in re.findall(r"addFrames\(\s*'[^']*',\s*(\[.*\])\s*\)", page)]
    assert [len(frames[0]["data"]) for frames in played] == [8, 2, 2]  # four methods; points and the critic's field
    assert page.count('"name":"real"') == 2  # in both clouds, outside of the frames
    for frames in played:
        assert len(frames) > 10
        assert frames[0]["data"] != frames[-1]["data"]
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
def test_found_is_the_table(found):
    """All cells of Mescheder et al. (2018), table 1, but the one that the two-sided DRAGAN cannot have."""
    assert len(found) == 16 * 2 * 2
    for record in found:
        where = (record["method"], record["update"], record["case"])
        differs = record["expected"] not in (None, record["found"])
        assert differs == (record["method"] == "dragan_two_sided" and record["case"] == "absolutely_continuous"), where
        assert (record["why"] is not None) == differs
        modes = EXPECTED_MODES if record["case"] == "general" else WITH_DENSITIES
        modes = modes.get(record["method"], ("linear", "linear"))
        assert record["mode"] == modes[UPDATES.index(record["update"])], where
        assert record["moduli"] == pytest.approx([math.hypot(*pair) for pair in record["eigenvalues_discrete"]])
        assert max(record["moduli"], default=None) == record["spectral_radius"]
        cusped = record["method"] in ("wgan_gp", "dragan_two_sided")
        assert len(record["eigenvalues"]) == (0 if cusped else 2)
    critical = [record["critical_step"] for record in found if record["critical_step"]]
    assert critical == [pytest.approx(4, rel=1e-4)]
    reported = table(found)
    assert "dragan_two_sided  yes / no    no / no" in reported
    assert "dragan_one_sided  yes / no    yes / no (divergent)" in reported
    why = "dragan_two_sided (simultaneous absolutely_continuous, alternating absolutely_continuous): the two-sided"
    assert reported.count("dragan_two_sided (") == reported.count(why) == 1


def test_a_false_rest_is_no_convergence():
    """WGAN-GP comes to rest at theta = 2 weight center: its steps vanish, its distance does not."""
    system = System(methods(Settings(weight=1.0))["wgan_gp"], "alternating")
    path = trajectories(system, torch.tensor([[1.2, 0.6]]), 0.1, 2000)
    assert float((path[-1] - path[-2]).norm()) < 1e-6
    assert path[-1, 0].tolist() == pytest.approx([2.0, 0.0], abs=1e-3)
    assert remainder(system) == pytest.approx(2.0, rel=1e-3)
    reported = verdict.judge(system, 0.2)
    assert (reported["found"], reported["mode"], reported["worst_fall"] > 1) == (False, "not_an_equilibrium", True)


def test_outside_of_the_ranges():
    """Negative gamma is unstable; a zero-centred gradient penalty has no cusp and converges."""
    judged = verdict.judge(System(methods(Settings(gamma=-0.5))["r1"], "alternating"), 0.1)
    assert (judged["found"], judged["mode"]) == (False, "divergent")
    assert judged["spectral_abscissa"] == pytest.approx(0.25)
    flat = verdict.judge(System(methods(Settings(center=0.0))["wgan_gp"], "simultaneous"), 0.1)
    assert (flat["found"], flat["mode"]) == (True, "linear")
    hasty = verdict.judge(System(methods(Settings(gamma=0.5))["r1"], "simultaneous"), 3.0)
    assert (hasty["found"], hasty["note"]) == (False, "converges at smaller steps")


def falls(gamma, h, time=200.0):
    """Of the Dirac-GAN with R1 and alternating updates: the largest distance in the last tenth over the start."""
    theta, psi = ring((0.1, 1.0, 2.0), 4).numpy().T
    start, worst, count = np.hypot(theta, psi), 0.0, round(time / h)
    for t in range(1, count + 1):
        psi = psi - h * (theta / (1 + np.exp(-psi * theta)) + gamma * psi)
        theta = theta + h * psi / (1 + np.exp(-psi * theta))
        if t >= count - count // 10:
            worst = max(worst, float((np.hypot(theta, psi) / start).max()))
    return worst


@pytest.mark.parametrize(("gamma", "found"), [(0.08, True), (0.06, False)])
def test_the_rule_of_simulations(gamma, found):
    """Of twelve starts and three steps the worst counts; R1 falls to 1e-3 within time 200 from a gamma in between."""
    reported = verdict._by_simulation(System(methods(Settings(gamma=gamma))["r1"], "alternating"), 0.1)
    assert reported["note"] == "by simulation from 12 starts with steps 0.2, 0.1, 0.05"
    assert reported["worst_fall"] == pytest.approx(max(falls(gamma, h) for h in (0.2, 0.1, 0.05)), rel=1e-6)
    assert (reported["found"], reported["mode"]) == (found, "linear" if found else "divergent")


def test_a_trajectory_that_is_no_number_does_not_converge(monkeypatch):
    def lost(system, starts, steps, iterations):
        path = torch.zeros(iterations + 1, len(starts), 2)
        path[0], path[1:, 1] = 1, torch.nan
        return path

    monkeypatch.setattr(verdict, "trajectories", lost)
    reported = verdict._by_simulation(System(methods(Settings())["r1"], "alternating"), 0.1)
    assert (reported["found"], math.isnan(reported["worst_fall"])) == (False, True)


def test_why_without_a_push():
    """With ``center=0`` DRAGAN converges in general, and with a negative weight nowhere; neither is a matter of a push
    at ``psi = 0``, and neither has a spectral abscissa."""
    for weight, case, mode in ((1.0, "general", "linear"), (-1.0, "absolutely_continuous", "divergent")):
        settings = Settings(center=0.0, weight=weight)
        reported = verdict.record(
            "dragan_two_sided", methods(settings)["dragan_two_sided"], "simultaneous", case, settings
        )
        assert (reported["expected"], reported["found"], reported["mode"]) == (
            mode == "divergent",
            mode == "linear",
            mode,
        )
        assert re.fullmatch(rf"at these numbers: mode {mode}, worst fall \S+", reported["why"])


def test_every_reason_is_told():
    cells = [
        ("r1", "simultaneous", "one"),
        ("r1", "alternating", "one"),
        ("r1", "alternating", "two"),
        ("r2", "alternating", None),
    ]
    found = [{"method": name, "update": update, "case": "general", "why": why} for name, update, why in cells]
    assert reasons(found) == ["r1 (simultaneous general, alternating general): one", "r1 (alternating general): two"]


def test_films_start_alike_and_part():
    plain, penalty_discriminator = films(40, 0)
    assert (plain.name, penalty_discriminator.name) == ("unregularised", "R1, gamma = 1")
    assert plain.iterations == penalty_discriminator.iterations
    assert (plain.iterations[0], plain.iterations[-1], len(plain.iterations)) == (0, 40, 40)
    for own, other in ((plain.points, penalty_discriminator.points), (plain.arrows, penalty_discriminator.arrows)):
        assert torch.equal(own[0], other[0])
        assert not torch.equal(own[-1], other[-1])
    for film in (plain, penalty_discriminator):
        assert all(not torch.equal(one, other) for one, other in zip(film.arrows, film.arrows[1:]))
    critic, at, h = players(0)["discriminator"].double(), grid().double(), 1e-7
    with torch.no_grad():
        sides = [(critic(at + h * axis) - critic(at - h * axis)) / (2 * h) for axis in torch.eye(2, dtype=at.dtype)]
    torch.testing.assert_close(plain.arrows[0].double(), torch.stack(sides, 1), rtol=1e-3, atol=1e-5)


def test_pictures_of_eigenvalues_show_those_that_decide():
    def drawing(*pairs):
        return Drawing("r1", np.zeros((1, 2)), {}, {}, {"simultaneous": pairs})

    near = drawing([0.99, 0.05], [0.99, -0.05], [0.01, 0.02], [0.01, -0.02])
    assert limits([near], (0.8, 1.02), (-0.15, 0.15)) == [(0.8, 1.02), (-0.15, 0.15)]
    across, up = limits([near, drawing([-1.0, 2.0], [-1.0, -2.0])], (0.8, 1.02), (-0.15, 0.15))
    assert across == (pytest.approx(-1.101), 1.02)
    assert up == (pytest.approx(-2.2), pytest.approx(2.2))


@pytest.mark.slow
def test_several_moves_and_a_negative_gamma(tmp_path):
    numbers = ("n_critic=3", "gamma=-0.5", "step=0.4", "cloud_iterations=0", "iterations=2")
    assert cli.main(["theory", "dirac", f"outputs={tmp_path}", *numbers]) == 0
    folder = tmp_path / "theory" / "dirac"
    assert not list(folder.glob("cloud*"))
    cells = {(r["method"], r["update"], r["case"]): r for r in json.loads((folder / "results.json").read_text())}
    assert {(update, r["n_critic"]) for (_, update, _), r in cells.items()} == {("simultaneous", 1), ("alternating", 3)}
    critical = cells["unregularised", "alternating", "general"]["critical_step"]
    assert critical == pytest.approx(4 / math.sqrt(3), rel=1e-4)
    for update in UPDATES:
        assert cells["r1", update, "general"]["found"] is False
