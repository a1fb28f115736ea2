"""The members that each kind of object needs, checked where it is built: a message, not an error in training."""

import functools

from steadygan.common.errors import UserError
from steadygan.config.node import Built

PAGE = "docs/adding_a_method.md has an example of each kind"

MEMBERS = {
    "loss": ("discriminator(real, fake)", "generator(real, fake)"),
    "optimizer": ("init(params)", "update(params, grads, state, noise)", "check(params)", "noisy", "per_sample"),
    "game": ("play(players, state, batches)", "n_critic"),
    "generator": ("parameters()", "latent"),
    "discriminator": ("parameters()",),
    "vote": ("__call__(losses, active, u)", "noisy"),
    "ema": ("update(average, value, t)",),
    "labels": (
        *("count(dataset)", "builders(builders, classes, all_given)", "functions(functions)"),
        *("batch_fields(y, given, classes, dtype)", "players", "offers"),
    ),
    "scheme": (
        *("check(networks, dataset)", "growth(networks, per_iteration)", "before(dataset)"),
        *("record(directory, rows, seconds, growth)", "alone"),
    ),
    "dataset": ("batch(seed, stream, index, batch_size, device, dtype)", "shape", "num_data", "num_classes"),
    "metrics": ("update(samples)", "compute()", "reset()", "samples", "directions", "provenance"),
    "logger": ("open(job)", "row(row)", "picture(iteration, name, path)", "close(summary)"),
}
"""The members needed, by kind; with parentheses where one is called."""

RENAMED = {
    "optimizer": {"clocks": "counters", "spread": "grad_covariance"},
    "game": {"clocks": "counters", "passes": "memory_factor", "critic_turns": "critic_batches"},
}
"""Optional members that had another name in version 0.1: under that one they would be ignored without a word."""


def has_members(kind: str, key: str, made: Built) -> None:
    """Refuse an object that lacks something of its kind.

    Args:
        kind: one of ``MEMBERS``.
        key: of the object in the config.
        made: the object.
    """
    if isinstance(made, functools.partial):
        raise UserError(f"{key}: is not built yet, since its yaml says _partial_: true; this kind is built without")
    for old, new in RENAMED.get(kind, {}).items():
        if hasattr(made, old):
            raise UserError(f"{key}: {type(made).__name__} has {old}, which is called {new} now; {PAGE}")
    missing = [text for text in MEMBERS[kind] if not _has(made, text)]
    if missing:
        needed = ", ".join(MEMBERS[kind])
        raise UserError(f"{key}: {type(made).__name__} has no {', '.join(missing)}\nIt needs {needed}; {PAGE}")


def _has(made: Built, text: str) -> bool:
    name, called, _ = text.partition("(")
    return callable(getattr(made, name, None)) if called else hasattr(made, name)


def numbers(key: str, scores: Built) -> dict[str, float]:
    """Return what a metric's ``compute()`` gives, as plain numbers."""
    try:
        return {str(name): float(value) for name, value in dict(scores).items()}
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{key}: compute() gives {scores!r:.80}; must be a dict of names and numbers\n{PAGE}"
        ) from error


def is_callable(key: str, made: Built) -> None:
    """Refuse what is to be called later, and cannot be."""
    if not callable(made):
        problem = "which cannot be called; does its yaml lack _partial_: true?"
        raise UserError(f"{key}: is an object of the type {type(made).__name__}, {problem} {PAGE}")
