"""Ranges in Hydra's words, and the spaces beside the methods."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.sweeps.search.space import of_method, space

METHODS = sorted(path.stem for path in (conf_dir() / "search").glob("*.yaml") if path.stem != "shared")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval(0,1)", FloatDistribution(0, 1)),
        ("tag(log, interval(1e-4,3e-2))", FloatDistribution(1e-4, 3e-2, log=True)),
        ("int(interval(1,8))", IntDistribution(1, 8)),
        ("range(1,10,3)", IntDistribution(1, 7, step=3)),
        ("choice(0,0.5,adam)", CategoricalDistribution(("0", "0.5", "adam"))),
        ("1,5", CategoricalDistribution(("1", "5"))),
        ("choice(0,${noise.sigma.start})", CategoricalDistribution(("0", "${noise.sigma.start}"))),
    ],
)
def test_ranges_are_read_as_hydra_writes_them(text, expected):
    assert space({"key": text}).ranges == {"key": expected}


def test_what_sweeps_nothing_is_set_in_every_trial_and_null_takes_a_key_away():
    found = space({"a": "interval(0,1)", "b": "${a}", "c": None})
    assert list(found.ranges) == ["a"]
    assert found.fixed == ("b=${a}",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interval(1,0)", "greater than its start"),
        ("interval(2,2)", "greater than its start"),
        ("tag(log,interval(0,1))", "must start above 0"),
        ("tag(log,interval(-1,1))", "must start above 0"),
        ("tag(linear,interval(0,1))", "unknown tag linear"),
        ("range(3,3)", "no values"),
        ("interval(1,2", "cannot be read"),
    ],
)
def test_ranges_that_are_none_are_refused(text, message):
    with pytest.raises(UserError, match=message) as refused:
        space({"optimizer.generator.lr": text})
    assert "optimizer.generator.lr" in str(refused.value)


def test_a_method_has_the_shared_ranges_first_and_then_its_own():
    texts = of_method("wgan_gp", [conf_dir()])
    assert list(texts)[:2] == ["optimizer.generator.lr", "optimizer.discriminator.lr"]
    assert list(texts)[-2:] == ["regularizer.gradient_penalty.weight", "game.n_critic"]
    assert of_method("sgld", [conf_dir()])["optimizer.discriminator.lr"] is None


def test_folders_of_the_users_own_come_first(tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "mine.yaml").write_text("loss.alpha: interval(0,1)\n")
    assert of_method("mine", [tmp_path, conf_dir()])["loss.alpha"] == "interval(0,1)"


def test_a_method_without_a_space_is_refused_with_the_way_to_write_one(tmp_path):
    with pytest.raises(UserError, match=r"write search/unknown\.yaml"):
        of_method("unknown", [conf_dir()])
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "mine.yaml").write_text("- a list\n")
    with pytest.raises(UserError, match="must be a mapping"):
        of_method("mine", [tmp_path])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", [[], ["dataset=digits", "network=dcgan"]], ids=["ring", "digits"])
def test_the_ends_of_every_range_can_be_run(planned, tmp_path, method, data):
    found = space(of_method(method, [conf_dir()]))
    for end in (0, -1):
        ends = [f"{key}={values(each)[end]}" for key, each in found.ranges.items()]
        planned(f"method={method}", *data, f"outputs={tmp_path}", "logger=none", *ends, *found.fixed)


def values(distribution):
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    return distribution.low, distribution.high


def test_every_method_of_the_comparison_has_a_space():
    import yaml

    from steadygan.common.paths import sweeps_dir

    stated = yaml.safe_load((sweeps_dir() / "tuned.yaml").read_text())["hydra"]["sweeper"]["params"]["method"]
    assert set(stated.split(",")) <= set(METHODS)
