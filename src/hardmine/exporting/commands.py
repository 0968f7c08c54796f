"""The command for models: export."""

from pathlib import Path
from typing import Annotated

import typer

from hardmine.foreign import shown
from hardmine.loading import loading
from hardmine.processors import limit_threads

__all__ = ["export"]


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A trained model: models/<plan>/<run>/seed<k>.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="Write model.onnx too, checked against torch.")] = False,
    licence: Annotated[str, typer.Option(help="Licence you give the model, as model hubs name it.")] = "unknown",
) -> None:
    """Write a trained model as a folder that is complete in itself: weights, config, model card."""
    limit_threads(1)
    with loading():
        from .folder import export_model

    for path in export_model(model, output, onnx, licence):
        print(shown(path))
