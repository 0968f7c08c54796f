"""One image file to one uint8 array of the stored size: the same code for packing and for use."""

import functools
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from hardmine.datasets.members import read_bounded
from hardmine.errors import UserError
from hardmine.foreign import shown

from .colours import coloured, eight_bit
from .tags import refuse_repeated_tags

__all__ = ["FORMATS", "Resize", "UnreadableError", "decode", "read_picture", "resized", "squared", "thumbnail"]

Resize = Literal["warp", "short-side-crop"]

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM", "TGA")
"""Pillow's names of all formats that are read, whatever a file's ending says; JPEG stands for MPO too."""
_FIRST_COUNTS = ("MPO", "TIFF")
"""Formats whose further pictures are smaller copies, other views or other pages, and no film."""
_SCANS = 50
"""Passes over the largest picture that a progressive JPEG file may ask for; smaller pictures may ask for more."""
_WHITE_IS_0 = 262
"""The tag of a TIFF file that is 0 where grey counts from white to black, which Pillow heeds up to 8 bits only."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each EXIF orientation upright."""


class UnreadableError(ValueError):
    """An image file that cannot be used; the text says why."""


def read_picture(path: Path) -> bytes:
    """The bytes of an image file, which is a regular file no larger than a member of an archive may be.

    Raises:
        UnreadableError: it cannot be read, or is no such file; the text does not name it.
    """
    try:
        return read_bounded(path)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    except UserError as error:
        raise UnreadableError(str(error).removeprefix(shown(f"{path}: ")).removesuffix(".")) from None


def decode(data: bytes, size: int, resize: Resize, channels: int = 3, upright: bool = False) -> np.ndarray:
    """Decode an image file and bring it to ``size``; uint8 [size, size, channels].

    JPEG files much larger than ``size`` are decoded at a half, a quarter or an eighth, whichever is still at least as
    large. Palettes, grey, CMYK and 16-bit images become 8-bit grey or RGB; transparency is laid over white. Grey of
    more than 8 bits has as many as its highest value needs: 8, 12, 16 or, above that, just as many. Of the pictures in
    an MPO or TIFF file the first counts.

    Args:
        data: the file's bytes.
        size: edge of the result in pixels.
        resize: ``warp`` squeezes the whole image into the square; ``short-side-crop`` brings the short side to
            ``size`` and keeps the middle.
        channels: 1 for grey, 3 for RGB.
        upright: turn the image as its EXIF orientation says; the papers' data sets are used as they are stored.

    Raises:
        UnreadableError: the bytes are no image of ``FORMATS``, are truncated, animated, or would take more memory or
            time than is sane.
    """
    with _opened(data) as image:
        return _square(_plain(image, channels, upright, size), size, resize)


def squared(image: Image.Image, size: int, resize: Resize, channels: int = 3, upright: bool = False) -> np.ndarray:
    """Bring a picture in memory to ``size`` as ``decode`` does; uint8 [size, size, channels]; it stays as it is.

    Raises:
        UnreadableError: it is animated, too large, or its file turns out to be damaged.
    """
    with _faults_named():
        if data := _file_behind(image):
            return decode(data, size, resize, channels, upright)
        return _square(_plain(image, channels, upright), size, resize)


def thumbnail(data: bytes, edge: int) -> Image.Image:
    """An image file as people see it: upright, RGB, its longest side ``edge`` pixels at most.

    Raises:
        UnreadableError: as ``decode``.
    """
    with _opened(data) as image:
        small = _plain(image, 3, True, edge)
        small.thumbnail((edge, edge), Image.Resampling.BILINEAR)
        return small


def resized(pixels: np.ndarray, size: int, resize: Resize) -> np.ndarray:
    """Bring uint8 [H, W, C] to uint8 [size, size, C] as ``decode`` does; C is 1 or 3."""
    return _square(picture(pixels), size, resize)


