"""Folders of any images: a message or the truth, never a traceback, and what is left out is counted."""

import io
import os
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from steadygan import cli
from steadygan.common.errors import UserError
from steadygan.data.folder import ImageFolder
from steadygan.data.pictures import Pictures
from steadygan.data.sources.folder import NOT_READ, SUFFIXES, pictures, split_folders

KINDS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "F", "I;16", "I"),
    "PPM": ("1", "L", "RGB"),
}

NAMES = st.one_of(
    st.sampled_from(
        [b"a.png", b"b.PNG", b"c.jpg", b"-x.gif", b" .tif", b"train/x.png", b"test/y.png", b"caf\xe9.png", b"x\n.png"]
    ),
    st.sampled_from(
        [b"\xf0\x9f\x98\x80.webp", b"%s.png", b"{}.bmp", b"[red].png", b"'.png", b"k/k/k/k.ppm", b"1/2.png"]
    ),
    st.sampled_from([b"x.npy", b"x.heic", b"notes.txt", b".hidden.png", b".git/x.png", b"png", b"x.png.txt"]),
)


@st.composite
def contents(draw):
    """A picture of any mode, format, size and orientation; whole, cut, or with bytes changed."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    mode = draw(st.sampled_from(KINDS[kind]))
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    array = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(array)
    if mode == "LAB":
        picture = Image.frombytes("LAB", picture.size, array.tobytes())
    else:
        picture = picture.convert("L").convert(mode) if mode[0] in "IF" else picture.convert(mode)
    options = {}
    if kind in ("PNG", "JPEG", "WEBP", "TIFF") and draw(st.booleans()):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65535]))
    if mode == "P" and draw(st.booleans()):
        options["transparency"] = 0
    file = io.BytesIO()
    picture.save(file, kind, **options)
    data = bytearray(file.getvalue())
    damage = draw(st.sampled_from(["none", "none", "cut", "bytes", "noise", "empty"]))
    if damage == "cut":
        data = data[: draw(st.integers(0, len(data)))]
    if damage == "bytes":
        for _ in range(3):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return {"noise": draw(st.binary(max_size=40)), "empty": b""}.get(damage, bytes(data))


FILES = st.dictionaries(NAMES, st.one_of(contents(), st.sampled_from(["link", "circle", "folder"])), max_size=6)


def lay(root, files):
    for name, content in files.items():
        path = Path(os.fsdecode(os.path.join(os.fsencode(root), name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        if content == "folder":
            path.mkdir(exist_ok=True)
        elif isinstance(content, str):
            path.symlink_to({"link": "nowhere", "circle": path.name}[content])
        else:
            path.write_bytes(content)


def said(error):
    """A message that any terminal can show."""
    assert str(error).encode("utf-8").strip()


def wanted(root, split=""):
    """How many there are that look like pictures, counted in another way than the code does."""
    count = 0
    for where, folders, files in os.walk(os.path.join(os.fsencode(root), os.fsencode(split))):
        folders[:] = [name for name in folders if not name.startswith(b".")]
        for name in files:
            nowhere = os.path.islink(os.path.join(where, name)) and not os.path.exists(os.path.join(where, name))
            shown = os.fsdecode(name).lower().endswith(SUFFIXES + NOT_READ)
            count += not name.startswith(b".") and (shown or nowhere)
    return count


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(FILES, st.sampled_from(["refuse", "skip"]), st.booleans(), st.sampled_from([1, 3]))
def test_a_folder_is_used_or_refused_with_a_message(files, corrupt, labelled, channels):
    with tempfile.TemporaryDirectory() as root:
        lay(root, files)
        keys = {"corrupt": corrupt, "labels": "folders" if labelled else "none", "channels": channels}
        try:
            data = ImageFolder(root=root, size=4, workers=1, **keys)
            frames, labels = data.examples("train")
        except UserError as error:
            said(error)
            reported = None
        else:
            reported = data.provenance["train"]
            parts = split_folders(Path(root))
            assert reported["images"] == len(frames) == data.num_data > 0
            assert reported["images"] + reported["left_out"] == wanted(root, parts.get("train", ""))
            assert corrupt == "skip" or not reported["left_out"]
            assert labels is None or (
                len(labels) == len(frames) and 0 <= labels.min() <= labels.max() < data.num_classes
            )
            assert frames.bytes(slice(None)).shape == (len(frames), channels, 4, 4)
        try:
            scored = Pictures(Path(root))
        except UserError as error:
            said(error)
        else:
            assert scored.num_data == wanted(root) == len(pictures(Path(root)))
            assert reported is None or labelled or reported["left_out"] == 0


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(FILES)
def test_evaluate_ends_with_0_or_2(files):
    flat = ["metrics=[fid]", "metrics.fid.features={_target_: torch.nn.Flatten}"]
    with tempfile.TemporaryDirectory() as root:
        lay(root, files)
        assert cli.main(["evaluate", "--images", root, root, *flat]) in (0, 2)
