"""``steadygan theory two-gaussians``, ``perfect-discriminator``, ``wasserstein-bound`` and ``rank``: end to end."""

import json
import math
import statistics

import numpy as np
import pytest
import torch
from scipy.stats import norm

import steadygan
from steadygan import cli
from steadygan.analysis.studies.discriminator_training import composed, fresh, train_discriminator
from steadygan.analysis.studies.perfect_discriminator import study as perfect
from steadygan.analysis.studies.perfect_discriminator.retrain import UNSEEN, retrain
from steadygan.analysis.studies.perfect_discriminator.settings import Settings
from steadygan.analysis.studies.perfect_discriminator.variants import remedies
from steadygan.analysis.studies.two_gaussians.study import CRITICS, seen
from steadygan.core.settings import hyperparameters as hyperparameters_of


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    def call(name, *keys):
        outputs = tmp_path_factory.mktemp("outputs")
        assert cli.main(["theory", name, f"outputs={outputs}", *keys]) == 0
        folder = outputs / "theory" / name
        (png,) = folder.glob("*.png")
        assert png.read_bytes().startswith(b"\x89PNG")
        return json.loads((folder / "results.json").read_text())

    return call


def test_a_discriminator_trained_alone_leaves_the_generator_where_it_is():
    gan = fresh(composed(["network.width=8", "batch_size=16", "seed=3"]))
    before = {player: dict(gan.state.of(player).params) for player in ("generator", "discriminator")}
    train_discriminator(gan, 0, 3)
    for player, moved in (("generator", False), ("discriminator", True)):
        for name, value in gan.state.of(player).params.items():
            assert bool((value != before[player][name]).any()) is moved, name


def test_the_discriminator_saturates_and_the_critics_stay_linear(study):
    found = {one["method"]: one for one in study("two-gaussians", "iterations=800", "batch_size=256", "width=32")}
    known = found["discriminator"]
    assert known["error"] < 0.01, "it is p / (p + q)"
    for name in ("wgan", "wgan_gp"):
        low, high = found[name]["slope_between"]
        assert low > 0.5 * high, "a slope everywhere between them"
        assert found[name]["generator_gradient"] > 5 * known["generator_gradient"]
        assert found[name]["slope_at_fakes"] > 5 * known["slope_at_fakes"]
    assert found["wgan_gp"]["slope_between"] == pytest.approx([1, 1], abs=0.35), "the slope that is asked for"


def test_the_discriminator_is_the_optimal_one_of_laws_that_overlap():
    """``p / (p + q)`` by scipy, of Gaussians of different widths; a logit that is a line cannot be that."""
    rate = {"start": 3e-3, "end": 0.0, "finish": 1500}
    given = [*CRITICS["discriminator"], *(f"optimizer.discriminator.lr.{key}={value}" for key, value in rate.items())]
    given += ["dataset=gaussian", "dataset.dim=1", "dataset.mean=-0.5", "dataset.std=1.0", "network.activation=silu"]
    config = composed([*given, "network.width=32", "batch_size=512", "seed=1"])
    target = "steadygan.analysis.studies.two_gaussians.fixed.Fixed"
    config["network"]["generator"] = {"_target_": target, "_partial_": True, "mean": 0.7, "std": 0.6}
    gan = fresh(config)
    train_discriminator(gan, 0, 1500)
    x = np.linspace(-4, 3, 141)
    p, q = norm(-0.5, 1).pdf(x), norm(0.7, 0.6).pdf(x)
    found, _ = seen(gan, torch.as_tensor(x, dtype=torch.float32)[:, None], probability=True)
    error = np.abs(found.numpy() - p / (p + q))
    assert np.average(error, weights=p + q) < 0.02
    assert error[p + q > 0.05].max() < 0.08


def test_what_is_looked_at_of_a_new_discriminator():
    given = ["network.width=8", "network.depth=3", "network.latent=2", "batch_size=16", "seed=3"]
    frozen = fresh(composed(given))
    for t in range(3):
        frozen.advance(t)
    kept = {name: value.clone() for name, value in frozen.state.generator.params.items()}
    settings = Settings(width=8, batch_size=16, iterations=20, every=20, batches=4, draws=20, coordinates=1)
    first, last = list(retrain(frozen, composed(given), settings, 0))
    assert (first.iteration, last.iteration) == (0, 20)
    assert first.error == pytest.approx(2 * math.log(2), abs=0.2)
    assert last.error < first.error
    assert all(torch.equal(value, kept[name]) for name, value in frozen.state.generator.params.items())

    new = fresh({**composed(given), "seed": 1000})
    states = new.state._replace(generator=frozen.state.generator)
    networks = new.components.algorithm.networks
    rows = {"saturating": [], "nonsaturating": []}
    for place in range(4):
        sample = new.sampler.sample(UNSEEN + place, states.params())
        params = {name: value.detach().requires_grad_() for name, value in kept.items()}
        fake, _ = networks.generator(params, states.generator.buffers, sample["generator"][0].latent)
        logits, _ = networks.discriminator(*states.discriminator[:2], fake)
        d = torch.sigmoid(logits)
        for name, loss in (("saturating", (1 - d).log().mean()), ("nonsaturating", -d.log().mean())):
            grads = torch.autograd.grad(loss, list(params.values()), retain_graph=True)
            rows[name].append(np.concatenate([grad.flatten().numpy() for grad in grads]).astype(float))
    for name, made in rows.items():
        made = np.stack(made)
        assert getattr(first, f"{name}_norm") == pytest.approx(np.linalg.norm(made.mean(0)), rel=1e-3)
        assert getattr(first, f"{name}_variance") == pytest.approx(made.var(0, ddof=1).sum(), rel=1e-3)


