"""Hydra's and OmegaConf's complaints, as one clear message that names key, value and valid choices."""

import contextlib
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import Mark, YAMLError

from steadygan.common.errors import UserError, bad_value, did_you_mean, first_line
from steadygan.config import listing

WRONG_CALL = (TypeError, ValueError, ImportError, AttributeError, type(None))
"""What a ``_target_`` with wrong keys, or none of that name, raises, or Hydra by itself."""


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise what the user did wrong inside as a UserError; anything else stays as it is."""
    try:
        yield
    except Exception as error:
        mistake = explain(error)
        if mistake is None or mistake is error:
            raise
        raise mistake from error


def explain(error: Exception) -> UserError | None:
    """The user's mistake behind an exception, or None if it is not one."""
    inner = _user_error(error)
    if inner is not None:
        return inner
    match error:
        case OverrideParseException():
            return _unreadable(error)
        case MissingConfigException():
            return _no_such_option(error)
        case InstantiationException() if not isinstance(error.__cause__, WRONG_CALL):
            return None
        case ConfigCompositionException() if isinstance(error.__cause__, ConfigAttributeError | ConfigKeyError):
            return _no_such_key(error, error.__cause__)
        case HydraException():
            return UserError(_tidy(error))
        case OmegaConfBaseException():
            return UserError(": ".join(filter(None, [error.full_key, first_line(error)])))
        case YAMLError():
            return _unreadable_file(error)
        case UnicodeDecodeError() if (path := _file_of(error)) is not None:
            return UserError(f"{path}: cannot be read as UTF-8 ({error.reason} at byte {error.start})")
        case RecursionError() if (path := _file_of(error)) is not None:
            return UserError(f"{path}: cannot be read (it contains itself: an alias *NAME inside of its own &NAME)")
        case OSError() if _raised_by_hydra(error):
            return UserError(f"{error.filename}: {error.strerror}")
        case ValueError() | TypeError() | AttributeError() | AssertionError() | RecursionError() if _raised_by_hydra(
            error
        ):
            return _wrong_option() or UserError(first_line(error))
        case UserWarning():  # made an error by us: a folder of hydra.searchpath that is not there
            return UserError(f"hydra.searchpath: {str(error).partition('path=')[2] or error}")
    return None


def _user_error(error: BaseException | None) -> UserError | None:
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__
    return error


def _unreadable(error: OverrideParseException) -> UserError:
    hint = "A value with special characters is quoted twice: 'dataset.root=\"/a=b\"'"
    if "=" not in error.override:
        hint = "Overrides are written KEY=VALUE"
    problem = next(
        (line for line in str(error).splitlines() if not line.startswith(("Error parsing", "Error when"))), str(error)
    )
    return UserError(f"{error.override}: cannot be read ({problem})\n{hint}")


def _no_such_option(error: MissingConfigException) -> UserError:
    """Return an option of a group, or a root config."""
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    if not group and any(text.rpartition("=")[2] == name for text in sys.argv[1:]):
        return bad_value("--config-name", name, "there is no such config", ["config", *listing.sweeps()])
    if not group:
        return UserError(_tidy(error))
    return bad_value(group, name, "there is no such option", error.options or listing.groups().get(group, []))


def _wrong_option() -> UserError | None:
    """Hydra does not say which group got a number or null."""
    options = listing.groups()
    for text in sys.argv[1:]:
        key, _, value = text.partition("=")
        group = key.lstrip("+").partition("@")[0]
        names = [name.strip(" '\"") for name in value.strip("[]").split(",")]
        wrong = [name for name in names if name and name not in options.get(group, names)]
        if wrong:
            return bad_value(key, value, f"there is no option '{wrong[0]}'", options[group])
        below = [name for name in options if name.startswith(f"{group}/")]
        if group not in options and below:
            return UserError(f"{text}: {group} is not chosen as a whole. Its groups: {', '.join(below)}")
    return None


def _unreadable_file(error: YAMLError) -> UserError:
    """Describe where and why a YAML file cannot be read, without the parser's own context."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or first_line(error)
    hint = ""
    if "\\t" in problem or _indented_by_tab(mark):  # which of YAML's two parsers read it decides on the words
        hint = "\nThat is a tab: yaml is indented by spaces"
    elif "recursive" in problem:  # of Hydra 1.4; 1.3 recurses until Python stops it
        hint = "\nIt contains itself: an alias *NAME inside of its own &NAME"
    elif "duplicate key" in problem:
        hint = "\nA key can be there once"
    where = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}" if mark else "yaml"
    return UserError(f"{where}: cannot be read ({problem}){hint}")


def _indented_by_tab(mark: Mark | None) -> bool:
    if mark is None:
        return False
    try:
        line = Path(mark.name).read_text(encoding="utf-8").splitlines()[mark.line]
    except (OSError, ValueError, IndexError):
        return False
    return "\t" in line[: len(line) - len(line.lstrip())]


def _file_of(error: BaseException) -> str | None:
    """Return the file that Hydra was reading: the error itself does not say."""
    path, trace = None, error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_locals.get("full_path", path)
        trace = trace.tb_next
    return path


def _no_such_key(error: Exception, cause: OmegaConfBaseException) -> UserError:
    override = _override_of(str(cause.full_key), str(error))
    if override == cause.full_key and (wrong := _wrong_option()) is not None:
        return wrong
    key = override.partition("=")[0]
    parent, missing = str(cause.full_key or key).rpartition(".")[::2]
    if missing in listing.groups().get(parent, {}):
        return UserError(f"{override}: {parent} does not have '{missing}'. Choose it first: {parent}=[{missing}]")
    siblings = _names(cause.parent_node)
    namesakes = [name for name in _leaves(cause.parent_node._get_root()) if name.split(".")[-1] == key.split(".")[-1]]
    message = f"{override}: {parent or 'the config'} has no key '{missing}'"
    message += f"\nKeys of {parent or 'the config'}: {', '.join(siblings) or 'none'}"
    if not get_close_matches(missing, siblings, n=1) and namesakes:
        return UserError(f"{message}. Did you mean {' or '.join(namesakes)}?")
    return UserError(message + did_you_mean(missing, siblings))


def _override_of(key: str, message: str) -> str:
    """Return the override that could not be, as the user wrote it, or as Hydra repeats it where a file holds it."""
    for text in sys.argv[1:]:
        key_part = text.partition("=")[0]
        if "=" in text and (key_part == key or key_part.startswith(f"{key}.")):
            return text
    repeated = re.search(r"To append to your config use \+(.*)", message, flags=re.DOTALL)
    return repeated.group(1) if repeated else key


def _names(node: object) -> list[str]:
    keys = node.keys() if isinstance(node, DictConfig) else []
    return sorted(str(key) for key in keys if key != "hydra" and not str(key).startswith("_"))


def _leaves(node: object, prefix: str = "") -> list[str]:
    inner = {name: node._get_node(name) for name in _names(node)} if isinstance(node, DictConfig) else {}
    paths = []
    for name, value in inner.items():
        below = isinstance(value, DictConfig) and not value._is_none() and not value._is_interpolation()
        paths += _leaves(value, f"{prefix}{name}.") if below else [prefix + name]
    return paths


def _tidy(error: Exception) -> str:
    """Without the search path, the advice to append, and empty lines; with the cause where Hydra says nothing."""
    text = str(error).partition("Config search path")[0]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("To append to your")]
    if isinstance(error.__cause__, OmegaConfBaseException):
        lines.append(first_line(error.__cause__))
    return "\n".join(lines) or type(error).__name__


def _raised_by_hydra(error: Exception) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith("hydra.")
