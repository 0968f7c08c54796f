"""The folder: weights, configuration, model card, and if wanted the network as ONNX."""

import json
import os
from pathlib import Path
from typing import BinaryIO

from hardmine.artefacts import digest, open_regular, read_regular, write_text, writing
from hardmine.errors import UserError
from hardmine.search.config import LARGEST, artefact_config
from hardmine.search.guard import reading
from hardmine.search.model import load_model

from .card import model_card
from .measured import measure

__all__ = ["export_model"]


def export_model(folder: Path, output: Path, onnx: bool = False, licence: str = "unknown") -> list[Path]:
    """Write a trained artefact as a folder of its own.

    ``model.safetensors``, ``config.json`` (how to rebuild the network and prepare images), ``README.md`` (the model
    card) and with ``onnx`` ``model.onnx``. ``hardmine.load`` takes the folder.

    Args:
        folder: the artefact, ``<project>/models/<plan>/<run>/seed<k>``.
        output: the folder to write; it may hold an earlier export.
        onnx: write ``model.onnx`` too; needs the extra ``onnx``.
        licence: of the model, as model hubs name it, such as ``mit``; it is the exporter's to choose.

    Returns:
        The files written.

    Raises:
        UserError: there is no trained artefact, it is damaged, or the output folder holds something else.
    """
    if os.path.lexists(folder / "config.json"):
        raise UserError(f"{folder}: is an exported model already. Export the trained one, models/<plan>/<run>/seed<k>.")
    config, record = artefact_config(folder)
    model = load_model(folder, "cpu", threads=1)
    with reading(folder / "made.json", "Fetch the artefact again."):
        card = model_card(folder, config, record, model.dimensions, measure(folder), licence, onnx)
    _check_output(output)
    if onnx:
        from .onnx_file import write_onnx

        write_onnx(model, output / "model.onnx")
    else:
        with reading(output / "model.onnx", fault="cannot be removed"):
            (output / "model.onnx").unlink(missing_ok=True)  # of an earlier export, maybe of another model
    with writing(output / "model.safetensors") as temporary:
        _copy_weights(folder / "model.safetensors", temporary, config.weights)
    write_text(output / "README.md", card)
    write_text(output / "config.json", json.dumps(config.model_dump(mode="json"), indent=1) + "\n")
    names = ("model.safetensors", "config.json", "README.md", *(("model.onnx",) if onnx else ()))
    return [output / name for name in names]


def _copy_weights(source: Path, target: Path, sha256: str) -> None:
    with reading(source):
        handle = open_regular(source)
    with os.fdopen(handle, "rb") as content, open(target, "wb") as file:
        while block := _read(source, content):
            file.write(block)  # a fault here is the target's, which writing() names
    if digest(target) != sha256:
        raise UserError(f"{source}: was altered while it was read. Run the same command again.")


def _read(source: Path, content: BinaryIO) -> bytes:
    with reading(source):
        return content.read(2**20)


def _check_output(output: Path) -> None:
    with reading(output):
        if not os.path.lexists(output) or (output.is_dir() and not any(output.iterdir())):
            return
        config = output / "config.json"
        if output.is_dir() and config.is_file() and b'"hardmine"' in read_regular(config, LARGEST):
            return
    raise UserError(f"{output}: exists and is no exported model. Give a new folder with -o.")
