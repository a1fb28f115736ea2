"""Each format, from tiny files: which images there are, in which order, in which split, with which labels."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tiny_data
from steadygan.common.errors import UserError
from steadygan.data.celeba import CelebA
from steadygan.data.cifar10 import CIFAR10
from steadygan.data.folder import ImageFolder
from steadygan.data.huggingface import HuggingFace
from steadygan.data.lsun import LSUN
from steadygan.data.parquet import Parquet
from steadygan.data.sources import cifar, folder, parquet
from steadygan.data.storage import hashes


def images(data, split="train"):
    """Bytes of all, and labels."""
    frames, labels = data.examples(split)
    return frames.bytes(slice(None)).numpy(), None if labels is None else labels.tolist()


def test_sources_need_no_torch():
    script = (
        "import sys\nfrom steadygan.data.storage import preparing\n"
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


# --- nothing is left out in silence ---------------------------------------------------------------------------------


def looked_at_anew():
    """As another process would."""
    for cache in (folder.pictures, folder.split_folders, parquet.files, parquet._named, parquet._opened):
        cache.cache_clear()
    hashes.look_again()


@pytest.mark.parametrize("corrupt", ["refuse", "skip"])
def test_half_of_a_folder_without_permission(tmp_path, monkeypatch, corrupt):
    tiny_data.folder(tmp_path, 10)
    settings = {"root": str(tmp_path), "size": 8, "corrupt": corrupt}
    scandir = os.scandir

    def denied(path):
        if os.fspath(path).rstrip("/").endswith("dogs"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", denied)
        for ask in (ImageFolder.fingerprint, ImageFolder):
            with pytest.raises(UserError, match=r"dogs/?: cannot be read \(Permission denied\)"):
                ask(**settings)
    assert ImageFolder(**settings).num_data == 10
    (tmp_path / "dogs").rename(tmp_path.parent / f"{tmp_path.name}_dogs")
    whole = ImageFolder.fingerprint(**settings)
    looked_at_anew()
    assert ImageFolder.fingerprint(**settings) != whole, "fewer pictures are other data"


def test_what_is_left_out_is_counted(tmp_path):
    tiny_data.folder(tmp_path / "train", 8)
    tiny_data.folder(tmp_path / "test", 4)
    (tmp_path / "train" / "cats" / "features.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "train" / "hens").symlink_to("/no/such/folder")
    (tmp_path / "train" / "dogs" / "half.jpg").write_bytes(b"\xff\xd8\xff")
    settings = {"root": str(tmp_path), "size": 8, "labels": "folders"}
    with pytest.raises(UserError, match=r"3 of 11 images cannot be read:\n.*features.npy: not a format that is read"):
        ImageFolder(**settings)
    data = ImageFolder(**settings, corrupt="skip")
    assert (data.num_data, data.num_classes) == (8, 2)
    assert images(data)[1] == [0] * 4 + [1] * 4
    data.examples("test")
    found = data.provenance
    assert {split: (reported["images"], reported["left_out"]) for split, reported in found.items()} == {
        "train": (8, 3),
        "test": (4, 0),
    }
    assert [line.partition(": ")[0].rpartition("/")[2] for line in found["train"]["such_as"]] == [
        "features.npy",
        "half.jpg",
        "hens",
    ]


def test_a_folder_of_arrays_alone(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match=r"no images in it \(.*\); 1 in formats that are not read, such as .*x.npy"):
        ImageFolder(root=str(tmp_path))


def test_train_and_test_may_be_one_folder(tmp_path):
    tiny_data.folder(tmp_path / "all", 6)
    for split in ("train", "test"):
        (tmp_path / "linked").mkdir(exist_ok=True)
        (tmp_path / "linked" / split).symlink_to(tmp_path / "all")
    data = ImageFolder(root=str(tmp_path / "linked"), size=8, labels="folders")
    (train, labels), (test, others) = images(data), images(data, "test")
    assert len(train) == 6
    assert np.array_equal(train, test)
    assert labels == others == [0] * 3 + [1] * 3


def test_a_linked_class_is_a_class(tmp_path):
    tiny_data.folder(tmp_path / "elsewhere", 6)
    tiny_data.folder(tmp_path / "data", 4, ("hens",))
    (tmp_path / "data" / "cats").symlink_to(tmp_path / "elsewhere" / "cats")
    assert images(ImageFolder(root=str(tmp_path / "data"), size=8, labels="folders"))[1] == [0] * 3 + [1] * 4


def test_classes_named_by_numbers_are_in_their_order(tmp_path):
    names = [str(number) for number in range(12)]
    tiny_data.folder(tmp_path, 12, names)
    data = ImageFolder(root=str(tmp_path), size=8, labels="folders")
    paths = folder.pictures(tmp_path)
    assert images(data)[1] == [int(path.split("/")[0]) for path in paths]


def test_names_that_are_not_utf_8(tmp_path):
    tiny_data.folder(tmp_path, 4)
    one = os.fsencode(min(tmp_path.glob("cats/*/*.png")))
    odd = one.replace(b".png", b"\xe9.png")
    os.rename(one, odd)
    settings = {"root": str(tmp_path), "size": 8, "labels": "folders"}
    assert ImageFolder(**settings, test_share=0.5).num_data + len(
        ImageFolder(**settings, test_share=0.5).examples("test")[0]
    ) == 4  # fmt: skip
    with open(odd, "wb") as file:
        file.write(b"damaged")
    looked_at_anew()
    with pytest.raises(UserError, match=r"1 of 4 images cannot be read:\n.*000\\xe9.png: ") as error:
        ImageFolder(**settings)
    str(error.value).encode("utf-8")
    assert ImageFolder(**settings, corrupt="skip").num_data == 3


def test_pictures_that_a_table_only_names_are_content(tmp_path):
    (tmp_path / "a.png").write_bytes(tiny_data.encoded(tiny_data.pixels(1, 8, 8)[0]))
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    held = {"bytes": tiny_data.encoded(tiny_data.pixels(2, 8, 8)[1]), "path": "unused.png"}
    cells = [held, {"bytes": None, "path": "a.png"}, {"bytes": None, "path": "b.png"}]
    pq.write_table(pa.table({"image": pa.array(cells, kind)}), tmp_path / "x.parquet")
    settings = {"root": str(tmp_path), "size": 8, "corrupt": "skip"}
    first = Parquet.fingerprint(**settings)
    assert Parquet(**settings).num_data == 2
    (tmp_path / "b.png").write_bytes(tiny_data.encoded(tiny_data.pixels(3, 8, 8)[2]))
    looked_at_anew()
    assert Parquet.fingerprint(**settings)["sha256"] != first["sha256"]
    assert Parquet(**settings).num_data == 3, "that it was missing is not remembered"


def test_tables_in_hidden_folders_and_behind_links(tmp_path):
    tiny_data.parquet(tmp_path / "set")
    (tmp_path / "set" / ".cache").mkdir()
    (tmp_path / "set" / ".cache" / "x.parquet").write_bytes(b"not whole yet")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "data").symlink_to(tmp_path / "set" / "data")
    for root in ("set", "root"):
        assert Parquet(root=str(tmp_path / root), size=8).num_data == 24


def test_a_damaged_row_group_is_named(tmp_path):
    tiny_data.parquet(tmp_path)
    path = tmp_path / "data" / "train-00001-of-00002.parquet"
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"train-00001-of-00002.parquet: not a parquet file, or damaged"):
        Parquet(root=str(tmp_path), corrupt="skip", size=8)


def test_a_name_that_pyarrow_cannot_open(tmp_path):
    tiny_data.parquet(tmp_path)
    path = tmp_path / "data" / "train-00001-of-00002.parquet"
    path.rename(path.with_name(os.fsdecode(b"train-\xe9.parquet")))
    with pytest.raises(UserError, match=r"train-\\xe9.parquet: pyarrow opens no file"):
        Parquet(root=str(tmp_path))


def test_the_library_names_files_of_a_folder_by_their_content(tmp_path):
    pytest.importorskip("datasets")
    tiny_data.folder(tmp_path / "set", 4)
    settings = {"name": str(tmp_path / "set"), "root": str(tmp_path / "cache"), "size": 8}
    first = HuggingFace.fingerprint(**settings)
    next((tmp_path / "set").glob("*/*/*.png")).write_bytes(tiny_data.encoded(tiny_data.pixels(9, 8, 8)[0]))
    hashes.look_again()
    assert HuggingFace.fingerprint(**settings)["sha256"] != first["sha256"]