def test_generators_are_as_old_as_was_asked_for(monkeypatch):
    ages = []
    monkeypatch.setattr(perfect, "retrain", lambda gan, *_: ages.append(gan.iteration) or iter(()))
    settings = Settings(width=4, batch_size=2000, epochs="1,3", seeds=1)
    assert list(perfect.retrained(settings)) == [[]] * 6  # three remedies each
    epoch = fresh(composed([])).components.dataset.num_data // 2000
    assert epoch > 1
    assert ages == [epoch] * 3 + [3 * epoch] * 3


def test_what_new_discriminators_are_given_on_images():
    given = remedies(Settings(sigma=0.2, blur=0.7, gamma=3.0), images=True)
    assert list(given) == ["none", "instance noise", "blur", "R1"]
    for name, words in given.items():
        algorithm = fresh(composed(["dataset=digits", "network=dcgan", "network.width=4", *words])).components.algorithm
        assert ("r1" in algorithm.objective.penalties) == (name == "R1")
        numbers = hyperparameters_of(algorithm.objective.perturb)
        assert numbers == {"instance noise": {"sigma": 0.2}, "blur": {"sigma": 0.7}}.get(name, {})


def test_a_new_discriminator_becomes_perfect(study):
    keys = ["epochs=1,3", "iterations=200", "every=100", "seeds=2", "width=32", "draws=400", "coordinates=6"]
    keys += ["lr=1e-3", "sigma=0.5"]
    found = study("perfect-discriminator", *keys)
    looks = [one for one in found if one["kind"] == "retrained"]
    assert len(looks) == 2 * 2 * 3 * 3, "seeds, ages, remedies of vectors, looks"
    assert {one["iteration"] for one in looks} == {0, 100, 200}

    def median(key, **where):
        return statistics.median(o[key] for o in looks if all(o[name] == value for name, value in where.items()))

    for age in (1, 3):
        begins, ends = ({"remedy": "none", "epochs": age, "iteration": at} for at in (0, 200))
        assert median("accuracy", **ends) > 0.8 > median("accuracy", **begins)
        assert median("error", **ends) < 0.6 * median("error", **begins)
        assert median("nonsaturating_norm", **ends) > 2 * median("nonsaturating_norm", **begins)
    blurred = {"remedy": "instance noise", "epochs": 3, "iteration": 200}
    assert median("accuracy", **blurred) < median("accuracy", **{**blurred, "remedy": "none"})
    laws = [one for one in found if one["kind"] == "cauchy"]
    assert len(laws) == 6
    assert min(one["p_value"] for one in laws) > 1e-4 > max(one["p_value_normal"] for one in laws)
    sides = [one for one in found if one["kind"] == "identity"]
    assert max(one["difference"] for one in sides) < 1e-8


def test_a_bound_over_a_run(study):
    found = study("wasserstein-bound", "iterations=300", "every=100", "samples=150", "width=32", "least=0.05")
    assert [one["iteration"] for one in found] == [0, 100, 200, 300]
    assert [one["sigma"] for one in found] == pytest.approx([0.5, 1 / 3, 1 / 6, 0.05])
    for one in found:
        assert one["wasserstein"] <= one["tight"] <= one["paper"]
        assert one["mass"] == pytest.approx(1, abs=0.01)
    assert found[-1]["wasserstein"] < found[0]["wasserstein"]


def test_the_rank_of_a_fresh_generator_and_of_a_run(study, tmp_path):
    fresh_ones = study("rank", "dataset=digits", "network=mlp", "width=5", "latent=8", "points=4")
    assert {one["bound"] for one in fresh_ones} == {8}
    assert 0 < max(one["rank"] for one in fresh_ones) <= 5
    given = ["network.width=8", "network.latent=3", "iterations=2", "batch_size=8", "logger=none", "metrics=[]"]
    assert cli.main(["train", *given, f"outputs={tmp_path}"]) == 0
    (run,) = (tmp_path / "runs").iterdir()
    found = study("rank", f"run={run}", "points=5")
    assert {one["bound"] for one in found} == {2}
    assert steadygan.load(run).latent == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["two-gaussians", "std=0"], "std=0: must be finite and greater than 0"),
        (["perfect-discriminator", "epochs=1,x"], "epochs=1,x: must be whole numbers"),
        (["perfect-discriminator", "every=9", "iterations=3"], "every=9: must be at most iterations=3"),
        (["perfect-discriminator", "dataset=rang"], "rang"),
        (["wasserstein-bound", "dataset=digits"], "dataset=digits: must be points in the plane"),
        (["rank", "latent=0"], "latent=0: must be a whole number of at least 1"),
        (["rank", "run=nowhere"], "nowhere: no such run folder"),
    ],
)
def test_mistakes(args, words, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["theory", *args]) == 2
    assert words in capfd.readouterr().err
