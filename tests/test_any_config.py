"""Whatever the command line and one's own yaml say: a plan or a message, never a traceback, and nothing is lost."""

import codecs
import contextlib
import io
import os

import pytest
import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hydra_plugins.steadygan.local import LocalLauncher
from steadygan import cli
from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config import listing as config_listing
from steadygan.sweeps.compose import Composer
from steadygan.sweeps.origin import Origins
from steadygan.sweeps.request import Request

QUICKLY = (Phase.explicit, Phase.generate)  # to shrink what failed is to build networks for minutes

GROUPS = ("loss", "noise", "game", "labels", "engine", "logger", "discriminator/vote", "trainer", "scheme", "method")
PLACED = ("optimizer@optimizer.generator", "optimizer@optimizer.discriminator")


def leaves(node, prefix=""):
    """All keys of a config, those of groups of settings included."""
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")


def known_keys():
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        loaded = GlobalHydra.instance().config_loader().load_configuration("config", [], RunMode.RUN)
    return sorted(key for key in leaves(OmegaConf.to_container(loaded)) if not key.startswith("hydra"))


KEYS = st.sampled_from(known_keys())
SCALARS = ["null", "true", "0", "-1", "2", "1e0", "nan", "inf", "''", "text", "'a b'", "'é'", "999999999999999999999"]
OTHERS = [
    "[]",
    "[1]",
    "[null]",
    "{a: 1}",
    "{}",
    "${seed}",
    "${nothing}",
    "???",
    "{b: {}}",
    "[1.5, x]",
]
PLAIN = KEYS.filter(lambda key: not key.rpartition(".")[2].startswith("_"))
SET = st.builds("{}{}={}".format, st.sampled_from(["", "", "++", "+"]), PLAIN, st.sampled_from([*SCALARS, *OTHERS]))
REMOVED = st.builds("~{}".format, KEYS)
CHOSEN = st.one_of(
    *(
        st.builds(f"{group}={{}}".format, st.sampled_from(["null", *config_listing.groups()[group.partition("@")[0]]]))
        for group in (*GROUPS, *PLACED)
    ),
    st.builds("regularizer=[{},{}]".format, *[st.sampled_from(["null", *config_listing.groups()["regularizer"]])] * 2),
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """``plan(overrides)``: the job that a multirun would run; one composer for all, as in a multirun."""
    before, here = HydraConfig.instance().cfg, os.getcwd()
    os.chdir(tmp_path_factory.mktemp("empty"))
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", ["logger=none"], RunMode.MULTIRUN)
        composer, origins = Composer(loader, master), Origins(loader, master.hydra)
    setup_globals()
    launcher = LocalLauncher()
    launcher.request = Request()
    yield lambda overrides: launcher._plan_one(composer, origins, 0, overrides)
    assert not os.listdir()  # planning writes nothing
    os.chdir(here)
    HydraConfig.instance().cfg = before


@settings(max_examples=30, phases=QUICKLY)
@given(overrides=st.lists(SET | SET | REMOVED | CHOSEN, min_size=1, max_size=2))
def test_any_overrides_make_a_plan_or_a_message(plan, overrides):
    job = None
    with contextlib.suppress(UserError):
        job = plan(overrides)
    if job is not None:
        assert job.overrides == tuple(overrides)
        assert job.iterations == job.config["iterations"]
        assert job.seed == job.config["seed"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**70)
    | st.floats()
    | st.sampled_from(["", "x", "1e3", "${seed}", "é"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["alpha", "_target_", "a"]), inner),
    max_leaves=3,
)
CONTENT = st.dictionaries(KEYS.map(lambda key: key.split(".")[0]), VALUES, max_size=2)
HEADER = st.sampled_from(["# @package _global_\n"] * 3 + ["", "# @package\n", "# @package loss\n", "\n# a comment\n"])
DAMAGE = st.sampled_from(
    [lambda text: text.encode()] * 4
    + [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("latin-1"),
        lambda text: f"{text}\n\tseed: 1\n".encode(),
        lambda text: f"{text}\nseed: 1\nseed: 2\n".encode(),
        lambda text: f"{text}loss: [".encode(),
        lambda text: f"{text}\na: &a [*a]\n".encode(),
        lambda text: text.encode() + b"\0",
    ]
)


@settings(max_examples=10, phases=QUICKLY)
@example(content={"iterations": 3}, header="# @package _global_\n", damage=str.encode, group="experiment")
@given(
    content=CONTENT, header=HEADER, damage=DAMAGE, group=st.sampled_from(["method", "experiment", "noise", "trainer"])
)
def test_any_file_of_ones_own_makes_a_plan_or_a_message(tmp_path_factory, content, header, damage, group):
    folder = tmp_path_factory.mktemp("own")
    (folder / group).mkdir()
    (folder / group / "mine.yaml").write_bytes(damage(header + yaml.safe_dump(content, allow_unicode=True)))
    code, said = called(
        "train",
        "-m",
        "--config-dir",
        str(folder),
        f"{group}=mine",
        "seed=0,1",
        f"++outputs={folder}/outputs",
        "logger=none",
    )
    assert code in (0, 2), said
    assert "Traceback" not in said
    assert "GlobalHydra" not in said
    assert said.startswith("Error: ") if code else "2 to run" in said, said
    assert not (folder / "outputs").exists()


def called(*arguments):
    """The exit code of a dry run, and what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = cli.main([*arguments, "hydra.launcher.dry_run=true"])
    return code, said.getvalue()
