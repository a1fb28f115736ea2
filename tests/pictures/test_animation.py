"""The animation: one frame a saved picture, in order."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

from steadygan.pictures import animation
from steadygan.runs.files import SAMPLES, saved_pictures


@pytest.fixture
def folder(tmp_path):
    """Pictures of one colour each; two neighbours are equal, and their order by name is not that by number."""
    samples = tmp_path / SAMPLES
    samples.mkdir()
    for iteration, colour in ((1000, 40), (20000, 200), (3000, 40), (9999999, 90), (10000000, 120)):
        Image.fromarray(np.full((20, 90, 3), colour, np.uint8)).save(samples / f"{iteration:07d}.png")
    return samples


def frames(path):
    with Image.open(path) as gif:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]


def test_as_many_frames_as_pictures_in_order_of_iterations(folder, tmp_path):
    (folder / "notes.png").write_bytes(b"")
    pictures = saved_pictures(folder.parent)
    assert [iteration for iteration, _ in pictures] == [1000, 3000, 20000, 9999999, 10000000]
    animation.animate(tmp_path / "a.gif", pictures)
    shown = frames(tmp_path / "a.gif")
    assert [frame[:20].min() for frame in shown] == [40, 40, 200, 90, 120]
    assert [frame[:20].max() for frame in shown] == [40, 40, 200, 90, 120]
    assert all(frame.shape == (20 + animation.STRIP, 90, 3) for frame in shown)
    assert not np.array_equal(shown[0][20:], shown[1][20:])  # the number of the iteration


def test_the_last_frame_stays_and_all_repeats(folder, tmp_path):
    animation.animate(tmp_path / "a.gif", saved_pictures(folder.parent))
    with Image.open(tmp_path / "a.gif") as gif:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert durations == [200, 200, 200, 200, 2000]
        assert gif.info["loop"] == 0


def test_one_picture_alone(folder, tmp_path):
    animation.animate(tmp_path / "a.gif", saved_pictures(folder.parent)[:1])
    assert len(frames(tmp_path / "a.gif")) == 1


def test_pictures_of_other_sizes_are_fitted_to_the_last(folder, tmp_path):
    Image.fromarray(np.full((40, 45, 3), 7, np.uint8)).save(folder / "0000001.png")
    animation.animate(tmp_path / "a.gif", saved_pictures(folder.parent))
    assert (frames(tmp_path / "a.gif")[0][:20] == 7).all()


def test_damaged_pictures_are_left_out(folder):
    torn = folder / "0003000.png"
    torn.write_bytes(torn.read_bytes()[:60])
    (folder / "0000005.png").write_bytes(b"nothing")
    whole = animation.readable(saved_pictures(folder.parent))
    assert [iteration for iteration, _ in whole] == [1000, 20000, 9999999, 10000000]


@pytest.mark.parametrize("count", [0, 1, 299, 300, 301, 5000])
def test_long_runs_are_thinned_evenly(count):
    pictures = [(index, None) for index in range(count)]
    kept = [index for index, _ in animation.thin(pictures)]
    assert len(kept) == min(count, 300)
    assert kept == sorted(set(kept))
    assert not count or (kept[0], kept[-1]) == (0, count - 1)
    if count == 5000:
        assert set(np.diff(kept)) <= {16, 17}
