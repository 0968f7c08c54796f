import io
import struct
import zlib

import numpy as np
import pytest
from pictures import encoded
from PIL import Image

from hardmine.images.decode import UnreadableError, decode, resized, squared, thumbnail


def smooth(width: int, height: int) -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(("width", "height"), [(100, 80), (80, 100), (33, 200), (300, 250)])
def test_warping_equals_the_plain_way_of_pillow_exactly(width: int, height: int) -> None:
    data = encoded(smooth(width, height), "PNG")
    plain = np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((64, 64), Image.Resampling.BILINEAR))
    assert np.array_equal(decode(data, 64, "warp"), plain)


def test_large_jpegs_decoded_at_a_fraction_look_the_same() -> None:
    data = encoded(smooth(1600, 1200), "JPEG", quality=95)
    plain = np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((112, 112), Image.Resampling.BILINEAR))
    assert np.abs(decode(data, 112, "warp").astype(int) - plain).mean() < 1.5


def test_short_side_crop_keeps_the_aspect_and_the_middle() -> None:
    pixels = np.zeros((40, 80, 3), dtype=np.uint8)
    pixels[:, 20:60] = 255
    assert resized(pixels, 40, "short-side-crop").min() == 255
    assert resized(pixels, 20, "short-side-crop").shape == (20, 20, 3)
    assert resized(pixels[:, ::-1].transpose(1, 0, 2), 20, "short-side-crop").shape == (20, 20, 3)


def test_an_image_of_the_right_size_is_untouched() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(decode(encoded(Image.fromarray(pixels), "PNG"), 16, "warp"), pixels)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "RGBA", "LA", "YCbCr"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_grey_or_rgb(mode: str, channels: int) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    image = decode(encoded(smooth(20, 20).convert(mode), kind), 8, "warp", channels)
    assert image.shape == (8, 8, channels)
    assert image.dtype == np.uint8


def test_cmyk_jpegs_keep_their_colours() -> None:
    image = decode(encoded(Image.new("RGB", (32, 32), (200, 40, 90)).convert("CMYK"), "JPEG"), 16, "warp")
    assert np.abs(image[8, 8].astype(int) - (200, 40, 90)).max() < 12


def test_sixteen_bits_keep_their_upper_eight() -> None:
    values = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)
    image = decode(encoded(Image.fromarray(values), "PNG"), 8, "warp", 1)
    assert np.array_equal(image[..., 0], values >> 8)


def test_transparency_lies_over_white() -> None:
    clear = decode(encoded(Image.new("RGBA", (8, 8), (10, 10, 10, 0)), "PNG"), 8, "warp")
    assert clear.min() == 255


