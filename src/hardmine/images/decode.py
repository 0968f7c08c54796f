"""One image file to one uint8 array of the stored size: the same code for packing and for use."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

__all__ = ["Resize", "UnreadableError", "decode", "resized", "squared", "thumbnail"]

Resize = Literal["warp", "short-side-crop"]

_FIRST_COUNTS = ("MPO", "TIFF")
"""Formats whose further pictures are smaller copies, other views or other pages, and no film."""
_DEPTHS = (8, 12, 16, 32)
"""Bits a grey value of more than eight bits may have used."""


class UnreadableError(ValueError):
    """An image file that cannot be used; the text says why."""


def decode(data: bytes, size: int, resize: Resize, channels: int = 3, upright: bool = False) -> np.ndarray:
    """Decode an image file and bring it to ``size``; uint8 [size, size, channels].

    JPEG files much larger than ``size`` are decoded at a half, a quarter or an eighth, whichever is still at least as
    large. Palettes, grey, CMYK and 16-bit images become 8-bit grey or RGB; transparency is laid over white. Grey of
    more than 8 bits has as many as its highest value needs: 8, 12, 16 or 32. Of the pictures in an MPO or TIFF file the
    first counts.

    Args:
        data: the file's bytes.
        size: edge of the result in pixels.
        resize: ``warp`` squeezes the whole image into the square; ``short-side-crop`` brings the short side to
            ``size`` and keeps the middle.
        channels: 1 for grey, 3 for RGB.
        upright: turn the image as its EXIF orientation says; the papers' data sets are used as they are stored.

    Raises:
        UnreadableError: the bytes are no image, are truncated, animated, or would take more memory than is sane.
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
    return _square(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), size, resize)


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
        raise UnreadableError(f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError) as error:
        reason = re.sub(r" ?<_io\.BytesIO[^>]*>", "", str(error)) or type(error).__name__
        raise UnreadableError(reason) from None


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The picture of an image file, not decoded yet."""
    with _faults_named(), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as image:
            yield image


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
        with Image.open(io.BytesIO(data)) as again:
            now = (image.size, image.mode, image.tile)
            return data if isinstance(again, JpegImageFile) and (again.size, again.mode, again.tile) == now else None
    except (OSError, ValueError):
        return None


def _plain(image: Image.Image, channels: int, upright: bool, enough: int | None = None) -> Image.Image:
    """A picture as 8-bit grey or RGB, in its own size, or of JPEG files a fraction of it that is ``enough`` pixels.

    With ``enough`` the picture itself may become smaller.
    """
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in _FIRST_COUNTS:
        raise UnreadableError(f"is animated ({frames} frames)")
    if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise UnreadableError(f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels")
    if enough and image.format in ("JPEG", "MPO"):
        image.draft(None, (enough, enough))
    turned = ImageOps.exif_transpose(image) if upright else image
    return _coloured(_eight_bit(turned), channels)


def _eight_bit(image: Image.Image) -> Image.Image:
    """An image of 16 or 32 bits a channel as 8-bit grey, by the bits its highest value needs; others unchanged."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image, dtype=np.int64).clip(0)
        used = next(bits for bits in _DEPTHS if values.max(initial=0) < 2**bits)
        return Image.fromarray((values >> (used - 8)).astype(np.uint8))
    if image.mode == "F":
        raise UnreadableError("has floating-point pixels, whose scale is not known")
    return image


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    """The image in grey or RGB, transparent parts over white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, clear)
    return image.convert("L" if channels == 1 else "RGB")
