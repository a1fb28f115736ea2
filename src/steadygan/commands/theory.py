"""``steadygan theory NAME``: what can be shown without a sweep."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from steadygan.errors import UserError, bad_value, did_you_mean

STUDIES = {
    "dirac": "Which methods converge on the smallest GAN, and why: eigenvalues, trajectories, a table.",
    "two-gaussians": "Critics trained to the end between two Gaussians: one saturates, the others stay linear.",
    "perfect-discriminator": "The generator stands still: how good a new discriminator gets, what gradient is left.",
    "wasserstein-bound": "Both sides of the bound that noise gives on the distance of two laws, over a training run.",
    "rank": "How many dimensions a generator's samples have: the rank of its Jacobian.",
    "distances": "Total variation, KL, Jensen-Shannon and earth mover's distance between two parallel lines.",
}
"""Each is a package ``steadygan.studies.NAME`` with ``settings.Settings`` and ``study.run(folder, settings, tell)``."""


class TheoryCommand(click.Command):
    """Lists the studies and their keys in its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The studies."""
        for name, about in STUDIES.items():
            with formatter.section(f"{name}: {about.rstrip('.')}"):
                formatter.write_dl(_rows(name))


@click.command("theory", cls=TheoryCommand)
@click.argument("name", metavar="[NAME]", required=False)
@click.argument("keys", metavar="[KEY=VALUE]...", nargs=-1)
def command(name: str | None, keys: Sequence[str]) -> None:
    """Compute a study of theory into OUTPUTS/theory/NAME: figures and results.json.

    Without a name, list the studies. Keys are written KEY=VALUE; outputs=FOLDER is a key of all of them. Numbers may
    lie outside the ranges that training allows.
    """
    if name is None:
        formatter = click.HelpFormatter(width=110)
        formatter.write_dl(list(STUDIES.items()))
        click.echo(formatter.getvalue().rstrip())
        return
    if name not in STUDIES:
        raise bad_value("theory", name, "there is no such study", STUDIES)
    given = dict(_split(key) for key in keys)
    folder = Path(given.pop("outputs", "outputs")) / "theory" / name
    settings = _settings(name)(**_values(name, given))
    folder.mkdir(parents=True, exist_ok=True)
    importlib.import_module(f"steadygan.studies.{name.replace('-', '_')}.study").run(folder, settings, click.echo)


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise bad_value(key, "", "cannot be read: keys are written KEY=VALUE")
    return key, value


def _settings(name: str) -> type:
    return importlib.import_module(f"steadygan.studies.{name.replace('-', '_')}.settings").Settings


def _values(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Texts as the types that the study's defaults have."""
    known = {field.name: field for field in fields(_settings(name))}
    values = {}
    for key, text in given.items():
        if key not in known:
            keys = ["outputs", *known]
            raise UserError(f"{key}={text}: {name} has no such key\nKeys: {', '.join(keys)}{did_you_mean(key, keys)}")
        kind = type(known[key].default)
        try:
            values[key] = int(text) if kind is int else kind(text)
        except ValueError:
            raise bad_value(key, text, f"must be a {'whole number' if kind is int else 'number'}") from None
    return values


def _rows(name: str) -> list[tuple[str, str]]:
    settings = _settings(name)
    lines = (settings.__doc__ or "").partition("Attributes:")[2].splitlines()
    about = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    return [(f"{f.name}={f.default}", about.get(f.name, "")) for f in fields(settings) if f.default is not MISSING]
