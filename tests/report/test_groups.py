"""Names of methods and swept numbers."""

from steadygan.figures.page import plot
from steadygan.report.collect import collect
from steadygan.report.groups import flatten, group_runs, short_keys, swept_numbers
from steadygan.report.plots.maps import heat_map
from steadygan.report.plots.swept import axis_kind, sweeps


def grouped(path):
    return group_runs(collect([path]).runs)


def test_flatten_and_short_keys():
    assert flatten({"a": {"b": [1, 2]}, "c": {}}) == {"a.b.0": 1, "a.b.1": 2, "c": {}}
    keys = ["optimizer.generator.lr", "optimizer.discriminator.lr", "gamma"]
    assert list(short_keys(keys).values()) == ["generator.lr", "discriminator.lr", "gamma"]


def test_seeds_and_what_is_no_part_of_a_method_make_one_group(tmp_path, make_run):
    for seed, extra in enumerate(
        [{"outputs": "x", "gamma": 1}, {"outputs": "y", "gamma": 1.0, "trainer": {"devices": 2}}]
    ):
        make_run(tmp_path, f"r{seed}", method="r1", seed=seed, config=extra)
    (group,) = grouped(tmp_path)
    assert (group.name, [run.seed for run in group.runs]) == ("r1", [0, 1])


def test_a_named_method_with_a_swept_number_is_split_and_says_so(tmp_path, make_run):
    for gamma in (10, 0.1, 2):
        make_run(tmp_path, f"g{gamma}", method="r1", seed=0, config={"regularizer": {"r1": {"gamma": gamma}}})
    assert [group.name for group in grouped(tmp_path)] == ["r1 gamma=0.1", "r1 gamma=2", "r1 gamma=10"]


def test_methods_that_are_overrides_are_named_by_what_differs(tmp_path, make_run):
    for gamma in ("0.1", "1"):
        asked = ["regularizer=[r1]", f"regularizer.r1.gamma={gamma}"]
        make_run(tmp_path, gamma, method=" ".join(asked), seed=0, overrides=asked, config={"gamma": float(gamma)})
    assert [group.name for group in grouped(tmp_path)] == ["gamma=0.1", "gamma=1"]


def test_seeds_of_launches_in_other_words_are_one_method(tmp_path, make_run):
    config = {"gamma": 1.0, "loss": {"name": "x"}}
    make_run(tmp_path, "a", method="gamma=1", seed=0, overrides=["gamma=1"], config=config)
    make_run(tmp_path, "b", method="gamma=1.0 width=8", seed=1, overrides=["gamma=1.0", "width=8"], config=config)
    make_run(tmp_path, "c", method="gamma=2 width=8", seed=1, overrides=["gamma=2", "width=8"],
             config={**config, "gamma": 2.0})  # fmt: skip
    assert [(group.name, len(group.runs)) for group in grouped(tmp_path)] == [("gamma=1", 2), ("gamma=2 width=8", 1)]


def test_methods_that_set_other_keys_are_named_without_what_they_share(tmp_path, make_run):
    shared = [f"shared{index}={index}" for index in range(9)]
    for asked in (["loss=a"], ["loss=b", "alpha=3"], []):
        texts = [*shared, *asked]
        make_run(tmp_path, f"{len(asked)}", method=" ".join(texts), seed=0, overrides=texts, config={"x": asked})
    assert [group.name for group in grouped(tmp_path)] == ["default", "loss=a", "loss=b alpha=3"]


def test_a_run_without_config_joins_its_method(tmp_path, make_run):
    make_run(tmp_path, "a", method="r1", seed=0)
    (make_run(tmp_path, "b", method="r1", seed=1) / "config.yaml").write_text("{")
    (group,) = grouped(tmp_path)
    assert len(group.runs) == 2


def test_swept_numbers_are_those_between_runs_built_alike(tmp_path, make_run):
    make_run(tmp_path, "base", method="wgan", seed=0, config={"lr": 5.0, "kind": "w"}, finals={"fid": 4.0})
    for gamma in (0.1, 1.0):
        config = {"lr": 1.0, "gamma": gamma, "twin": gamma, "kind": "r"}
        make_run(tmp_path, f"g{gamma}", method="r1", seed=0, config=config, finals={"fid": 10 * gamma})
    groups = grouped(tmp_path)
    assert swept_numbers(groups) == {"gamma": ["gamma", "twin"]}
    (sweep,), maps = sweeps(groups, "fid", "min", ["twin"])
    assert (sweep.key, sweep.lines[0].x, maps) == ("twin", (0.1, 1.0), [])
    assert [values.tolist() for values in sweep.lines[0].values] == [[1.0], [10.0]]
    assert {name: values.tolist() for name, values in sweep.reference.items()} == {"wgan": [4.0]}


def test_two_swept_numbers_make_a_map(tmp_path, make_run):
    for a in (1, 2):
        for b in (3, 4):
            make_run(
                tmp_path, f"{a}{b}", method="r1", seed=0, config={"a": a, "b": b}, finals={"fid": float(10 * a + b)}
            )
    _, (found,) = sweeps(grouped(tmp_path), "fid", "min")
    assert (found.x_key, found.y_key, found.x, found.y) == ("a", "b", (1, 2), (3, 4))
    assert found.grid.tolist() == [[13, 23], [14, 24]]


def test_maps_side_by_side_have_one_scale(tmp_path, make_run):
    for name, factor in (("r1", 1), ("r2", 10)):
        for a in (1, 2):
            for b in (3, 4):
                make_run(tmp_path, f"{name}{a}{b}", method=name, seed=0, config={"a": a, "b": b, "loss": name},
                         finals={"fid": float(factor * a * b)})  # fmt: skip
    _, maps = sweeps(grouped(tmp_path), "fid", "min")
    assert [item.scale for item in maps] == [(3, 80), (3, 80)]
    axes = [plot(heat_map(item, "fid", "min")).layout.coloraxis for item in maps]
    assert [(axis.cmin, axis.cmax) for axis in axes] == [(3, 80), (3, 80)]


def test_axes():
    assert axis_kind([0.1, 1, 10]) == "log"
    assert axis_kind([1, 500, 700]) == "log"
    assert axis_kind([0, 0.1, 1, 10]) == "category"
    assert axis_kind([0.0, 0.3, 0.5, 0.9]) == "linear"
    assert axis_kind([-1, 1, 1000]) == "linear"
    assert axis_kind([1, 10]) == "linear"
