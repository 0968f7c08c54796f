"""``model.onnx``: the network with cropping and scaling, for other runtimes; checked against torch."""

import json
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.installing import extra
from hardmine.search.model import EmbeddingModel

__all__ = ["TOLERANCE", "write_onnx"]

TOLERANCE = 1e-4
"""Largest difference of a number of an embedding between onnxruntime and torch."""


class _Graph(nn.Module):
    """uint8 [n, size, size, C] to the final embedding, float32 [n, D]."""

    def __init__(self, model: EmbeddingModel) -> None:
        super().__init__()
        self.network = model.network
        self.prepared = model.config.preprocessing

    def forward(self, pixels: Tensor) -> Tensor:
        edge = (self.prepared.size - self.prepared.crop) // 2
        inner = slice(edge, edge + self.prepared.crop)
        images = ((pixels[:, inner, inner].float() - self.prepared.mean) / self.prepared.scale).permute(0, 3, 1, 2)
        return next(iter(self.network.embed(images).values()))


def write_onnx(model: EmbeddingModel, path: Path) -> None:
    """Write the network as ONNX with any batch size; the file is kept only if onnxruntime agrees with torch.

    Input ``pixels`` uint8 [batch, size, size, C], output ``embedding`` float32 [batch, D]; the metadata say how images
    are prepared.

    Raises:
        UserError: the extra is not installed, the network cannot be expressed, or the results differ.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise UserError(f"--onnx: {error.name} is not installed. Run: {extra('onnx')}") from None
    prepared = model.config.preprocessing
    shape = (prepared.size, prepared.size, prepared.channels)
    graph = _Graph(model).eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        program = torch.onnx.export(
            graph,
            (torch.zeros((2, *shape), dtype=torch.uint8),),
            dynamo=True,
            verbose=False,
            input_names=["pixels"],
            output_names=["embedding"],
            dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
        )
    except Exception as error:  # whatever the exporter meets in a network
        raise UserError(f"--onnx: this network cannot be written as ONNX: {str(error).splitlines()[0]}") from None
    assert program is not None
    program.model.metadata_props["hardmine.preprocessing"] = json.dumps(prepared.model_dump(mode="json"))
    program.model.metadata_props["hardmine.model_digest"] = model.digest
    with writing(path) as temporary:
        program.save(temporary, external_data=False)
        session = onnxruntime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        numbers = np.random.default_rng(0)
        for count in (1, 2, 5):
            pixels = numbers.integers(0, 256, (count, *shape), dtype=np.uint8)
            with torch.no_grad():
                expected = graph(torch.from_numpy(pixels)).numpy()
            difference = float(np.abs(session.run(None, {"pixels": pixels})[0] - expected).max())
            if not difference <= TOLERANCE:
                raise UserError(
                    f"--onnx: onnxruntime's embeddings differ from torch's by {difference:.1e} (allowed: {TOLERANCE}); "
                    "model.onnx was not kept."
                )
