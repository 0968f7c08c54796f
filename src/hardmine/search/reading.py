"""Images as they come: files, folders, bytes, arrays, pictures in memory."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from hardmine.errors import UserError
from hardmine.images.decode import UnreadableError, decode, picture, read_picture, squared
from hardmine.settings.datasets.own_files import SUFFIXES, Pictures, listed_names, pictures_in

from .config import Preprocessing

__all__ = ["CLOSED", "ImageSource", "files_in", "found_in", "name_of", "pixels_of", "separate"]

ImageSource = str | Path | bytes | np.ndarray | Image.Image

CLOSED = "the folder cannot be opened"
"""Why images in a folder are left out."""


def files_in(folder: Path) -> list[str]:
    """The image files in a folder and the folders in it, as sorted relative paths with ``/``; see ``found_in``.

    Raises:
        UserError: as ``found_in``, or a folder in it cannot be opened.
    """
    found = found_in(folder)
    if found.closed:
        raise UserError(f"{folder}: cannot open {listed_names(found.closed)}. Mend these folders' permissions.")
    return found.names


def found_in(folder: Path) -> Pictures:
    """The image files in a folder and the folders in it, and what is passed over, as ``pictures_in`` says it.

    Raises:
        UserError: there is no such folder, it cannot be opened, or it holds no image file.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder. Give the folder that holds the images.")
    try:
        found = pictures_in(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be opened: {error.strerror}.") from None
    if not found.names:
        besides = f" Passed over: {found.passed_over}." if found.passed_over else ""
        raise UserError(f"{folder}: holds no image file; endings looked for: {' '.join(sorted(SUFFIXES))}.{besides}")
    return found


def separate(images: ImageSource | Iterable[ImageSource]) -> list[ImageSource]:
    """One or many images as a list: an array [n, H, W, C] is n images, every other array one."""
    if isinstance(images, np.ndarray):
        return list(images) if images.ndim == 4 else [images]
    if isinstance(images, str | Path | bytes | Image.Image):
        return [images]
    return list(images)


def name_of(image: ImageSource, position: int) -> str:
    """What to call an image in a message."""
    return str(image) if isinstance(image, str | Path) else f"image {position}"


def pixels_of(image: ImageSource, preparation: Preprocessing) -> np.ndarray:
    """One image as the stored square, uint8 [size, size, channels].

    Args:
        image: the path or the bytes of an image file; uint8 [H, W] grey, [H, W, 1], [H, W, 3] RGB or [H, W, 4] RGBA;
            or a PIL image.
        preparation: size, resize mode, channels.

    Raises:
        UnreadableError: the file or array cannot be used; the text says why.
    """
    prepared = (preparation.size, preparation.resize, preparation.channels, preparation.upright)
    if isinstance(image, str | Path):
        image = read_picture(Path(image))
    if isinstance(image, bytes):
        return decode(image, *prepared)
    return squared(image if isinstance(image, Image.Image) else _from_array(image), *prepared)


def _from_array(array: np.ndarray) -> Image.Image:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not fits or not array.size:
        raise UnreadableError(
            f"is {array.dtype} {list(array.shape)}; allowed: uint8 [H, W], or [H, W, C] with 1, 3 or 4 channels"
        )
    return picture(array)
