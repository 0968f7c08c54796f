"""The network with a linear head for the loss, and with whitened embeddings."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones import EmbeddingNetwork
from hardmine.settings.backbones import BackboneSettings

from .settings import Spectral
from .whitening import whiten, whitening_of

__all__ = ["SpectralNetwork"]


class SpectralNetwork(EmbeddingNetwork):
    """Embeddings, a linear head on them where the settings ask for one, and what whitens both.

    Args:
        run: the method's settings.
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image in pixels.
    """

    def __init__(self, run: Spectral, settings: BackboneSettings, channels: int, size: int) -> None:
        super().__init__(settings, channels, size)
        self.of_unit_rows = run.objective == "triplet"
        self.whitens = run.whiten
        self.projection = nn.Linear(settings.embedding, run.head, bias=False) if run.head else None
        widths = {"embedding": settings.embedding} | ({"head": run.head} if run.head else {})
        for name, width in widths.items() if run.whiten else ():
            self.register_buffer(f"{name}_whitening", torch.eye(width))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Rows as the loss sees them, not normalised: ``embedding`` float [n, D], and ``head`` float [n, d]."""
        outputs = super().forward(images)
        if self.projection is not None:
            outputs["head"] = self.projection(outputs["embedding"])
        return outputs

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """``embedding`` and ``head`` of length 1, and ``whitened`` and ``head-whitened``."""
        found = {}
        for name, rows in self(images).items():
            found[name] = functional.normalize(rows, dim=1)
            if self.whitens:
                white = "whitened" if name == "embedding" else f"{name}-whitened"
                found[white] = whiten(self.whitened_rows(rows), getattr(self, f"{name}_whitening"))
        return found

    def whitened_rows(self, rows: Tensor) -> Tensor:
        """What is whitened: rows as they are, or of length 1 where the loss compares those."""
        return functional.normalize(rows, dim=1) if self.of_unit_rows else rows

    @torch.no_grad()
    def measure(self, outputs: dict[str, Tensor]) -> None:
        """Take the whitening of all training images.

        Args:
            outputs: as ``forward`` gives them, float [N, …].
        """
        for name, rows in outputs.items():
            buffer: Tensor = getattr(self, f"{name}_whitening")
            buffer.copy_(whitening_of(self.whitened_rows(rows)))
