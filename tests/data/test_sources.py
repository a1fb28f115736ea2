"""Each format, from tiny files: which images there are, in which order, in which split, with which labels."""

import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tiny_data
from steadygan.data.celeba import CelebA
from steadygan.data.cifar10 import CIFAR10
from steadygan.data.folder import ImageFolder
from steadygan.data.huggingface import HuggingFace
from steadygan.data.lsun import LSUN
from steadygan.data.parquet import Parquet
from steadygan.data.sources import cifar
from steadygan.errors import UserError


def images(data, split="train"):
    """Bytes of all, and labels."""
    frames, labels = data.examples(split)
    return frames.bytes(slice(None)).numpy(), None if labels is None else labels.tolist()


def test_sources_need_no_torch():
    script = (
        "import sys\nfrom steadygan.data import preparing\n"
        "from steadygan.data.sources import celeba, cifar, folder, huggingface, lsun, parquet\n"
        "assert not {'torch', 'pyarrow', 'lmdb', 'datasets', 'hydra'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


# --- CIFAR-10 -------------------------------------------------------------------------------------------------------


def test_cifar10(tmp_path):
    stored, labels = tiny_data.cifar10(tmp_path)
    data = CIFAR10(root=str(tmp_path), download=False, num_data=100)
    assert (data.shape, data.num_classes) == ((3, 32, 32), 10)
    found, said = images(data)
    assert np.array_equal(found, stored[:100])
    assert said == labels[:100].tolist()
    found, said = images(data, "test")
    assert np.array_equal(found, stored[100:])
    assert said == labels[100:].tolist()


def test_cifar10_resized_and_grey(tmp_path):
    stored, _ = tiny_data.cifar10(tmp_path)
    found, _ = images(CIFAR10(root=str(tmp_path), size=16, resize="box", channels=1))
    grey = stored[:100].astype(float).transpose(0, 2, 3, 1) @ [0.299, 0.587, 0.114]
    assert np.abs(found[:, 0] - grey.reshape(100, 16, 2, 16, 2).mean((2, 4))).max() < 1.6  # rounded twice


def test_cifar10_says_what_is_missing(tmp_path):
    tiny_data.cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-py" / "data_batch_3").unlink()
    with pytest.raises(UserError, match=r"CIFAR-10: data_batch_3 not found in .*dataset\.download=false"):
        CIFAR10(root=str(tmp_path), download=False)


def test_cifar10_with_other_arrays(tmp_path):
    tiny_data.cifar10(tmp_path)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_1"
    for held in ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 10]}, {b"labels": []}, [1]):
        path.write_bytes(pickle.dumps(held))
        with pytest.raises(UserError, match="data_batch_1"):
            CIFAR10(root=str(tmp_path), download=False)
        cifar._file.cache_clear()


def test_cifar10_is_fetched_by_torchvision(tmp_path, monkeypatch):
    import torchvision.datasets.utils

    def fetch(url, root, filename, md5):
        assert (url[:8], url[-len(filename) :], len(md5)) == ("https://", filename, 32)
        tiny_data.cifar10(root)

    monkeypatch.setattr(torchvision.datasets.utils, "download_and_extract_archive", fetch)
    assert CIFAR10(root=str(tmp_path / "new"), num_data=100).num_data == 100


def test_cifar10_without_a_network(tmp_path, monkeypatch):
    import torchvision.datasets.utils

    def fail(*args, **kwargs):
        raise OSError("no route\nto host")

    monkeypatch.setattr(torchvision.datasets.utils, "download_and_extract_archive", fail)
    with pytest.raises(UserError, match="the download failed: no route to host"):
        CIFAR10(root=str(tmp_path))


# --- CelebA ---------------------------------------------------------------------------------------------------------