def test_the_exif_orientation_counts_only_where_asked() -> None:
    image = Image.new("RGB", (32, 16), "black")
    image.paste("white", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(image, "JPEG", exif=exif, quality=95)
    stored, turned = decode(data, 16, "warp"), decode(data, 16, "warp", upright=True)
    assert stored[8, 2, 0] > 200 > 50 > stored[8, 13, 0]
    assert turned[2, 8, 0] > 200 > 50 > turned[13, 8, 0]


def test_damaged_and_strange_files_say_what_is_wrong() -> None:
    jpeg = encoded(smooth(64, 64), "JPEG")
    frames = [smooth(8, 8), smooth(8, 8).rotate(90)]
    animated = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for data, reason in [
        (b"", "cannot identify"),
        (b"<html>not found</html>", "cannot identify"),
        (jpeg[: len(jpeg) // 2], "truncated"),
        (animated, "is animated"),
        (encoded(Image.fromarray(np.zeros((4, 4), dtype=np.float32)), "TIFF"), "floating-point"),
    ]:
        with pytest.raises(UnreadableError, match=reason):
            decode(data, 16, "warp")


def test_an_image_of_absurd_size_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadableError, match="more than 100 pixels"):
        decode(encoded(Image.new("L", (40, 40)), "PNG"), 16, "warp")


@pytest.mark.parametrize("loaded", [False, True])
def test_a_picture_of_the_caller_stays_as_it_is_and_gives_what_its_file_gives(loaded: bool) -> None:
    data = encoded(smooth(1200, 800), "JPEG")
    picture = Image.open(io.BytesIO(data))
    if loaded:
        picture.load()
    for size in (64, 512):
        made = squared(picture, size, "warp", upright=True)
        assert (picture.size, picture.mode, picture.tell()) == ((1200, 800), "RGB", 0)
        assert loaded or np.array_equal(made, decode(data, size, "warp", upright=True))
    assert np.array_equal(np.asarray(picture), np.asarray(Image.open(io.BytesIO(data))))


def test_a_picture_that_the_caller_changed_is_taken_as_it_is_now() -> None:
    data = encoded(smooth(640, 480), "JPEG")
    picture = Image.open(io.BytesIO(data))
    picture.draft("L", (160, 120))
    before = (picture.size, picture.mode)
    made = squared(picture, 16, "warp")
    assert before == (picture.size, picture.mode) == ((160, 120), "L")
    assert (made[..., 0] == made[..., 1]).all()


@pytest.mark.parametrize("kind", ["MPO", "TIFF"])
@pytest.mark.parametrize("count", [1, 3])
def test_of_several_pictures_in_a_file_of_a_camera_the_first_counts(kind: str, count: int) -> None:
    others = [smooth(20, 16).rotate(180)] * count
    data = encoded(smooth(200, 160), kind, save_all=True, append_images=others)
    expected = decode(encoded(smooth(200, 160), "JPEG" if kind == "MPO" else "TIFF"), 24, "warp")
    assert np.array_equal(decode(data, 24, "warp"), expected)
    picture = Image.open(io.BytesIO(data))
    assert np.array_equal(squared(picture, 24, "warp"), expected)
    assert picture.size == (200, 160)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_films_are_no_pictures(kind: str) -> None:
    data = encoded(smooth(8, 8), kind, save_all=True, append_images=[smooth(8, 8).rotate(90)])
    with pytest.raises(UnreadableError, match="is animated"):
        decode(data, 16, "warp")


@pytest.mark.parametrize(("bits", "kind"), [(8, "PNG"), (8, "TIFF"), (12, "PNG"), (12, "TIFF"), (16, "PNG")])
def test_grey_of_more_than_eight_bits_is_as_bright_as_its_content(bits: int, kind: str) -> None:
    eight = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    data = encoded(Image.fromarray(eight.astype(np.uint16) << (bits - 8)), kind)
    assert np.array_equal(decode(data, 8, "warp", 1)[..., 0], eight)
    assert np.array_equal(np.asarray(thumbnail(data, 8))[..., 0], eight)


def test_numbers_of_thirty_two_bits_are_grey_and_not_white() -> None:
    values = (np.arange(64, dtype=np.int32) * 2**25).reshape(8, 8) & 0x7FFFFFFF
    data = encoded(Image.fromarray(values), "TIFF")
    assert np.array_equal(decode(data, 8, "warp", 1)[..., 0], values >> 23)


def grey_tiff(numbers: np.ndarray, black_is_0: bool = True) -> bytes:
    """An uncompressed TIFF file of grey values."""
    high, wide = numbers.shape
    known = {256: wide, 257: high, 258: numbers.itemsize * 8, 259: 1, 262: int(black_is_0), 273: 200, 277: 1, 278: high}
    known |= {279: numbers.nbytes, 339: 2 if numbers.dtype.kind == "i" else 1}
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in known.items())
    head = b"II*\0" + struct.pack("<L", 8) + struct.pack("<H", len(known)) + entries
    return head.ljust(200, b"\0") + numbers.tobytes()


def test_grey_of_seventeen_bits_and_more_is_not_black() -> None:
    numbers = np.full((4, 4), 70_000, dtype="<u4")
    numbers[0, 0] = 0
    found = decode(grey_tiff(numbers), 4, "warp")
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[3, 3].tolist() == [70_000 >> 9] * 3


@pytest.mark.parametrize(
    ("numbers", "black_is_0", "why"),
    [
        (np.full((4, 4), 60_000, dtype="<u2"), False, "0 is white"),
        (np.full((4, 4), 4_000_000_000, dtype="<u4"), True, "negative grey values, or such of 32 bits"),
        (np.full((4, 4), -5, dtype="<i4"), True, "negative grey values"),
    ],
)
def test_grey_whose_scale_is_not_known_is_refused(numbers: np.ndarray, black_is_0: bool, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        decode(grey_tiff(numbers, black_is_0), 4, "warp")


def clear_png(depth: int, colours: int, value: int, other: int) -> bytes:
    """A PNG file of 8 × 8 pixels, ``value`` above and ``other`` below, of which ``value`` is transparent."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))

    bits = "".join(f"{number:0{depth}b}" for number in (value, other) for _ in range(8 * colours))
    rows = [int(half, 2).to_bytes(colours * depth, "big") for half in (bits[: len(bits) // 2], bits[len(bits) // 2 :])]
    header = struct.pack(">LLBBBBB", 8, 8, depth, 2 if colours == 3 else 0, 0, 0, 0)
    pixels = b"".join(b"\0" + rows[row // 4] for row in range(8))
    clear = chunk(b"tRNS", struct.pack(">H", value) * colours)
    parts = chunk(b"IHDR", header), clear, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("depth", "colours", "value", "other", "seen"),
    [
        (1, 1, 0, 1, 255),
        (2, 1, 1, 2, 170),
        (4, 1, 5, 3, 51),
        (8, 1, 70, 9, 9),
        (8, 3, 70, 9, 9),
        (16, 3, 30_000, 512, 2),
    ],
)
def test_the_transparent_value_of_every_depth_is_white(
    depth: int, colours: int, value: int, other: int, seen: int
) -> None:
    found = decode(clear_png(depth, colours, value, other), 8, "warp")
    assert (found[:4] == 255).all()
    assert (found[4:] == seen).all()


def test_a_transparent_value_of_sixteen_bits_of_grey_is_refused() -> None:
    with pytest.raises(UnreadableError, match="one value is transparent"):
        decode(clear_png(16, 1, 30_000, 512), 8, "warp")


def test_pictures_of_sixteen_bits_keep_their_orientation() -> None:
    values = np.zeros((16, 32), dtype=np.uint16)
    values[:, :16] = 65535
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(Image.fromarray(values), "PNG", exif=exif)
    stored, turned = decode(data, 16, "warp", 1), decode(data, 16, "warp", 1, upright=True)
    assert stored[8, 2, 0] > 200 > 50 > stored[8, 13, 0]
    assert turned[2, 8, 0] > 200 > 50 > turned[13, 8, 0]
    assert thumbnail(data, 32).size == (16, 32)
