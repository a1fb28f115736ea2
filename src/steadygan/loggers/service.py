"""W&B's own process (wandb-core) and what its client changes in ours.

One wandb-core serves all runs of a process. wandb is imported here only, inside functions: it may be missing or broken.
"""

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

from steadygan.loggers.guard import FAILURES, describe

if TYPE_CHECKING:
    import subprocess

    import wandb

QUIET = {
    "silent": True,
    "show_errors": False,
    "show_warnings": False,
    "show_info": False,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "disable_job_creation": True,
    "save_code": False,
    "x_disable_stats": True,
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "use_dot_wandb": False,
    "x_transaction_log_flush_interval": 2.0,
}
"""Nothing on the console, nothing of the user's code, machine or environment; rows on disk within two seconds."""

_VARIABLES = ("WANDB_SERVICE", "WANDB_ERROR_REPORTING")


def settings(**more: object) -> "wandb.Settings":
    """Return ``wandb.Settings`` with :data:`QUIET`, less what this version of wandb does not know."""
    import wandb

    known = wandb.Settings.model_fields
    return wandb.Settings(**{key: value for key, value in {**QUIET, **more}.items() if key in known})


class Agent(NamedTuple):
    """What ``wandb agent`` sets in the environment of a run; all None where there is no agent."""

    sweep_id: str | None = None
    project: str | None = None
    entity: str | None = None
    run_id: str | None = None


def agent(session: "wandb.Settings") -> Agent:
    """Return the agent's settings, which ``wandb.init`` forgets: it would begin another W&B run at each launch.

    Args:
        session: the settings that ``wandb.setup`` made of the environment.
    """
    if "WANDB_SWEEP_ID" not in os.environ:
        return Agent()
    session.sweep_id = session.run_id = None
    return Agent(*(os.environ.get(f"WANDB_{name.upper()}") or None for name in Agent._fields))


def disown() -> None:
    """Keep the agent's id from the runs that this process starts: with one id for all they would be one run to W&B."""
    os.environ.pop("WANDB_RUN_ID", None)


@contextmanager
def untouched() -> Iterator[None]:
    """Undo what starting wandb-core changes here: ``sys.exit``, ``sys.excepthook``, the address in the environment.

    Child processes would otherwise share a wandb-core that dies with us. W&B's reports on its own errors are off
    unless the user has set ``WANDB_ERROR_REPORTING``: an offline run sends nothing anywhere.
    """
    hooks = sys.exit, sys.excepthook
    before = {key: os.environ.get(key) for key in _VARIABLES}
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        yield
    finally:
        sys.exit, sys.excepthook = hooks
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextmanager
def outside() -> Iterator[dict[str, str]]:
    """The environment for wandb's command line, which else leaves a ``wandb`` folder of logs where the user stands."""
    with TemporaryDirectory(prefix="steadygan-wandb-") as folder:
        yield {"WANDB_ERROR_REPORTING": "false", **os.environ, "WANDB_DIR": folder}


def logged_in() -> bool:
    """Return whether wandb has credentials for its server; never asks for them."""
    try:
        import wandb
        from wandb.sdk import wandb_setup
        from wandb.sdk.lib import wbauth

        with untouched():
            singleton = wandb_setup.singleton()
            wandb.termsetup(settings(), None)
            session = wbauth.authenticate_session(
                host=singleton.settings.base_url, source="steadygan", prompt=False, update_session=False
            )
    except FAILURES:
        return bool(os.environ.get("WANDB_API_KEY"))
    return session is not None


def unavailable(seconds: float) -> str | None:
    """Return why nothing can be sent now, with what mends it; None if there is a login and the server answers."""
    try:
        from wandb.sdk import wandb_setup

        url = str(wandb_setup.singleton().settings.base_url).rstrip("/")
    except FAILURES as error:
        return f"wandb does not work, {describe(error)}: pip install --force-reinstall wandb"
    if not logged_in():
        return "no login: run `wandb login`, or set WANDB_API_KEY"
    try:
        urlopen(f"{url}/healthz", timeout=seconds).close()
    except HTTPError:
        return None  # it answers, if only to say no
    except (OSError, ValueError) as error:
        return f"no answer from {url}, {describe(error)}"
    return None


def core_path() -> str | None:
    """Return the program wandb-core; None where this version of wandb does not say."""
    with suppress(*FAILURES):
        from wandb.util import get_core_path

        return str(get_core_path())
    return None


def dead() -> bool:
    """Return whether wandb-core was started here and has ended since."""
    process = _process()
    return process is not None and process.poll() is not None


def kill() -> None:
    """End a wandb-core that no longer answers; wandb would wait for it for ever when Python exits."""
    process = _process()
    if process is not None:
        process.kill()
        process.wait(timeout=5.0)


def forget() -> None:
    """Let go of a dead wandb-core, so that the next run starts a new one and the exit of Python does not stumble."""
    with suppress(*FAILURES), untouched():
        import wandb

        wandb.teardown()


def _process() -> "subprocess.Popen[bytes] | None":
    """Return the handle of wandb-core; None where there is none, or where this version of wandb keeps it elsewhere."""
    with suppress(Exception):
        from wandb.sdk import wandb_setup

        return functools.reduce(getattr, ("_connection", "_proc", "_process"), wandb_setup.singleton())
    return None
