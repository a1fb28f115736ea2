"""``hydra/sweeper=search`` from the command line."""

import json

import pytest
import yaml

SEARCH = ("hydra/sweeper=search", "hydra.sweeper.trials=3", "optimizer.generator.lr=tag(log,interval(1e-4,1e-2))")


@pytest.fixture
def search(steadygan, elsewhere):
    """``search(*arguments)``: exit code and the output of a multirun that is only planned."""

    def call(*arguments):
        code, out, error = steadygan("train", "-m", "logger=none", *arguments, "--dry-run")
        return code, out + error

    return call


def test_every_trial_is_run_with_every_seed_and_method(search):
    code, out = search("method=r1,lsgan", *SEARCH, "seed=range(0,2)")
    assert code == 0
    assert "12 jobs: 12 to run" in out
    rates = {word for word in out.split() if word.startswith("optimizer.generator.lr=")}
    assert len(rates) == 3


def test_spaces_of_methods_are_searched_less_what_the_user_sets(search):
    code, out = search(
        "method=wgan_gp", *SEARCH[:2], "hydra.sweeper.method_spaces=true", "optimizer.discriminator.lr=0.002"
    )
    assert code == 0
    assert out.count("regularizer.gradient_penalty.weight=") == 3
    assert "optimizer.discriminator.lr=0.002" in out or "discriminator.lr" not in out.replace("=${", "")


def test_the_same_trial_by_grid_and_by_search_is_one_run(search):
    from steadygan.sweeps.search.sampling import trials
    from steadygan.sweeps.search.space import space

    (drawn, *_) = trials(space({"lr": "tag(log,interval(1e-4,1e-2))"}).ranges, 1, "sobol", 0)
    by_search = search(*SEARCH, "hydra.sweeper.trials=1")[1]
    by_grid = search(f"optimizer.generator.lr={drawn['lr']},1")[1]
    signature = by_search.split("0/5000")[1].split()[0]
    assert signature in by_grid


def test_the_folder_says_what_was_searched(steadygan, elsewhere, tmp_path):
    from tiny import tiny

    code, _, error = steadygan("train", "-m", *tiny("iterations=1"), *SEARCH[:1], "hydra.sweeper.trials=1", SEARCH[2])
    assert code == 0, error
    said = yaml.safe_load((tmp_path / "outputs" / "runs" / "sweep.yaml").read_text())["search"]
    assert (said["trials"], said["sampler"]) == (1, "sobol")
    assert said["spaces"][""] == {"optimizer.generator.lr": "tag(log,interval(1e-4,1e-2))"}
    jobs = json.loads((tmp_path / "outputs" / "runs" / "jobs.json").read_text())
    assert len(jobs) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SEARCH, "hydra.sweeper.trials=0"], "hydra.sweeper.trials=0"),
        ([*SEARCH, "hydra.sweeper.trials=many"], "hydra.sweeper.trials=many"),
        ([*SEARCH, "hydra.sweeper.sampler=magic"], "hydra.sweeper.sampler=magic"),
        (["hydra/sweeper=search", "loss.alpha=interval(1,0)", "loss=lsgan"], "loss.alpha=interval(1,0)"),
        (["hydra/sweeper=search", "optimizer.generator.lr=tag(log,interval(0,1))"], "must start above 0"),
        (["hydra/sweeper=search", "no.such.key=interval(0,1)"], "no.such.key"),
        (["hydra/sweeper=search", "batch_size=interval(0.1,0.9)"], "batch_size=0."),
        (["hydra/sweeper=search", "seed=0,1"], "nothing is searched"),
        (["hydra/sweeper=search", "method=cgan", "hydra.sweeper.method_spaces=true"], "search/cgan.yaml"),
        ([*SEARCH, "hydra.sweeper.trials=1000001"], "1,000,000 is the most"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(search, tmp_path, arguments, message):
    code, out = search(*arguments)
    assert code == 2, out
    assert message in out
    assert "Traceback" not in out
    assert not (tmp_path / "outputs").exists()
