"""From picture files of all kinds to squares of bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from steadygan.data.sources.pixels import FILTERS, View


def bytes_of(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_a_png_of_the_right_size_comes_back_to_the_bit():
    array = noise(8, 8, 3)
    assert np.array_equal(View(8).of(bytes_of(Image.fromarray(array))), array.transpose(2, 0, 1))


def test_grey_is_three_equal_channels_or_one():
    array = noise(8, 8)
    data = bytes_of(Image.fromarray(array))
    assert np.array_equal(View(8).of(data), np.stack([array] * 3))
    assert np.array_equal(View(8, channels=1).of(data), array[None])


def test_colour_as_grey_has_the_weights_of_itu_r_601():
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [100, 100, 100]]], dtype=np.uint8)
    grey = View(2, channels=1).of(bytes_of(Image.fromarray(colours)))
    assert np.abs(grey[0].astype(int) - [[76, 150], [29, 100]]).max() <= 1


def test_sixteen_bits_are_scaled_not_clipped():
    deep = np.array([[0, 257 * 7], [257 * 200 + 100, 65535]], dtype=np.uint16)
    data = bytes_of(Image.fromarray(deep))
    assert View(2, channels=1).of(data)[0].tolist() == [[0, 7], [200, 255]]
    assert np.array_equal(View(2).of(data)[0], View(2, channels=1).of(data)[0])


@pytest.mark.parametrize("beyond", [-1, 65536, 2**31 - 1])
def test_whole_numbers_beyond_sixteen_bits_are_refused(beyond):
    """Not clipped, which would make most of such a picture black or white."""
    deep = np.array([[0, 300], [65535, beyond]], dtype=np.int32)
    with pytest.raises(ValueError, match="beyond 16 bits and of no known range"):
        View(2).of(bytes_of(Image.fromarray(deep), "TIFF"))
    assert View(2, channels=1).of(bytes_of(Image.fromarray(deep.clip(0, 65535)), "TIFF"))[0, 0].tolist() == [0, 1]


def test_what_is_transparent_lies_on_white():
    array = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]], [[0, 0, 0, 51], [255, 255, 255, 128]]], dtype=np.uint8)
    found = View(2).of(bytes_of(Image.fromarray(array))).transpose(1, 2, 0)
    assert found.tolist() == [[[10, 20, 30], [255, 255, 255]], [[204, 204, 204], [255, 255, 255]]]


def test_a_palette_with_and_without_transparency():
    picture = Image.fromarray(np.array([[0, 1], [1, 0]], dtype=np.uint8), "P")
    picture.putpalette([200, 0, 0, 0, 0, 100])
    assert View(2).of(bytes_of(picture)).transpose(1, 2, 0)[0].tolist() == [[200, 0, 0], [0, 0, 100]]
    found = View(2).of(bytes_of(picture, transparency=1)).transpose(1, 2, 0)
    assert found[0].tolist() == [[200, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_is_read(mode, channels):
    picture = Image.fromarray(noise(9, 11, 3)).convert("RGB")
    picture = picture.convert("L").convert(mode) if mode.startswith("I") else picture.convert(mode)
    data = bytes_of(picture, "TIFF" if mode in ("CMYK", "YCbCr", "I") else "PNG")
    found = View(4, channels=channels).of(data)
    assert (found.shape, found.dtype) == ((channels, 4, 4), np.uint8)


def test_floating_point_pixels_are_refused():
    with pytest.raises(ValueError, match="floating-point"):
        View(4).of(bytes_of(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))


def test_only_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = bytes_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert View(4).of(data)[:, 0, 0].tolist() == [255, 0, 0]


def test_a_picture_is_turned_as_its_camera_was():
    array = np.zeros((4, 4, 3), dtype=np.uint8)
    array[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the row 0 of the file is the right side
    found = View(4).of(bytes_of(Image.fromarray(array), "PNG", exif=exif))
    assert found[0, :, 3].tolist() == [255] * 4
    assert found[0, :, 0].tolist() == [0] * 4


COUNTED = np.arange(48, dtype=np.uint8).reshape(6, 8)


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [("square", slice(0, 6), slice(1, 7)), (4, slice(1, 5), slice(2, 6)), (2, slice(2, 4), slice(3, 5)),
     (100, slice(0, 6), slice(1, 7))],
)  # fmt: skip
def test_crops_are_centred(crop, rows, columns):
    expected = COUNTED[rows, columns]
    found = View(len(expected), crop, channels=1).of(bytes_of(Image.fromarray(COUNTED)))
    assert np.array_equal(found[0], expected)


def test_without_a_crop_the_picture_is_squeezed():
    found = View(2, "none", "box", 1).of(bytes_of(Image.fromarray(COUNTED)))
    means = COUNTED.reshape(2, 3, 2, 4).mean((1, 3))
    assert np.abs(found[0] - means).max() <= 0.5


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_pils(name):
    picture = Image.fromarray(noise(12, 12, 3))
    expected = np.asarray(picture.resize((5, 5), getattr(Image.Resampling, name.upper())))
    assert np.array_equal(View(5, resize=name).of(bytes_of(picture)), expected.transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_half_a_file_is_no_picture(kind):
    data = bytes_of(Image.fromarray(noise(40, 40, 3)), kind)
    assert View(8).of(data).shape == (3, 8, 8)
    with pytest.raises(Exception, match=r"."):
        View(8).of(data[: len(data) // 2])
