"""The folder: weights, configuration, model card, and if wanted the network as ONNX."""

import json
import os
import shutil
from pathlib import Path

from hardmine.artefacts import write_text, writing
from hardmine.errors import UserError
from hardmine.search.config import artefact_config
from hardmine.search.model import load_model

from .card import write_card
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
    if os.path.isfile(folder / "config.json"):
        raise UserError(f"{folder}: is an exported model already. Export the trained one, models/<plan>/<run>/seed<k>.")
    config, record = artefact_config(folder)
    model = load_model(folder, "cpu", threads=1)
    _check_output(output)
    if onnx:
        from .onnx_file import write_onnx

        write_onnx(model, output / "model.onnx")
    else:
        (output / "model.onnx").unlink(missing_ok=True)  # of an earlier export, maybe of another model
    with writing(output / "model.safetensors") as temporary:
        shutil.copyfile(folder / "model.safetensors", temporary)
    write_card(output / "README.md", folder, config, record, model.dimensions, measure(folder), licence, onnx)
    write_text(output / "config.json", json.dumps(config.model_dump(mode="json"), indent=1) + "\n")
    names = ("model.safetensors", "config.json", "README.md", *(("model.onnx",) if onnx else ()))
    return [output / name for name in names]


def _check_output(output: Path) -> None:
    ours = (output / "config.json").is_file() and '"hardmine"' in (output / "config.json").read_text(errors="replace")
    if output.exists() and (not output.is_dir() or (any(output.iterdir()) and not ours)):
        raise UserError(f"{output}: exists and is no exported model. Give a new folder with -o.")
