"""One image file to one uint8 array of the stored size: the same code for packing and for use."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

__all__ = ["Resize", "UnreadableError", "decode", "resized", "squared"]

Resize = Literal["warp", "short-side-crop"]


class UnreadableError(ValueError):
    """An image file that cannot be used; the text says why."""


def decode(data: bytes, size: int, resize: Resize, channels: int = 3, upright: bool = False) -> np.ndarray:
    """Decode an image file and bring it to ``size``; uint8 [size, size, channels].

    JPEG files much larger than ``size`` are decoded at a half, a quarter or an eighth, whichever is still at least as
    large. Palettes, grey, CMYK and 16-bit images become 8-bit grey or RGB; transparency is laid over white.

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
    with _faults_named(), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as image:
            return squared(image, size, resize, channels, upright)


def squared(image: Image.Image, size: int, resize: Resize, channels: int = 3, upright: bool = False) -> np.ndarray:
    """Bring a picture in memory to ``size`` as ``decode`` does; uint8 [size, size, channels].

    Raises:
        UnreadableError: it is animated, too large, or its file turns out to be damaged.
    """
    with _faults_named():
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise UnreadableError(f"is animated ({frames} frames)")
        if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
            raise UnreadableError(f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels")
        if image.format == "JPEG":
            image.draft(None, (size, size))
            whole: Image.Image = image
        else:
            whole = _eight_bit(image)
        if upright:
            whole = ImageOps.exif_transpose(whole)
        return _square(_coloured(whole, channels), size, resize)


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


def _eight_bit(image: Image.Image) -> Image.Image:
    """An image of 16 or 32 bits a channel as 8-bit grey; others unchanged."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image, dtype=np.int64)
        return Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8))
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
