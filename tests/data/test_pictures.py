"""Images to be scored are read as those to be trained on."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

import tiny_data
from steadygan import cli
from steadygan.common.errors import UserError
from steadygan.data.folder import ImageFolder
from steadygan.data.pictures import Pictures
from steadygan.data.storage.frames import to_bytes

SIDE = 12
TURNS = {3: 2, 6: 3, 8: 1}
"""EXIF orientations, and the quarter turns (anticlockwise) that bring such a picture upright."""


def noise(number=0):
    return np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def lying(array, orientation):
    """The picture as a camera stores it that was held so, and what it says of that."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return Image.fromarray(np.rot90(array, -TURNS[orientation])), {"exif": exif}


def write(folder):
    """One of each kind that readers differ about."""
    colour = Image.fromarray(noise())
    alpha = Image.fromarray(np.concatenate([noise(1), noise(2)[..., :1]], 2))
    deep = Image.fromarray(noise(3)[..., 0].astype(np.uint16) * 257)
    palette = colour.convert("P")
    kept = {
        "a.png": (colour, {}),
        "alpha.png": (alpha, {}),
        "deep.png": (deep, {}),
        "film.gif": (colour, {"save_all": True, "append_images": [alpha.convert("RGB")]}),
        "grey.png": (colour.convert("L"), {}),
        "la.png": (alpha.convert("LA"), {}),
        "loss.JPEG": (colour, {}),
        "one.png": (colour.convert("1"), {}),
        "palette.png": (palette, {"transparency": 5}),
        "print.tif": (colour.convert("CMYK"), {}),
        **{f"turned/{number}.png": lying(noise(number), number) for number in TURNS},
    }
    for name, (picture, options) in kept.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(folder / name, **options)
    (folder / "linked").symlink_to("turned")
    (folder / ".hidden").mkdir()
    colour.save(folder / ".hidden" / "x.png")
    colour.save(folder / ".x.png")
    (folder / "notes.txt").write_text("")
    return [*sorted(kept), *(f"linked/{number}.png" for number in TURNS)]


def test_both_readers_see_the_same(tmp_path):
    names = write(tmp_path)
    scored = to_bytes(Pictures(tmp_path).examples("train")[0])
    trained = ImageFolder(root=str(tmp_path), size=SIDE, crop="none").examples("train")[0].bytes(slice(None))
    assert torch.equal(scored, trained)
    assert len(scored) == len(names)
    order = sorted(names)
    assert torch.equal(scored[order.index("turned/6.png")], torch.from_numpy(noise(6).transpose(2, 0, 1)))
    assert torch.equal(scored[order.index("linked/6.png")], scored[order.index("turned/6.png")])


def test_sixteen_bits_and_grey_are_one_channel(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(noise()[..., 0].astype(np.uint16) * 257).save(tmp_path / f"{name}.png")
    Image.fromarray(noise()[..., 0]).save(tmp_path / "c.png")
    found = to_bytes(Pictures(tmp_path).examples("train")[0])
    assert torch.equal(found, torch.from_numpy(noise()[..., 0]).expand(3, 1, SIDE, SIDE))


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    Image.new("LA", (4, 4), (0, 0)).save(tmp_path / "b.png")
    assert (Pictures(tmp_path).examples("train")[0] == 1).all()


def test_the_fid_of_pictures_that_lie_and_that_stand_is_0(tmp_path, capfd):
    for folder in ("lie", "stand"):
        (tmp_path / folder).mkdir()
    for place in range(24):
        array, orientation = noise(place)[:3, :3], list(TURNS)[place % 3]
        picture, options = lying(array, orientation)
        picture.save(tmp_path / "lie" / f"{place:02d}.png", **options)
        Image.fromarray(array).save(tmp_path / "stand" / f"{place:02d}.png")
    given = ["metrics=[fid]", "metrics.fid.features={_target_: torch.nn.Flatten}"]
    assert cli.main(["evaluate", "--images", str(tmp_path / "lie"), str(tmp_path / "stand"), *given]) == 0
    assert abs(float(capfd.readouterr().out.split()[1])) < 1e-9


def test_a_latin_1_name_is_read_and_named(tmp_path):
    names = [os.fsdecode(name) for name in (b"caf\xe9.png", b"na\xefve.png")]
    for name in names:
        (tmp_path / name).write_bytes(tiny_data.encoded(noise()))
    assert Pictures(tmp_path).num_data == 2
    (tmp_path / names[0]).write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"1 of 2 images cannot be read:\n.*caf\\xe9.png: "):
        Pictures(tmp_path)


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("features.npy", lambda path: np.save(path, np.zeros((4, 4))), "features.npy: not a format that is read"),
        ("wide.png", lambda path: Image.new("RGB", (5, 4)).save(path), r"of 2 sizes .*\n(.|\n)*4 x 5, such as .*wide"),
        ("link.png", lambda path: path.symlink_to("nowhere"), "link.png: No such file or directory"),
        ("cats", lambda path: path.symlink_to("nowhere"), "cats: No such file or directory"),
        ("float.tif", lambda path: Image.new("F", (4, 4)).save(path), "float.tif: floating-point pixels"),
        ("half.png", lambda path: path.write_bytes(tiny_data.encoded(noise())[:90]), "1 of 2 images(.|\n)*half.png"),
    ],
)
def test_one_message_that_names_the_file(tmp_path, capfd, name, write, words):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    write(tmp_path / name)
    with pytest.raises(UserError, match=words):
        Pictures(tmp_path)
    assert cli.main(["evaluate", "--images", str(tmp_path), str(tmp_path)]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_an_error_of_the_disk_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"")

    def failing(self):
        raise OSError(5, "Input/output error", str(self))

    monkeypatch.setattr(type(tmp_path), "read_bytes", failing)
    with pytest.raises(UserError, match=r"a.png(: |.*\()cannot be read \(Input/output error\)"):
        Pictures(tmp_path)


def test_arrays(tmp_path):
    stored = np.stack([noise(0), noise(1)])
    np.save(tmp_path / "a.npy", stored)
    np.savez(tmp_path / "a.npz", stored)
    for name in ("a.npy", "a.npz"):
        assert np.array_equal(to_bytes(Pictures(tmp_path / name).examples("train")[0]).permute(0, 2, 3, 1), stored)
    content = (tmp_path / "a.npz").read_bytes()
    for damaged in (content[:-9], content[:200], content[:2], b"", b"\x93NUMPY\x01\x00\xff\xff", b"PK\x03\x04"):
        for name in ("b.npz", "b.npy"):
            (tmp_path / name).write_bytes(damaged)
            assert cli.main(["evaluate", "--images", *[str(tmp_path / name)] * 2]) == 2
    np.save(tmp_path / "c.npy", np.array(1))
    with pytest.raises(UserError, match=r"holds int64 of the shape \[\]"):
        Pictures(tmp_path / "c.npy")
