"""Tiny data sets in the formats that the real ones have on disk, written from noise."""

import io
import json
import pickle
import struct
from pathlib import Path

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ATTRIBUTES = ("5_o_Clock_Shadow", "Male", "Smiling", "Young")


def pixels(number, height, width, channels=3):
    """Smooth pictures ``[n, H, W, C]``, each with a colour of its own."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (number, 4, 4, channels), dtype=np.uint8)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return coarse[:, rows][:, :, columns]


def encoded(array, kind="PNG"):
    """The bytes of a picture file."""
    file = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(file, kind)
    return file.getvalue()


def cifar10(root, number=20):
    """Six pickles of Python 2's kind: byte strings as keys; returns images ``[6 n, 3, 32, 32]`` and labels."""
    folder = Path(root) / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    images = pixels(6 * number, 32, 32).transpose(0, 3, 1, 2)
    labels = np.arange(6 * number) % 10
    names = [*(f"data_batch_{place}" for place in range(1, 6)), "test_batch"]
    for name, own, said in zip(names, np.split(images, 6), np.split(labels, 6)):
        held = {b"batch_label": b"tiny", b"labels": said.tolist(), b"data": own.reshape(number, -1), b"filenames": []}
        (folder / name).write_bytes(pickle.dumps(held, protocol=2))
    return images, labels


def mnist(root, train=30, test=12):
    """Random images in the published format."""
    random = np.random.default_rng(0)
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for prefix, count in (("train", train), ("t10k", test)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        header = struct.pack(">IIII", 0x803, count, 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels.tobytes())


def celeba(root, number=30):
    """Aligned faces as JPEGs of 178 x 218, the attributes and the partition: of six images four, one and one."""
    folder = Path(root) / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{place:06d}.jpg" for place in range(1, number + 1)]
    for name, image in zip(names, pixels(number, 218, 178)):
        (folder / "img_align_celeba" / name).write_bytes(encoded(image, "JPEG"))
    has = np.where(np.random.default_rng(0).random((number, len(ATTRIBUTES))) < 0.5, 1, -1)
    lines = [f"{name} {' '.join(f'{value:2d}' for value in row)}" for name, row in zip(names, has)]
    text = "\n".join([str(number), " ".join(ATTRIBUTES) + " ", *lines])
    (folder / "list_attr_celeba.txt").write_text(text + "\n")
    parts = [(0, 0, 0, 0, 1, 2)[place % 6] for place in range(number)]
    (folder / "list_eval_partition.txt").write_text("".join(f"{name} {part}\n" for name, part in zip(names, parts)))
    return names, has, np.array(parts)


def lsun(root, categories=("church_outdoor",), train=24, test=6):
    """A database for each category and split, of WebP pictures 256 pixels high, by keys of 40 digits."""
    for category in categories:
        for split, number in (("train", train), ("val", test)):
            folder = Path(root) / "lsun" / f"{category}_{split}_lmdb"
            folder.mkdir(parents=True)
            with lmdb.open(str(folder), map_size=1 << 26) as database, database.begin(write=True) as transaction:
                for place, image in enumerate(pixels(number, 256, 341)):
                    transaction.put(f"{place * 7919:040x}".encode(), encoded(image, "WEBP"))


def folder(root, number=24, classes=("cats", "dogs")):
    """Pictures of several modes and sizes in nested folders."""
    for place, image in enumerate(pixels(number, 40, 50)):
        path = Path(root) / classes[place % len(classes)] / f"deep_{place % 3}" / f"{place:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(image).convert(("RGB", "L", "RGBA", "P")[place % 4])
        picture.crop((0, 0, 50 - place % 5, 40)).save(path)


def table(number, label=True, start=0):
    """Rows as Hugging Face's library writes them: a struct of bytes and path, and its features as metadata."""
    cells = [{"bytes": encoded(image), "path": f"{place}.png"} for place, image in enumerate(pixels(number, 36, 36))]
    columns = {"image": pa.array(cells, pa.struct({"bytes": pa.binary(), "path": pa.string()}))}
    features = {"image": {"_type": "Image"}}
    if label:
        columns["label"] = pa.array([(start + place) % 3 for place in range(number)], pa.int64())
        features["label"] = {"names": ["zero", "one", "two", "three"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.table(columns).replace_schema_metadata(metadata)


def parquet(root, train=24, test=9):
    """Two files to train with, of several row groups, and one to test with."""
    data = Path(root) / "data"
    data.mkdir(parents=True)
    pq.write_table(table(train // 2), data / "train-00000-of-00002.parquet", row_group_size=5)
    pq.write_table(table(train // 2, start=1), data / "train-00001-of-00002.parquet", row_group_size=5)
    pq.write_table(table(test), data / "test-00000-of-00001.parquet", row_group_size=5)


def everything(root):
    """All of them below one root."""
    root = Path(root)
    cifar10(root)
    celeba(root)
    lsun(root)
    folder(root / "folder")
    parquet(root / "parquet")
