"""``steadygan theory NAME``: what can be shown without a sweep."""

import importlib
from collections.abc import Sequence

import click

from steadygan.common.errors import bad_value
from steadygan.common.paths import expanded

STUDIES = {
    "dirac": "Which methods converge on the smallest GAN, and why: eigenvalues, trajectories, a table.",
    "two-gaussians": "Critics trained to the end between two Gaussians: one saturates, the others stay linear.",
    "perfect-discriminator": "The generator stands still: how good a new discriminator gets, what gradient is left.",
    "wasserstein-bound": "Both sides of the bound that noise gives on the distance of two laws, over a training run.",
    "rank": "How many dimensions a generator's samples have: the rank of its Jacobian.",
    "distances": "Total variation, KL, Jensen-Shannon and earth mover's distance between two parallel lines.",
}
"""Each is a package in ``steadygan.analysis.studies`` with ``settings.Settings`` and ``study.run``."""


class TheoryCommand(click.Command):
    """Lists the studies and their keys in its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the studies and their keys."""
        from steadygan.commands.shared.keys import rows

        for name, about in STUDIES.items():
            with formatter.section(f"{name}: {about.rstrip('.')}"):
                formatter.write_dl(rows(_settings(name)))


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
    from steadygan.commands.shared.keys import pairs, values

    texts, kind = pairs(keys), _settings(name)
    folder = expanded("outputs", texts.pop("outputs", "outputs")) / "theory" / name
    settings = kind(**values(kind, texts, name, ["outputs"]))
    folder.mkdir(parents=True, exist_ok=True)
    importlib.import_module(f"steadygan.analysis.studies.{name.replace('-', '_')}.study").run(
        folder, settings, click.echo
    )


def _settings(name: str) -> type:
    return importlib.import_module(f"steadygan.analysis.studies.{name.replace('-', '_')}.settings").Settings