def test_celeba(tmp_path):
    names, has, parts = tiny_data.celeba(tmp_path)
    data = CelebA(root=str(tmp_path), labels="Smiling", size=16)
    assert (data.shape, data.num_classes, data.num_data) == ((3, 16, 16), 2, 20)
    for split, part in (("train", 0), ("valid", 1), ("test", 2)):
        found, labels = images(data, split)
        assert labels == [int(value == 1) for value in has[parts == part, 2]]
        here = [name for name, own in zip(names, parts) if own == part]
        with Image.open(tmp_path / "celeba" / "img_align_celeba" / here[1]) as picture:
            cropped = picture.crop((0, 20, 178, 198)).resize((16, 16), Image.Resampling.LANCZOS)
        assert np.array_equal(found[1], np.asarray(cropped).transpose(2, 0, 1))
    assert len(images(data, "all")[0]) == 30


def test_celeba_without_labels_needs_no_attributes(tmp_path):
    tiny_data.celeba(tmp_path)
    (tmp_path / "celeba" / "list_attr_celeba.txt").unlink()
    assert CelebA(root=str(tmp_path), split="all", size=8).num_classes is None
    with pytest.raises(UserError, match=r"list_attr_celeba\.txt not found"):
        CelebA(root=str(tmp_path), labels="Male")


def test_celebas_attributes_are_named(tmp_path):
    tiny_data.celeba(tmp_path)
    with pytest.raises(UserError, match=r"dataset.labels=Smilin: no attribute .*\n.*Did you mean 'Smiling'"):
        CelebA(root=str(tmp_path), labels="Smilin")


@pytest.mark.parametrize(
    ("file", "line"), [("list_eval_partition.txt", "000002.jpg 3"), ("list_attr_celeba.txt", "000002.jpg 1 1 0 1")]
)
def test_celebas_damaged_lists(tmp_path, file, line):
    tiny_data.celeba(tmp_path)
    path = tmp_path / "celeba" / file
    lines = path.read_text().splitlines()
    number = next(place for place, text in enumerate(lines) if text.startswith("000002"))
    lines[number] = line
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=rf"{file}:{number + 1}: not an image's name"):
        CelebA(root=str(tmp_path), labels="Smiling")


def test_a_missing_face_is_named(tmp_path):
    tiny_data.celeba(tmp_path)
    (tmp_path / "celeba" / "img_align_celeba" / "000003.jpg").unlink()
    with pytest.raises(UserError, match=r"1 of 20 images cannot be read:\n.*000003.jpg: No such file"):
        CelebA(root=str(tmp_path), size=8)
    assert CelebA(root=str(tmp_path), size=8, corrupt="skip", labels="Male").num_data == 19


# --- LSUN -----------------------------------------------------------------------------------------------------------


def test_lsun(tmp_path):
    tiny_data.lsun(tmp_path, ("bridge", "church_outdoor"), train=5, test=2)
    data = LSUN(root=str(tmp_path), categories=["church_outdoor", "bridge"], size=32, resize="box")
    found, labels = images(data)
    assert labels == [0] * 5 + [1] * 5
    # WebP loses, but not the means of flat parts; 256 x 341 is cut to columns 42 to 297
    inside = tiny_data.pixels(5, 256, 341)[:, :, 42:298].reshape(5, 32, 8, 32, 8, 3).mean((2, 4))
    flat = [3, 11, 20, 28]
    error = np.abs(found[:5].transpose(0, 2, 3, 1)[:, flat][:, :, flat] - inside[:, flat][:, :, flat])
    assert error.mean() < 12
    assert np.array_equal(found[:5], found[5:])
    assert len(images(data, "test")[0]) == 4
    assert LSUN(root=str(tmp_path / "lsun"), categories="bridge", size=8).num_classes is None


def test_lsun_says_which_categories_there_are(tmp_path):
    tiny_data.lsun(tmp_path, ("bridge",), train=1, test=1)
    with pytest.raises(UserError, match=r"dataset.categories=brigde: LSUN: no .*brigde_train_lmdb.*\n.*'bridge'"):
        LSUN(root=str(tmp_path), categories=["brigde"])


