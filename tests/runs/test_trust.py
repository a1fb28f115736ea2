"""What a run's folder may name: nothing is imported, built or looked up that is neither steadygan's nor trusted."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import steadygan
from steadygan import cli, train
from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config import run_config
from steadygan.runs import files, trust

TINY = ["logger=none", "batch_size=8", "iterations=2", "network.width=4", "network.depth=2", "metrics=[]"]
HERE = Path("config.yaml")


@pytest.fixture(scope="module")
def job(compose, tmp_path_factory):
    given = [*TINY, f"outputs={tmp_path_factory.mktemp('outputs')}"]
    job = train.plan(compose(*given), given)
    train.execute(job, lambda event: None)
    return job


@pytest.fixture
def foreign(job, tmp_path):
    """``foreign({"noise._target_": NAME})``: a copy of a run whose config was changed."""

    def call(changes):
        run = shutil.copytree(job.directory, tmp_path / "run")
        config = OmegaConf.load(run / files.CONFIG)
        for key, value in changes.items():
            OmegaConf.update(config, key, value)
        OmegaConf.save(config, run / files.CONFIG)
        return run

    return call


@pytest.fixture
def my_gan(tmp_path, monkeypatch):
    """A package that leaves a mark where it is imported; returns the mark."""
    folder, mark = tmp_path / "packages" / "my_trusted_gan", tmp_path / "imported"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        f"import os, functools\nopen({str(mark)!r}, 'a').close()\n"
        "def noise(x, eps):\n    return x\nheld = functools.partial(noise)\n"
        "def draw(generator, shape, dtype):\n    return None\n"
    )
    monkeypatch.syspath_prepend(str(folder.parent))
    yield mark
    sys.modules.pop("my_trusted_gan", None)


MARK = "MARK"
WRITES = {
    "noise": {"noise": {"_target_": "logging.FileHandler", "filename": MARK}},
    "nested": {"noise.extra": {"deep": [{"_target_": "logging.FileHandler", "filename": MARK}]}},
    "dataset": {"dataset": {"_target_": "logging.FileHandler", "filename": MARK}},
    "features": {"metrics.fid": {"_target_": "steadygan.metrics.fid.FID", "features": {"_target_": "builtins.open"}}},
    "labels": {"labels.metrics": {"mine": {"_target_": "logging.FileHandler", "filename": MARK}}},
    "scheme": {"scheme": {"_target_": "logging.FileHandler", "filename": MARK}},
    "ours": {"noise": {"_target_": "steadygan.runs.files.write_text", "path": MARK, "text": "x"}},
    "our import": {"noise": {"_target_": "steadygan.core.draws.torch.save", "obj": 1, "f": MARK}},
    "our import of ours": {"loss": {"_target_": "steadygan.training.schemes.pretrain.files.write_text", "path": MARK}},
    "computed": {"noise": {"_target_": "${oc.env:HOME}"}},
}


@pytest.mark.parametrize("command", ["sample", "evaluate", "stability"])
@pytest.mark.parametrize("case", ["noise", "nested", "ours", "our import"])
def test_commands_build_nothing_that_a_foreign_folder_names(case, command, foreign, tmp_path, capfd):
    mark = tmp_path / "mark"
    run = foreign(_marked(WRITES[case], str(mark)))
    before = sorted(run.rglob("*"))
    assert cli.main([command, str(run)]) == 2
    said = capfd.readouterr().err
    (target,) = re.findall(r"'_target_': '([^']*)'", str(WRITES[case]))
    assert f"_target_={target}: refused" in said
    assert f"--trust {target}" in said
    assert trust.ENVIRONMENT in said
    assert "Traceback" not in said
    assert not mark.exists()
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize("case", WRITES)
def test_load_refuses_wherever_the_name_stands(case, foreign, tmp_path):
    mark = tmp_path / "mark"
    run = foreign(_marked(WRITES[case], str(mark)))
    with pytest.raises(UserError, match="refused"):
        steadygan.load(run)
    assert not mark.exists()


def _marked(value, mark):
    if isinstance(value, dict):
        return {key: _marked(item, mark) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, mark) for item in value]
    return mark if value == MARK else value


def test_importing_is_running_and_happens_only_to_what_is_trusted(foreign, my_gan, monkeypatch):
    run = foreign({"noise": {"_target_": "my_trusted_gan.noise", "_partial_": True, "draw": "my_trusted_gan.draw"}})
    with pytest.raises(UserError, match=re.escape("noise.draw=my_trusted_gan.draw: refused")):
        steadygan.load(run)
    assert not my_gan.exists()
    assert steadygan.load(run, trust=["my_trusted_gan"]).sample(2).shape == (2, 2)
    assert my_gan.exists()
    monkeypatch.setenv(trust.ENVIRONMENT, "other, my_trusted_gan")
    assert steadygan.load(run).at(run / files.CHECKPOINT).iteration == 2


def test_a_name_that_only_begins_like_a_trusted_one_is_refused(my_gan):
    for named in (["my_trusted"], ["my_trusted_gan.noise.x"], ["trusted_gan"]):
        with pytest.raises(UserError, match="refused"):
            trust.check({"noise": {"_target_": "my_trusted_gan.noise"}}, HERE, named)
    assert not my_gan.exists()


def test_a_trusted_package_lends_its_trust_to_nothing_that_it_imports(my_gan):
    trust.check({"noise": {"_target_": "my_trusted_gan.held"}}, HERE, ["my_trusted_gan"])
    passed_on = {"noise": {"_target_": "my_trusted_gan.os.system"}}
    with pytest.raises(UserError, match="refused"):
        trust.check(passed_on, HERE, ["my_trusted_gan"])
    trust.check(passed_on, HERE, ["my_trusted_gan.os.system"])  # to the letter: the user has seen it


def test_the_command_line_trusts_as_well(foreign, my_gan, capfd):
    run = foreign({"noise": {"_target_": "my_trusted_gan.noise", "_partial_": True}})
    assert cli.main(["evaluate", str(run), "metrics=[modes]", "metrics.modes.samples=50"]) == 2
    given = ["--trust", "my_trusted_gan", "metrics=[modes]", "metrics.modes.samples=50"]
    assert cli.main(["evaluate", str(run), *given]) == 0
    assert "modes" in capfd.readouterr().out


def test_what_nobody_builds_does_not_matter(foreign, my_gan):
    run = foreign({"logger": {"_target_": "my_trusted_gan.noise"}, "engine": {"_target_": "my_trusted_gan.noise"}})
    assert steadygan.load(run).iteration == 2
    with pytest.raises(UserError, match=r"logger\._target_=my_trusted_gan.noise: refused"):
        run_config.read(run)
    assert not my_gan.exists()


@pytest.mark.parametrize("command", ["report", "sync", "watch"])
def test_reading_a_folder_of_runs_imports_nothing(command, foreign, my_gan):
    run = foreign({key: {"_target_": "my_trusted_gan.noise"} for key in ("logger", "noise", "dataset", "metrics.x")})
    more = {"sync": ["--dry-run"], "watch": ["--once"]}.get(command, [])
    assert cli.main([command, str(run.parent), *more]) in (0, 2)
    assert not my_gan.exists()


def test_a_checkpoint_runs_nothing(foreign, my_gan):
    class Runs:
        def __reduce__(self):
            return (__import__, ("my_trusted_gan",))

    run = foreign({})
    torch.save({"format": 2, "state_dict": Runs()}, run / files.CHECKPOINT)
    with pytest.raises(UserError, match="nothing in it was run"):
        steadygan.load(run)
    assert not my_gan.exists()


def test_all_that_ships_may_be_built():
    """Each name in ``conf`` where it stands there, and the default config as a whole."""
    names = 0
    for path in conf_dir().rglob("*.yaml"):
        group = path.relative_to(conf_dir()).parts[0].removesuffix(".yaml")
        if group == "hydra":
            continue
        for name in re.findall(r"_target_: *(\w+\.[\w.]+)", path.read_text()):
            trust.check({group: {"_target_": name}}, path)
            names += 1
    assert names > 100


@pytest.mark.parametrize("group", ["noise", "loss", "dataset", "metrics", "network"])
def test_loggers_and_engines_are_built_in_their_place_only(group):
    for name in ("lightning.pytorch.loggers.CSVLogger", "steadygan.loggers.wandb.Wandb", "steadygan.training.loop.run"):
        with pytest.raises(UserError, match="refused"):
            trust.check({group: {"_target_": name}}, HERE)


def test_values_that_would_be_computed_are_refused_where_something_is_built():
    node = {"_target_": "steadygan.core.losses.NonSaturating", "real": "${oc.env:HOME}"}
    with pytest.raises(UserError, match=r"loss.real=\$\{oc.env:HOME\}: refused"):
        trust.check({"loss": node}, HERE)
    trust.check({"loss": {**node, "real": 1.0}, "name": "${x}-${oc.env:HOME,home}"}, HERE)


@pytest.mark.parametrize(
    "inner", ["oc.decode:", "oc.create:", "oc.env:NO,${oc.decode:", "${x}:", "mine:", "oc.dict.values:"]
)
@pytest.mark.parametrize("key", ["loss", "network.generator", "regularizer.r1"])
def test_texts_that_may_become_objects_are_refused_wherever_they_stand(key, inner):
    text = f"${{{inner}'{{_target_: logging.FileHandler, filename: x}}'}}"
    config = text
    for name in reversed(key.split(".")):
        config = {name: config}
    with pytest.raises(UserError, match="refused"):
        trust.check(config, HERE)


def test_settings_of_hydra_are_no_part_of_a_run(foreign):
    run = foreign({"hydra": {"job": {"env_set": {"X": "1"}}}})
    with pytest.raises(UserError, match="hydra: refused"):
        run_config.read(run)


@pytest.mark.parametrize(("text", "said"), [("", "not the config of a run"), ("a: [", "cannot be read"),
                                            ("a: !!python/object/apply:os.getcwd []", "cannot be read")])  # fmt: skip
def test_damaged_files_are_said(text, said, tmp_path):
    (tmp_path / files.CONFIG).write_text(text)
    with pytest.raises(UserError, match=said):
        run_config.read(tmp_path)
    with pytest.raises(UserError, match="missing"):
        run_config.read(tmp_path / "none")
