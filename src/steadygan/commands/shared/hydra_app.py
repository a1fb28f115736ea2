"""Hydra, called as its users know it, and its errors as ours."""

import os
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from steadygan.sweeps.request import Request

if TYPE_CHECKING:
    from omegaconf import DictConfig

DRY_RUN = "--dry-run"
"""Ours, of ``train`` and ``sweep``: only say what would be done."""

OURS = (DRY_RUN, "--from", "--trust")
"""Options of ``train`` and ``sweep`` beside Hydra's."""

MULTIRUN = ("--multirun", "-m", "hydra.mode=MULTIRUN")
"""What makes a multirun of a command line."""

FOLDERS = ("--config-dir", "-cd")
WITH_VALUE = (*FOLDERS, "--config-path", "-cp", "--config-name", "-cn", "--package", "-p", "--cfg", "-c")
INFO = ("--info", "-i")
TOPICS = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
"""Hydra's options that take a value, and those that may take one of the topics."""


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options with their values, and the rest, which Hydra wants in one piece."""
    options, rest, before = [], [], ""
    for argument in arguments:
        value = before in WITH_VALUE or (before in INFO and argument in TOPICS)
        (options if value or argument.startswith("-") else rest).append(argument)
        before = "" if value else argument
    return options, rest


def check_options(options: Sequence[str]) -> None:
    """Refuse options that do not exist, in place of the usage that Hydra's parser would print."""
    from hydra._internal.utils import get_args_parser

    from steadygan.common.errors import UserError, did_you_mean

    parser = get_args_parser()
    known = sorted({text for action in parser._actions for text in action.option_strings})

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message.removeprefix('argument ')}\nOptions: {', '.join([*known, *OURS])}")

    parser.error = refuse
    for text in (text for text in parser.parse_known_args(list(options))[1] if text.startswith("-")):
        name = text.partition("=")[0]
        raise UserError(f"{name}: there is no such option here{did_you_mean(name, [*known, *OURS])}")


class _Past(BaseException):
    """Carries a run's exception past Hydra, which would say more about it than the user wants to know."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def dry(arguments: Sequence[str]) -> list[str]:
    """Return Hydra's command line without ``--dry-run``, for which launchers have a key."""
    rest = [argument for argument in arguments if argument != DRY_RUN]
    multirun = any(argument in MULTIRUN for argument in rest)
    return [*rest, "hydra.launcher.dry_run=true"] if multirun and DRY_RUN in arguments else rest


class _Task:
    """The task of Hydra for a single run; sweepers and launchers find in it what is asked of them."""

    def __init__(self, request: Request, dry_run: bool) -> None:
        self.request, self.dry_run = request, dry_run

    def __call__(self, config: "DictConfig") -> str:
        try:
            from steadygan import train

            return (train.say_job if self.dry_run else train.main_job)(config, self.request)
        except Exception as error:
            raise _Past(error) from error


def run(config_name: str, arguments: Sequence[str], command: Sequence[str], request: Request) -> None:
    """Run the Hydra app with a root config.

    Args:
        config_name: in ``conf`` or ``sweeps``.
        arguments: Hydra's command line, and ``--dry-run``.
        command: the command as the user gave it, kept with the sweep.
        request: what is asked beside it.

    Raises:
        UserError: a mistake in the config or the command line.
        Exception: whatever the run or the launcher raised.
    """
    import hydra
    from hydra.core.plugins import Plugins

    from steadygan.commands.shared.sweeps_path import SweepsPath
    from steadygan.common.paths import conf_dir
    from steadygan.config.hydra_errors import explained
    from steadygan.config.hydra_versions import APP
    from steadygan.config.renamed import present_overrides
    from steadygan.sweeps.overrides import as_typed

    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise, instead of printing and leaving with exit code 1
    Plugins.instance().register(SweepsPath)
    options, overrides = split(dry(arguments))
    check_options(options)
    task = _Task(replace(request, command=shlex.join(command)), DRY_RUN in arguments)
    main = hydra.main(**APP, config_path=str(conf_dir()), config_name=config_name)(task)
    before, sys.argv = sys.argv, [" ".join(command[:2]), *options, *map(as_typed, present_overrides(overrides))]
    try:
        with explained(), warnings.catch_warnings():
            warnings.filterwarnings("error", message="provider=hydra.searchpath")
            _call(main)
    finally:
        sys.argv = before


def _call(main: Callable[[], object]) -> None:
    try:
        main()
    except _Past as past:
        error = past.error
    else:
        return
    raise error
