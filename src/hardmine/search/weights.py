"""``model.safetensors`` of a model in use: nothing takes memory before its head is what its network needs.

The file is eight bytes (length of the head), the head (JSON: name, type, shape and place of each tensor), the numbers.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from safetensors.torch import load
from torch import Tensor

from hardmine.artefacts import open_regular, read_regular
from hardmine.errors import UserError

from .guard import reading

__all__ = ["Shapes", "check_fit", "read_weights", "shapes_in"]

Shapes = Mapping[str, tuple[int, ...]]
"""Of the tensors of a network, by name."""

_AGAIN = "Export or fetch the model again."
_HEAD = 16 * 2**20
_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1),
}
"""Of a number of each type of safetensors."""
_COPIES = 2
"""The file's content and the network's are in memory at the same time."""


def shapes_in(path: Path) -> Shapes:
    """The shapes of a file's tensors, by its head, which accounts for every byte of it.

    Raises:
        UserError: it cannot be read, has no such head, or is too large for this machine.
    """
    with reading(path, _AGAIN), os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = _shapes_in(file, size)
    if found is None:
        raise _another(path)
    if _COPIES * size > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        raise UserError(f"{path}: has {size / 2**30:.0f} GB; this machine has memory for half of that at most.")
    return found


def check_fit(path: Path, found: Shapes, needed: Shapes) -> None:
    """Compare what a file has with what a network needs.

    Raises:
        UserError: they differ; the message names a tensor.
    """
    for name in needed.keys() - found.keys():
        raise UserError(f"{path}: does not fit its network: it has no {name}.")
    for name in found.keys() - needed.keys():
        raise UserError(f"{path}: does not fit its network, which has no {name[:80]}.")
    for name, shape in needed.items():
        if found[name] != shape:
            given, wanted = (" × ".join(f"{edge:,}" for edge in one) or "a number" for one in (found[name], shape))
            raise UserError(
                f"{path}: does not fit its network: {name} is {given[:80]} in the file and {wanted} in the network."
            )


def read_weights(path: Path, sha256: str, found: Shapes) -> dict[str, Tensor]:
    """The tensors of a file.

    Args:
        path: the file.
        sha256: of its content, 64 hex digits.
        found: the shapes that its head named.

    Raises:
        UserError: it cannot be read, or is another file.
    """
    with reading(path, _AGAIN):
        data = read_regular(path, _HEAD + sum(8 * math.prod(shape) for shape in found.values()))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _another(path)
        return load(data)


def _shapes_in(file: BinaryIO, size: int) -> Shapes | None:
    """The shapes that a file's head names; None where the head is none, or speaks of another number of bytes."""
    try:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, _HEAD):
            return None
        head: dict[str, Any] = json.loads(file.read(length))
        shapes, total = {}, 0
        for name, tensor in head.items():
            if name == "__metadata__":
                continue
            start, end = tensor["data_offsets"]
            shape = tuple(tensor["shape"])
            if not all(isinstance(edge, int) and 0 <= edge < 2**63 for edge in shape):
                return None
            if end - start != math.prod(shape) * _BYTES[tensor["dtype"]]:
                return None
            shapes[name] = shape
            total += end - start
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return shapes if total == size - 8 - length else None


def _another(path: Path) -> UserError:
    return UserError(
        f"{path}: is not the file that the folder's record names (truncated, altered, or of another model). {_AGAIN}"
    )
