"""Arrays in ``.npz`` files: what their heads claim is compared with what is there before memory is taken."""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hardmine.artefacts import open_regular

from .streams import content_of

__all__ = ["read_npz"]

ARRAYS_LIMIT = 2**32
"""Most bytes of all arrays of a file."""


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a ``.npz`` file.

    Raises:
        OSError: it cannot be opened.
        UserError: it is no regular file.
        ValueError: it is damaged, holds Python objects, or claims more than it has; the text does not name it.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        try:
            return _read(file)
        except Exception as error:  # damaged and hostile bytes lead readers to anything
            raise ValueError(str(error) or type(error).__name__) from None


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    members = zipfile.ZipFile(file).infolist()
    if sum(info.file_size for info in members) > ARRAYS_LIMIT:
        raise ValueError(f"it claims more than {ARRAYS_LIMIT:,} bytes of arrays")
    return {info.filename.removesuffix(".npy"): _array(content_of(file, info)) for info in members}


def _array(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = head(stream)
    there = len(content) - stream.tell()
    if not kind.hasobject and (kind.itemsize == 0 or math.prod(shape) * kind.itemsize != there):
        raise ValueError(f"an array of {list(shape)} numbers where {there:,} bytes are")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)
