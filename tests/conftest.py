"""One process, one thread, nothing of the user's own."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

import pytest
from hypothesis import settings

from steadygan.config.hydra_versions import BASE

settings.register_profile("steadygan", deadline=None, database=None)  # a busy machine is no failure
settings.load_profile("steadygan")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Classifiers are trained once a session, away from the user's cache; workers inherit the place."""
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    os.environ["STEADYGAN_CACHE"] = str(session / "cache")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """A root that holds a tiny data set of each kind (see ``tiny_data.py``)."""
    import tiny_data

    root = tmp_path_factory.mktemp("tiny")
    tiny_data.everything(root)
    return root


@pytest.fixture(scope="session")
def composer():
    """The composition of multiruns: what config groups give is made once a session, where Hydra takes 0.2 seconds."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from steadygan.common.paths import conf_dir
    from steadygan.sweeps.compose import Composer

    with initialize_config_dir(str(conf_dir()), **BASE):
        hydra = GlobalHydra.instance().hydra
        master = hydra.compose_config("config", [], run_mode=RunMode.MULTIRUN, with_log_configuration=False)
        before, HydraConfig.instance().cfg = HydraConfig.instance().cfg, None
        HydraConfig.instance().set_config(master)
        composer = Composer(hydra.config_loader, master)
        HydraConfig.instance().cfg = before
    return composer


@pytest.fixture(scope="session")
def compose(composer):
    """``compose(*overrides)``: the root config as Hydra composes it."""
    from hydra.core.hydra_config import HydraConfig

    def call(*overrides):
        before = HydraConfig.instance().cfg
        try:
            return composer.compose(overrides).config
        finally:
            HydraConfig.instance().cfg = before

    return call


@pytest.fixture(scope="session")
def plain(compose):
    """``plain(*overrides)``: the same, resolved to plain containers."""
    from omegaconf import OmegaConf

    return lambda *overrides: OmegaConf.to_container(compose(*overrides), resolve=True)


@pytest.fixture(scope="session")
def planned(compose):
    """``planned(*overrides)``: the job that the overrides ask for."""
    from steadygan.sweeps.planning import plan

    return lambda *overrides: plan(compose(*overrides), overrides)


@pytest.fixture
def plan(planned, tmp_path, request):
    """``plan(*overrides, outputs=tmp_path)``: the job of a small run (``tiny.py``), as the module's ``RUN`` has it."""
    from tiny import tiny

    def call(*overrides, outputs=tmp_path):
        return planned(*tiny(*getattr(request.module, "RUN", ()), f"outputs={outputs}", *overrides))

    return call


@pytest.fixture
def finished(plan):
    """``finished(*overrides, outputs=tmp_path)``: such a job, trained."""
    from steadygan.sweeps.executing import execute
    from tiny import silent

    def call(*overrides, **more):
        job = plan(*overrides, **more)
        assert execute(job, silent) == "completed"
        return job

    return call


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def steadygan(capfd):
    """``steadygan("train", ...)``: exit code, standard output and error, in this process."""
    from steadygan import cli

    def call(*args):
        capfd.readouterr()
        code = cli.main(args)
        return code, *capfd.readouterr()

    return call
