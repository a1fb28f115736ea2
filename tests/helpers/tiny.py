"""The small run that most tests train. A test says only what is different in its own."""

BASE = ("logger=none", "metrics=[]", "network.width=6", "network.latent=3", "batch_size=6", "iterations=4")
MODES = ("metrics=[modes]", "metrics.modes.samples=50", "metrics.modes.wasserstein_samples=20")


def tiny(*overrides):
    """Return the overrides of a small run; of two for one key the later counts."""
    return list({text.lstrip("+~").partition("=")[0]: text for text in (*BASE, *overrides)}.values())


def silent(event):
    """Take what a run reports, and show nothing."""


def advance(gan, until):
    """Train a module until an iteration; return it."""
    for iteration in range(gan.iteration, until):
        gan.advance(iteration)
    return gan