def picture(pixels: np.ndarray) -> Image.Image:
    """Pixels as an image: uint8 [H, W] or [H, W, C], C is 1 (grey), 3 or 4."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def _square(image: Image.Image, size: int, resize: Resize) -> np.ndarray:
    """The whole image or its middle square at the wanted size, bilinear over the whole footprint (antialiased)."""
    width, height = image.size
    if resize == "warp":
        box = (0.0, 0.0, float(width), float(height))
    else:
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, box, reducing_gap=3.0)
    return np.array(image).reshape(size, size, -1)


@contextmanager
def _faults_named() -> Iterator[None]:
    """Whatever the decoder raises becomes an ``UnreadableError``."""
    try:
        yield
    except UnreadableError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large() from None
    except Exception as error:  # damaged and hostile files lead decoders to anything
        words = re.sub(r" ?<_io\.BytesIO[^>]*>", "", str(error)).strip().splitlines()
        raise UnreadableError(words[0][:200] if words else type(error).__name__) from None


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that this Pillow knows."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The picture of an image file, not decoded yet."""
    with _faults_named():
        refuse_repeated_tags(data)
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            scans = data.count(b"\xff\xda") if image.info.get("progressive") else 1
            if Image.MAX_IMAGE_PIXELS and scans * image.width * image.height > _SCANS * Image.MAX_IMAGE_PIXELS:
                raise UnreadableError(f"has {scans:,} scans, more than any picture needs")
            if image.format == "PNG":
                _scale_clear_value(image, data[24])
            yield image


def _scale_clear_value(image: Image.Image, depth: int) -> None:
    """Bring the value that a PNG file calls transparent to the eight bits to which Pillow brings the pixels alone."""
    clear = image.info.get("transparency")
    if clear is None or isinstance(clear, bytes) or depth in (1, 8):
        return
    if image.mode.startswith("I"):
        raise UnreadableError("has grey of 16 bits of which one value is transparent; save it with an alpha channel")
    eight = [value >> 8 if depth == 16 else value * 255 // (2**depth - 1) for value in np.atleast_1d(clear).tolist()]
    image.info["transparency"] = tuple(eight) if isinstance(clear, tuple) else eight[0]


def _file_behind(image: Image.Image) -> bytes | None:
    """The JPEG file of a picture that was opened and not touched since; None where there is none."""
    if not isinstance(image, JpegImageFile) or image.fp is None or not image.tile or image.tell():
        return None
    file = image.fp
    try:
        place = file.tell()
        file.seek(0)
        data: bytes = file.read()
        file.seek(place)
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as again:
            now = (image.size, image.mode, image.tile)
            return data if isinstance(again, JpegImageFile) and (again.size, again.mode, again.tile) == now else None
    except (OSError, ValueError):
        return None


def _plain(image: Image.Image, channels: int, upright: bool, enough: int | None = None) -> Image.Image:
    """A picture as 8-bit grey or RGB, in its own size, or of JPEG files a fraction of it that is ``enough`` pixels.

    With ``enough`` the picture itself may become smaller.
    """
    if image.format not in _FIRST_COUNTS and getattr(image, "is_animated", False):
        raise UnreadableError("is animated")
    if image.format == "EPS" and getattr(image, "tile", None):
        raise UnreadableError("is PostScript, for which another program would be started; load() it before if you will")
    if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise _too_large()
    if image.format == "TIFF" and image.mode.startswith("I") and image.tag_v2.get(_WHITE_IS_0) == 0:  # type: ignore[attr-defined]
        raise UnreadableError("has grey of more than 8 bits whose 0 is white; save it again with 0 as black")
    if image.mode == "F":
        raise UnreadableError("has floating-point pixels, whose scale is not known")
    if enough and image.format in ("JPEG", "MPO"):
        image.draft(None, (enough, enough))
    image.load()
    turned = _upright(image) if upright else image
    return coloured(eight_bit(turned), channels)


def _too_large() -> UnreadableError:
    return UnreadableError(f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels")


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says; the same where it says nothing."""
    block = image.info.get("exif")
    if block is None and "Raw profile type exif" in image.info:
        block = bytes.fromhex("".join(image.info["Raw profile type exif"].split("\n")[3:]))
    if block:
        refuse_repeated_tags(re.sub(b"^(Exif\0\0){1,2}", b"", block))
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)