def test_a_damaged_database(tmp_path):
    tiny_data.lsun(tmp_path, train=1, test=1)
    (tmp_path / "lsun" / "church_outdoor_train_lmdb" / "data.mdb").write_bytes(b"x" * 9000)
    with pytest.raises(UserError, match="not an LMDB database, or damaged"):
        LSUN(root=str(tmp_path))


# --- a folder -------------------------------------------------------------------------------------------------------


def test_a_folder_of_all_kinds(tmp_path):
    tiny_data.folder(tmp_path)
    (tmp_path / "cats" / ".hidden.png").write_bytes(b"")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture")
    data = ImageFolder(root=str(tmp_path), labels="folders", size=16)
    found, labels = images(data)
    assert (data.num_data, data.num_classes) == (24, 2)
    assert labels == [0] * 12 + [1] * 12
    paths = sorted(tmp_path.glob("*/*/*.png"))
    with Image.open(paths[5]) as picture:
        side = min(picture.size)
        left = (picture.width - side) // 2
        expected = picture.convert("RGB").crop((left, 0, left + side, side)).resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(found[5], np.asarray(expected).transpose(2, 0, 1))


def test_a_folder_with_splits(tmp_path):
    tiny_data.folder(tmp_path / "train", 8)
    tiny_data.folder(tmp_path / "val", 4)
    data = ImageFolder(root=str(tmp_path), labels="folders", size=8)
    assert images(data)[1] == [0] * 4 + [1] * 4
    assert images(data, "test")[1] == [0, 0, 1, 1]


def test_a_share_is_set_apart_by_name(tmp_path):
    tiny_data.folder(tmp_path, 60)
    plain = {"root": str(tmp_path), "size": 8, "labels": "folders"}
    data = ImageFolder(**plain, test_share=0.25)
    train, test, every = (images(data)[0], images(data, "test")[0], images(ImageFolder(**plain))[0])
    assert len(train) + len(test) == len(every) == 60
    assert 5 < len(test) < 27
    assert {image.tobytes() for image in train} | {image.tobytes() for image in test} == {
        image.tobytes() for image in every
    }
    with pytest.raises(UserError, match=r"dataset.test_share=null: the data have no test split"):
        ImageFolder(**plain).examples("test")


def test_a_picture_outside_of_the_classes(tmp_path):
    tiny_data.folder(tmp_path, 4)
    (tmp_path / "alone.png").write_bytes(tiny_data.encoded(tiny_data.pixels(1, 8, 8)[0]))
    with pytest.raises(UserError, match=r"alone.png lies in no sub-folder"):
        ImageFolder(root=str(tmp_path), labels="folders")
    assert ImageFolder(root=str(tmp_path), size=8).num_data == 5


def test_no_folder_and_no_pictures(tmp_path):
    with pytest.raises(UserError, match="has to be given"):
        ImageFolder()
    with pytest.raises(UserError, match="no such folder"):
        ImageFolder(root=str(tmp_path / "none"))
    with pytest.raises(UserError, match="no images in it"):
        ImageFolder(root=str(tmp_path))


def test_links_in_a_circle(tmp_path):
    tiny_data.folder(tmp_path / "a", 4)
    (tmp_path / "a" / "back").symlink_to(tmp_path, target_is_directory=True)
    assert ImageFolder(root=str(tmp_path), size=8).num_data == 4


# --- parquet --------------------------------------------------------------------------------------------------------


def test_parquet(tmp_path):
    tiny_data.parquet(tmp_path)
    data = Parquet(root=str(tmp_path), label="label", size=36)
    found, labels = images(data)
    assert (data.num_data, data.num_classes) == (24, 4)  # the metadata name four
    assert labels == [place % 3 for place in range(12)] + [(place + 1) % 3 for place in range(12)]
    expected = tiny_data.pixels(12, 36, 36).transpose(0, 3, 1, 2)
    assert np.array_equal(found, np.concatenate([expected, expected]))
    assert len(images(data, "test")[0]) == 9


