"""Methods for the tests of populations, importable by name."""


def stubborn(x, eps=None):
    """A noise that looks at its input, which no tensor program can."""
    return x if bool(x.sum() > 0) else x + 0
