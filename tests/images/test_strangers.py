"""Pictures made to do harm: refused with a reason, in little time and memory."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import encoded
from PIL import EpsImagePlugin, GifImagePlugin, Image, TiffImagePlugin

from hardmine.images import colours
from hardmine.images.decode import FORMATS, UnreadableError, decode, read_picture, squared, thumbnail
from hardmine.search.config import Preprocessing
from hardmine.search.reading import pixels_of

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n{} loop\n%%EOF\n"
USES: dict[str, Callable[[bytes], object]] = {
    "decode": lambda data: decode(data, 16, "warp", upright=True),
    "thumbnail": lambda data: thumbnail(data, 16),
}


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def tagged(tags: int, size: int, kind: int = 7, below: int = 0) -> bytes:
    """A grey TIFF file of one pixel, with tags that all hold the same bytes, in a directory ``below`` or not."""
    known = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
    entries = [struct.pack("<HHLL", tag, 4, 1, value) for tag, value in known.items()]
    place = 16 + 12 * (len(entries) + tags) + 6
    width = {4: 4, 7: 1}[kind]
    more = [struct.pack("<HHLL", 40_000 + tag, kind, size // width, place) for tag in range(tags)]
    head = b"II*\0" + struct.pack("<L", 16) + bytes(8)
    if not below:
        entries += more
        return head + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4 + size)
    entries.append(struct.pack("<HHLL", below, 4, 1, 16 + 12 * (len(entries) + 1) + 6))
    directory = struct.pack("<H", len(more)) + b"".join(more)
    return head + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4) + directory + bytes(20 + size)


@pytest.mark.parametrize("use", USES)
def test_a_picture_that_is_postscript_starts_no_program(
    use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", str(program))
    with pytest.raises(UnreadableError, match="cannot identify image file"):
        USES[use](POSTSCRIPT)
    with pytest.raises(UnreadableError, match="is PostScript"):
        squared(Image.open(io.BytesIO(POSTSCRIPT)), 16, "warp")
    assert not (tmp_path / "started").exists()
    with contextlib.suppress(OSError):
        Image.open(io.BytesIO(POSTSCRIPT)).load()
    assert (tmp_path / "started").exists(), "the picture would not have done anything anyway"


@pytest.mark.parametrize("kind", ["ICNS", "ICO", "IM", "PCX", "SGI", "SPIDER", "XBM"])
def test_formats_that_no_ending_promises_are_not_decoded(kind: str) -> None:
    data = encoded(Image.fromarray(noise(32, 32)).convert("1" if kind == "XBM" else "L"), kind)
    with pytest.raises(UnreadableError, match="cannot identify"):
        decode(data, 16, "warp")


@pytest.mark.parametrize("kind", [*FORMATS, "MPO"])
def test_formats_that_endings_promise_are_decoded(kind: str) -> None:
    assert decode(encoded(Image.fromarray(noise(16, 16)), kind), 8, "warp").shape == (8, 8, 3)


@pytest.mark.parametrize(
    "error",
    [
        RecursionError,
        MemoryError,
        struct.error,
        SyntaxError,
        zlib.error,
        SystemError,
        AssertionError,
        KeyError,
        TypeError,
    ],
)
def test_whatever_a_decoder_raises_makes_a_picture_unreadable(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error("of\nthe decoder")

    data = encoded(Image.fromarray(noise(16, 16)), "PNG")
    monkeypatch.setattr(Image.Image, "transpose", failing)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", failing)
    for use in USES.values():
        with pytest.raises(UnreadableError, match=r"of$" if error is not KeyError else "of"):
            use(data)


def test_an_interruption_is_no_fault_of_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decode(b"", 16, "warp")


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("pixels", [101, 250])
def test_every_way_to_open_a_picture_has_the_same_limit(use: str, pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("L", (pixels, 1)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadableError, match="more than 100 pixels"):
        USES[use](data)


def test_grey_of_sixteen_bits_becomes_eight_in_little_memory() -> None:
    data = encoded(Image.fromarray(np.arange(2**22, dtype=np.uint32).astype(np.uint16).reshape(2**11, 2**11)), "PNG")
    tracemalloc.start()
    decode(data, 16, "warp", upright=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**22, "more than one kind of the whole picture's numbers at once"


@pytest.mark.parametrize("use", USES)
def test_a_large_transparent_picture_is_in_memory_twice_at_the_most(use: str, tmp_path: Path) -> None:
    image = Image.new("RGBA", (5000, 4000), (9, 9, 9, 9))  # 80 MB
    (tmp_path / "large.png").write_bytes(encoded(image, "PNG"))
    script = (
        "import resource, sys; from PIL import Image; from hardmine.images.decode import decode, thumbnail\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "data, before = open(sys.argv[1], 'rb').read(), peak()\n"
        "decode(data, 16, 'warp', upright=True) if sys.argv[2] == 'decode' else thumbnail(data, 16)\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "large.png", use], capture_output=True, check=True)
    assert float(done.stdout) < 250


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "I;16", "I"])
@pytest.mark.parametrize("clear", [None, 3, bytes(range(256))])
@pytest.mark.parametrize("channels", [1, 3])
def test_converted_in_bands_a_picture_is_the_same(
    mode: str, clear: int | bytes | None, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = np.random.default_rng(1).integers(0, 4000, (37, 29)).astype(np.uint16 if mode == "I;16" else np.int32)
    image = Image.fromarray(numbers) if mode.startswith("I") else Image.fromarray(noise(29, 37)).convert(mode)
    if clear is not None and mode == "P":
        image.info["transparency"] = clear
    whole = np.array(colours.coloured(colours.eight_bit(image), channels))
    monkeypatch.setattr(colours, "_BAND", 100)
    assert np.array_equal(np.array(colours.coloured(colours.eight_bit(image), channels)), whole)


def test_tags_that_name_the_same_bytes_over_and_over_are_refused() -> None:
    assert decode(tagged(1, 100_000), 16, "warp").shape == (16, 16, 3)
    bomb = tagged(2000, 100_000)
    exif, gps = (tagged(200, 100_000, below=number) for number in (34665, 34853))
    for data in (bomb, tagged(1, 2**24 + 4, kind=4), exif, gps, tagged(1, 2**24 + 4, kind=4, below=34665)):
        with pytest.raises(UnreadableError, match="tags claim more than the file holds"):
            decode(data, 16, "warp")
    with_exif = encoded(Image.fromarray(noise(16, 16)), "PNG", exif=b"Exif\0\0" + bomb)
    assert decode(with_exif, 16, "warp").shape == (16, 16, 3), "what is not asked for is not read"
    with pytest.raises(UnreadableError, match="tags claim more than the file holds"):
        decode(with_exif, 16, "warp", upright=True)


@pytest.mark.parametrize("kind", [3, 4])
def test_a_tile_far_larger_than_its_picture_is_refused_before_memory_is_taken(kind: int) -> None:
    def tiled(edge: int) -> bytes:
        known = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 277: 1, 322: edge, 323: edge, 324: 200, 325: edge * edge}
        entries = [
            struct.pack("<HHLL", tag, kind if tag in (322, 323) else 4, 1, value) for tag, value in known.items()
        ]
        head = b"II*\0" + struct.pack("<L", 8) + struct.pack("<H", len(entries)) + b"".join(entries)
        return head.ljust(200, b"\0") + bytes(min(edge * edge, 2**16))

    assert decode(tiled(16), 16, "warp").shape == (16, 16, 3)
    with pytest.raises(UnreadableError, match="has tiles of more than"):
        decode(tiled(16384), 16, "warp")


def test_pictures_behind_the_first_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(BaseException):
        """Somebody went through the whole file."""

    def counting(_: object) -> int:
        raise Counted

    monkeypatch.setattr(GifImagePlugin.GifImageFile, "n_frames", property(counting))
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "n_frames", property(counting))
    first, more = Image.fromarray(noise(16, 16)), [Image.fromarray(noise(16, 16)[::-1])] * 3
    assert decode(encoded(first, "TIFF", save_all=True, append_images=more), 16, "warp").shape == (16, 16, 3)
    with pytest.raises(UnreadableError, match="is animated"):
        decode(encoded(first, "GIF", save_all=True, append_images=more), 16, "warp")


def test_a_progressive_picture_of_endless_scans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64)
    data = encoded(Image.fromarray(noise(64, 64)), "JPEG", progressive=True)
    assert decode(data, 16, "warp").shape == (16, 16, 3)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(UnreadableError, match=r"has \d+ scans"):
        decode(data[:last] + 60 * data[last:-2] + data[-2:], 16, "warp")


def test_what_is_no_file_or_too_large_is_no_picture_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    with open(tmp_path / "sparse.jpg", "wb") as file:
        file.truncate(2**40)
    preparation = Preprocessing(size=16, crop=16, resize="warp", channels=3, upright=False, mean=0, scale=1)
    for name, reason in {
        "pipe.jpg": "is a pipe, not a file",
        "endless.jpg": "is a device, not a file",
        "sparse.jpg": "is larger than 268,435,456 bytes",
        "none.jpg": "No such file",
        ".": "is a folder, not a file",
    }.items():
        for use in (read_picture, lambda path: pixels_of(path, preparation)):
            with pytest.raises(UnreadableError, match=f"^{reason}"):
                use(tmp_path / name)


@given(st.sampled_from([*FORMATS, "MPO"]), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_picture_is_read_or_unreadable(kind: str, data: st.DataObject) -> None:
    content = bytearray(encoded(Image.fromarray(noise(24, 16)), kind))
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)
    ):
        content[place] = byte
    cut = data.draw(st.integers(0, len(content)))
    for use in USES.values():
        try:
            use(bytes(content[:cut] if cut % 2 else content))
        except UnreadableError as error:
            assert str(error)
            assert "\n" not in str(error)