def test_parquet_of_plain_bytes_and_words(tmp_path):
    pictures = tiny_data.pixels(6, 8, 8)
    columns = {"jpg": [tiny_data.encoded(picture) for picture in pictures], "kind": list("abcabc")}
    pq.write_table(pa.table(columns), tmp_path / "some.parquet")
    data = Parquet(root=str(tmp_path / "some.parquet"), column="jpg", label="kind", size=8)
    found, labels = images(data)
    assert labels == [0, 1, 2, 0, 1, 2]
    assert np.array_equal(found, pictures.transpose(0, 3, 1, 2))
    with pytest.raises(UserError, match=r"dataset.column=image: no such column\nValid choices: jpg, kind"):
        Parquet(root=str(tmp_path))
    with pytest.raises(UserError, match=r"dataset.label=knid: no such column\n.*Did you mean 'kind'"):
        Parquet(root=str(tmp_path), column="jpg", label="knid")


def test_parquet_with_paths_and_holes(tmp_path):
    (tmp_path / "a.png").write_bytes(tiny_data.encoded(tiny_data.pixels(1, 8, 8)[0]))
    cells = pa.array([{"bytes": None, "path": "a.png"}, {"bytes": None, "path": "b.png"}, None],
                     pa.struct({"bytes": pa.binary(), "path": pa.string()}))  # fmt: skip
    pq.write_table(pa.table({"image": cells}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"2 of 3 .*\n.*x.parquet\[0, 1\]: No such file.*\n.*the cell holds no picture"):
        Parquet(root=str(tmp_path), size=8)
    data = Parquet(root=str(tmp_path), size=8, corrupt="skip")
    assert np.array_equal(images(data)[0], tiny_data.pixels(1, 8, 8).transpose(0, 3, 1, 2))


def test_a_damaged_parquet_file(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="not a parquet file, or damaged"):
        Parquet(root=str(tmp_path))


# --- Hugging Face ---------------------------------------------------------------------------------------------------


def test_hugging_faces_library_loads_the_same_as_parquet(tmp_path):
    pytest.importorskip("datasets")
    tiny_data.parquet(tmp_path / "set")
    theirs = HuggingFace(name=str(tmp_path / "set"), root=str(tmp_path / "cache"), label="label", size=16)
    ours = Parquet(root=str(tmp_path / "set"), label="label", size=16)
    assert (theirs.num_data, theirs.num_classes) == (ours.num_data, ours.num_classes)
    for split in ("train", "test"):
        (x, y), (other, labels) = images(theirs, split), images(ours, split)
        assert np.array_equal(x, other)
        assert y == labels


def test_hugging_faces_mistakes(tmp_path):
    pytest.importorskip("datasets")
    tiny_data.parquet(tmp_path / "set")
    with pytest.raises(UserError, match=r"dataset.column=label: holds no images\nValid choices: image"):
        HuggingFace(name=str(tmp_path / "set"), root=str(tmp_path / "cache"), column="label")
    with pytest.raises(UserError, match=r"dataset.name=.*none: cannot be loaded"):
        HuggingFace(name=str(tmp_path / "none"), root=str(tmp_path / "cache"))


@pytest.mark.parametrize("library", ["datasets", "lmdb", "pyarrow.parquet"])
def test_a_missing_library_is_named(tmp_path, monkeypatch, library):
    tiny_data.lsun(tmp_path, train=1, test=1)
    tiny_data.parquet(tmp_path / "set")
    monkeypatch.setitem(sys.modules, library, None)
    build = {
        "datasets": lambda: HuggingFace(name=str(tmp_path / "set")),
        "lmdb": lambda: LSUN(root=str(tmp_path)),
        "pyarrow.parquet": lambda: Parquet(root=str(tmp_path / "set")),
    }[library]
    with pytest.raises(UserError, match=rf"needs .*{library.split('.')[0]}.*pip install"):
        build()
