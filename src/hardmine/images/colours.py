"""Pictures of every kind as 8-bit grey or RGB, in bounded memory beside the picture and its result."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

__all__ = ["coloured", "eight_bit"]

_DEPTHS = (8, 12, 16)
"""Bits a grey value of more than eight bits may have used; one of more than 16 has as many as it needs."""
_BAND = 2**20
"""Pixels that are converted at a time."""


def eight_bit(image: Image.Image) -> Image.Image:
    """An image of 16 or 32 bits a channel as 8-bit grey, by the bits its highest value needs; others unchanged.

    Raises:
        ValueError: it has negative values.
    """
    if not image.mode.startswith("I"):
        return image
    lowest = highest = 0
    for _, band in _bands(image):
        values = _values(band)
        lowest, highest = int(values.min(initial=lowest)), int(values.max(initial=highest))
    if lowest < 0:
        raise ValueError("has negative grey values, or such of 32 bits, whose scale is not known")
    used = next((bits for bits in _DEPTHS if highest < 2**bits), highest.bit_length())
    return _by_bands(image, "L", lambda band: Image.fromarray((_values(band) >> (used - 8)).astype(np.uint8)))


def _values(image: Image.Image) -> np.ndarray:
    """Grey values, int64 [H, W]."""
    return np.asarray(image, dtype=np.int64)


def coloured(image: Image.Image, channels: int) -> Image.Image:
    """The image in grey or RGB, transparent parts over white; the same where it is so already."""
    mode = "L" if channels == 1 else "RGB"
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return _by_bands(image, mode, lambda band: _over_white(band).convert(mode))
    return image if image.mode == mode else _by_bands(image, mode, lambda band: band.convert(mode))


def _over_white(image: Image.Image) -> Image.Image:
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (255, 255, 255, 255)), clear)


def _by_bands(image: Image.Image, mode: str, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The image after a change that looks at each pixel alone, in bounded memory beside both."""
    if image.width * image.height <= _BAND:
        return change(image)
    changed = Image.new(mode, image.size)
    for top, band in _bands(image):
        changed.paste(change(band), (0, top))
    return changed


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The image in bands of whole rows, each with its first row."""
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
