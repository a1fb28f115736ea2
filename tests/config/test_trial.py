"""Objects of the user's own that do not fit: one message, before anything is trained, that names key and fault."""

import copy
import re

import pytest
from omegaconf import OmegaConf, open_dict

from steadygan import cli
from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.config.complete import BUILT
from steadygan.runs import files
from steadygan.sweeps.executing import execute
from steadygan.sweeps.planning import plan

RING = ["batch_size=8", "network.width=4", "logger=none", "metrics=[wasserstein]", "metrics.wasserstein.samples=10"]


@pytest.fixture(scope="module")
def config(plain):
    return plain(*RING)


def with_node(config, key, name, made):
    *path, last = key.split(".")
    made = {"_target_": f"misfits.{name}" if "." not in name else name, **({"_partial_": True} if made else {})}
    config = copy.deepcopy(config)
    place = config
    for step in path:
        place = place[step]
    place[last] = made
    return config


ONE = r"must be \[3\]: one value an example; the mean is taken for you"


@pytest.mark.parametrize(
    ("key", "name", "partial", "words"),
    [
        ("loss", "Empty", False, r"Empty has no discriminator\(real, fake\), generator\(real, fake\)"),
        ("loss", "ScalarLoss", True, "is not built yet, since its yaml says _partial_: true"),
        ("loss", "ScalarLoss", False, rf"discriminator\(real, fake\) gives a tensor of shape \[\] .* {ONE}"),
        ("loss", "ScalarForGenerator", False, rf"generator\(real, fake\) gives a tensor of shape \[\] .* {ONE}"),
        ("loss", "LossOfOneArgument", False, r"discriminator\(real, fake\) fails: TypeError: .* 2 positional"),
        ("regularizer.own", "scalar_penalty", True, rf"gives a tensor of shape \[\] .* {ONE}"),
        ("regularizer.own", "scalar_penalty", False, "missing 4 required positional .* lack _partial_: true"),
        ("regularizer.own", "list_penalty", True, rf"gives list .* {ONE}"),
        ("regularizer.own", "raises", True, r"fails: KeyError: 'weight' \(.*misfits.py, line \d+\)"),
        ("regularizer.own", "Empty", False, "an object of the type Empty, which cannot be called"),
        ("regularizer.own", "drawn_from_a_word", True, "declares as draw: is an object of the type str"),
        ("regularizer.own", "drawn_in_another_shape", True, "fails: RuntimeError: The size of tensor"),
        ("regularizer.own", "Forgetful", False, "must give its values .* and its batch statistics"),
        ("regularizer.own", "lossy_projection", True, "must give a dict of the same tensors"),
        ("noise", "halving_noise", True, r"gives a tensor of shape \[2, 2\] .* \[3, 2\]: examples like those"),
        ("noise", "Empty", False, "an object of the type Empty, which cannot be called"),
        ("network.discriminator", "ColumnCritic", True, r"shape \[3, 1\] .* must be \[3\]: one logit an example"),
        ("network.generator", "TurnedGenerator", True, r"shape \[2, 3\] .* \[3, 2\]: examples like those of"),
        ("network.generator", "WithoutLatent", True, "WithoutLatent has no latent"),
        ("network.generator", "Empty", False, "an object of the type Empty, which cannot be called"),
        ("optimizer.generator", "torch.optim.SGD", True, "SGD has no rule"),
        ("optimizer.generator", "Empty", False, "an object of the type Empty, which cannot be called"),
        ("game", "Empty", False, r"Empty has no play\(players, state, batches\), n_critic"),
        ("game", "Amnesiac", False, r"must give the new state, which `state\._replace\(\.\.\.\)` makes, and the logs"),
        ("game", "OldNames", False, "OldNames has passes, which is called memory_factor now"),
        ("dataset", "Empty", False, "Empty has no batch.*, shape, num_data, num_classes"),
        ("dataset", "Ragged", False, "a batch of 8 examples, which must all have one shape, fails: .* equal size"),
        ("dataset", "OtherShape", False, r"is \[8, 3\] of torch.float32; must be .* \[8, 2\] of torch.float32"),
        ("dataset", "NoClasses", False, "has num_classes=8, and no classes 'y'"),
        ("metrics.own", "Score", True, "Score has no directions"),
        ("metrics.own", "Sideways", True, "directions={'score': 'more'}: must say .* 'max' or 'min'"),
        ("dataset", "FlatShape", False, "shape=2: must be a tuple of whole numbers"),
        ("dataset", "Countless", False, "num_data='many': must be a whole number"),
        ("loss", "LossWithoutGradient", False, r"generator\(real, fake\) gives a value without a gradient"),
        ("regularizer.own", "constant_penalty", True, "without a gradient: it does not depend on the critic"),
        ("metrics.own", "Number", True, r"compute\(\) gives 1.0; must be a dict of names and numbers"),
        ("metrics.own", "Words", True, r"compute\(\) gives \{'score': 'good'\}; must be a dict of names and numbers"),
        ("metrics.own", "Nothing", True, r"compute\(\) gives None; must be a dict"),
        ("metrics.own", "Divides", True, r"with 10 examples, then compute\(\), fails: ZeroDivisionError: .*misfits.py"),
        ("metrics.own", "OtherName", True, "does not say whether 'max' or 'min' is better for other"),
        ("metrics.own", "Score", False, "an object of the type Score, which cannot be called"),
        ("discriminator.vote", "Empty", False, r"Empty has no __call__\(losses, .*, u\), noisy"),
        ("discriminator.vote", "Abstains", False, r"vote\(.*\) gives a tensor of shape \[3\] .* for 3 discriminators"),
        ("ema", "Empty", False, r"Empty has no update\(average, value, t\)"),
        ("ema", "LosesTheAverage", False, "must give a dict of the same tensors"),
        ("labels", "Empty", False, r"Empty has no count\(dataset\), builders"),
        ("scheme", "Empty", False, r"Empty has no check\(networks, dataset\), growth"),
        ("network.generator", "NoModule", True, r"list has no parameters\(\), latent"),
        ("network.discriminator", "breaks", True, r"building it .* fails: KeyError: .*misfits.py, line"),
        ("metrics.own", "breaks", True, r"building it from the data set fails: KeyError: .*misfits.py, line"),
        ("logger", "Printer", False, r"Printer has no open\(job\), picture\(.*\), close\(summary\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(config, key, name, partial, words):
    if key == "dataset":
        partial = False
    made = with_node(config, key, name, partial)
    if name in ("Ragged", "OtherShape", "NoClasses", "FlatShape", "Countless"):
        made["dataset"]["num_data"] = 10
    if name in ("TurnedGenerator", "ColumnCritic"):
        made["network"][key.split(".")[1]]["width"] = 4
    with pytest.raises(UserError, match=rf"(?s)^{key}[:,] ?.*({words})"):
        build(made)


@pytest.fixture(scope="module")
def composed(compose):
    return compose(*RING, "regularizer=[r1]")


def changed(composed, tmp_path, **values):
    config = copy.deepcopy(composed)
    for key, value in {"outputs": str(tmp_path), **values}.items():
        OmegaConf.update(config, key, value, force_add=True)
    return config


@pytest.mark.parametrize("key", [*BUILT, "metrics.wasserstein", "regularizer.r1"])
def test_each_key_that_builds_something_is_named_by_one_message(composed, tmp_path, key):
    partial = bool(OmegaConf.select(composed, f"{key}._partial_"))
    for change, words in (
        ({f"{key}._partial_": not partial}, "_partial_: true"),
        ({f"{key}._partial_": "maybe"}, "_partial_ flag must be a bool"),
        ({f"{key}._target_": "os.getcwd"}, ""),
        ({f"{key}._target_": "os.getcwt"}, "_target_=os.getcwt: not found"),
        ({f"{key}._target_": 3}, "_target_ must name a function or class"),
        ({key: 3}, "must be a group of settings"),
    ):
        with pytest.raises(UserError, match=rf"^{re.escape(key)}[.:=]") as found:
            plan(changed(composed, tmp_path, **change), [])
        assert words in str(found.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics.wasserstein": None}, r"metrics.wasserstein=None: must be a group of settings; .*~metrics"),
        ({"metrics.features": {"_target_": "torch.nn.Flaten"}}, "metrics.features._target_=torch.nn.Flaten: not found"),
        ({"loss.alpha": {"_target_": None}}, "loss.alpha._target_=None: must name a function or class"),
        ({"metrics.wasserstein.sample": 3}, "metrics.wasserstein: .*'sample'\nIts keys: samples"),
    ],
)  # fmt: skip
def test_names_within_a_group(composed, tmp_path, change, words):
    with pytest.raises(UserError, match=words):
        plan(changed(composed, tmp_path, **change), [])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HalfAState", "must give the new parameters and the new state"),
        ("LosesTensors", "must give a dict of the same tensors"),
    ],
)
def test_rules_that_lose_something(config, name, words):
    made = with_node(config, "optimizer.discriminator", f"misfits.{name}.optimizer", True)
    made["optimizer"]["discriminator"]["lr"] = 0.1
    with pytest.raises(UserError, match=rf"^optimizer.discriminator: update\(.* {words}"):
        build(made)


def test_the_message_of_a_command_and_of_a_population(tmp_path, monkeypatch, capsys):
    """Exit code 2, nothing written, the same for a sweep that would train as one program."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "conf" / "regularizer"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text("own: {_target_: misfits.scalar_penalty, _partial_: true}\n")
    for more in ([], ["-m", "engine=population", "seed=0,1"]):
        assert cli.main(["train", "--config-dir", "conf", *RING, "regularizer=[own]", *more]) == 2
        err = capsys.readouterr().err
        assert err.startswith("Error: regularizer.own: penalty(critic, real, fake, eps) gives a tensor of shape []")
        assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["conf"]


def test_a_logger_that_fails_does_not_stop_the_run(compose, tmp_path, caplog):
    made = compose(*RING, f"outputs={tmp_path}", "iterations=2", "log_every=1")
    with open_dict(made):
        made.logger = {"_target_": "misfits.Breaks"}
    job = plan(made, [])
    assert execute(job, lambda event: None) == "completed"
    assert len(files.read_rows(job.directory / files.METRICS)) == 2
    assert [record.getMessage() for record in caplog.records if "logging" in record.getMessage()] == [
        "Breaks stopped logging (OSError: no ink); the run goes on"
    ]
