"""Files of published weights: read without running anything in them, and compared with the network they are for."""

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from hardmine.artefacts import open_regular
from hardmine.datasets.arrays import read_npz
from hardmine.datasets.members import read_bounded
from hardmine.errors import UserError

__all__ = ["fit", "read_arrays", "read_safetensors", "read_state"]

_OLD_LIMIT = 2**33
"""Most bytes of a file of the format that torch wrote until 2020."""
_AGAIN = "Delete the file and its made.json, then run 'snakemake --cores all' to download it again."


def read_arrays(path: Path) -> dict[str, Tensor]:
    """The arrays of a ``.npz`` file of numbers; entries of text are left out.

    Raises:
        UserError: the file is missing, damaged, or holds Python objects.
    """
    try:
        return {name: torch.from_numpy(value) for name, value in read_npz(path).items() if value.dtype.kind == "f"}
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, "arrays (.npz)", error) from None


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dictionary saved by torch; nothing but tensors and containers is built.

    Raises:
        UserError: the file is missing, damaged, or asks for anything else.
    """
    try:
        content: Any = torch.load(_stored_only(path), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes torch raise
        raise _unreadable(path, "a state dictionary of torch", error) from None
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise _unreadable(path, "a state dictionary of torch", TypeError("it is no dictionary of tensors"))
    return {str(name): value for name, value in content.items()}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        os.close(open_regular(path))
        return load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise _unreadable(path, "safetensors", error) from None


def fit(own: Mapping[str, Tensor], given: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """What a network takes from a file: the entries of ``own``, all of which the file must have in the same shape.

    Counters of batch norms, which old files lack, stay as they are.

    Raises:
        UserError: entries are missing or of another shape, or are not finite numbers.
    """
    wanted = [name for name in own if not name.endswith("num_batches_tracked")]
    missing = [name for name in wanted if name not in given]
    if missing:
        raise UserError(
            f"{path}: are not the weights of this network: {len(missing)} of its {len(wanted)} tensors are missing, "
            f"among them {missing[0]}. Name the backbone that the file was made for, or put the right file there."
        )
    for name in wanted:
        if own[name].shape != given[name].shape:
            raise UserError(
                f"{path}: are not the weights of this network: {name} is {_size(given[name])} in the file and "
                f"{_size(own[name])} in the network. Name the backbone that the file was made for."
            )
        if not bool(torch.isfinite(given[name]).all()):
            raise UserError(f"{path}: {name} holds values that are not finite. {_AGAIN}")
    return {**own, **{name: given[name] for name in wanted}}


def _stored_only(path: Path) -> Path | io.BytesIO:
    """What torch may open: the file if its parts are stored as torch stores them, else the bytes of an older format.

    Of a file torch would try whether it is a tar archive, and unpack it.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        if not file.read(4).startswith(b"PK\3\4"):
            return io.BytesIO(read_bounded(path, _OLD_LIMIT))
        parts = zipfile.ZipFile(file).infolist()
        size = file.seek(0, os.SEEK_END)
    if any(part.compress_type != zipfile.ZIP_STORED or part.compress_size != part.file_size for part in parts):
        raise ValueError("its parts are compressed")
    if sum(part.file_size for part in parts) > size:
        raise ValueError("its parts claim more than it holds")
    return path


def _size(tensor: Tensor) -> str:
    return "×".join(str(edge) for edge in tensor.shape) or "a number"


def _unreadable(path: Path, kind: str, error: Exception) -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path}: there is no such file. Run 'snakemake --cores all', which downloads it first.")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return UserError(f"{path}: cannot be read as {kind} ({reason}). {_AGAIN}")
