"""Indexes and models as strangers could hand them over: good ones, changed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hardmine.errors import UserError
from hardmine.search.index import open_index

__all__ = ["change_state", "change_table", "change_weights", "opening_is_refused", "sizes_told", "write_tensors"]


def change_state(folder: Path, **changes: Any) -> None:
    """Change keys of ``index.json``; those of a section are given as a dict."""
    content = json.loads((folder / "index.json").read_text())
    for key, value in changes.items():
        content[key] = content[key] | value if isinstance(value, dict) else value
    (folder / "index.json").write_text(json.dumps(content))


def sizes_told(folder: Path) -> None:
    """Have ``index.json`` tell the sizes that the files have."""
    names = ("index.faiss", "images.parquet", "vectors.npy", "vectors.parquet")
    change_state(folder, sizes={name: (folder / name).stat().st_size for name in names})


def change_table(folder: Path, options: dict[str, Any] | None = None, **columns: Any) -> None:
    """Replace columns of ``images.parquet``; None drops one."""
    table = pq.read_table(folder / "images.parquet")
    for name, values in columns.items():
        place = table.column_names.index(name)
        table = table.remove_column(place)
        if values is not None:
            table = table.add_column(place, name, values if isinstance(values, pa.Array) else pa.array(values))
    pq.write_table(table, folder / "images.parquet", **(options or {}))
    sizes_told(folder)


def opening_is_refused(folder: Path, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_index(folder).search(np.full((1, 16), 0.25, np.float32), 5)


def change_weights(folder: Path, change: Any) -> None:
    """Write an exported model's tensors anew, with the digest that they then have."""
    import hashlib

    from safetensors.numpy import load, save

    tensors = load((folder / "model.safetensors").read_bytes())
    change(tensors)
    data = save(tensors)
    (folder / "model.safetensors").write_bytes(data)
    config = json.loads((folder / "config.json").read_text())
    config["weights"] = hashlib.sha256(data).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def write_tensors(path: Path, head: dict[str, Any], size: int) -> None:
    """A file of weights with a head of one's own and ``size`` bytes of numbers, none of which is written."""
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with open(path, "r+b") as file:
        file.truncate(8 + len(text) + size)
