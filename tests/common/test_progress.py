"""What is shown while something is done once to data."""

import io

import pytest
from rich.console import Console

from steadygan.common import progress as module
from steadygan.common.progress import amount


@pytest.fixture
def watched(monkeypatch):
    """``watched(terminal)``: what was shown of three steps of a hundred in 20 s each."""

    def call(terminal):
        out, now = io.StringIO(), iter(range(0, 1000, 20))
        console = Console(file=out, force_terminal=terminal, width=100)
        monkeypatch.setattr(module, "Console", lambda **kwargs: console)
        monkeypatch.setattr(module.time, "monotonic", lambda: float(next(now)))
        with module.show_progress("Decoding", 400, "images") as step:
            for _ in range(3):
                step(100)
        return out.getvalue()

    return call


def test_amounts():
    assert amount(1200, 50_000, 345.6, "images") == "1,200 of 50,000 images, 346/s"
    assert amount(3_500_000, 20_000_000, None, "bytes") == "4 of 20 MB"


def test_lines_where_there_is_no_terminal(watched):
    lines = watched(False).splitlines()
    assert lines == [
        "Decoding: 100 of 400 images, 5/s, 1 min left",
        "Decoding: 200 of 400 images, 5/s, 1 min left",
        "Decoding: 300 of 400 images, 5/s, 0 min left",
    ]


def test_a_bar_on_a_terminal(monkeypatch):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    monkeypatch.setattr(module, "Console", lambda **kwargs: console)
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    with module.show_progress("Decoding", 400, "images") as step:
        for _ in range(3):
            step(100)
        step(50)
    assert "Decoding" in out.getvalue()
    assert "of 400 images" in out.getvalue()


def test_what_is_quick_shows_nothing(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(module, "Console", lambda **kwargs: Console(file=out, force_terminal=True))
    with module.show_progress("Decoding", 400, "images") as step:
        step(400)
    assert out.getvalue() == ""
