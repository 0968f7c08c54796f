"""Whitening: embeddings in directions of equal strength."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["whiten", "whitening_of"]


@torch.no_grad()
def whitening_of(rows: Tensor, cut: float = 1e-6) -> Tensor:
    """The matrix W that makes rows F white: F·W = √N·U with F = UΣVᵀ, float64 [d, d].

    Not centred and with all columns, as released; directions whose singular value is at most ``cut`` of the largest
    are left out.

    Args:
        rows: F, float [N, d].
        cut: share of the largest singular value.
    """
    _, singular, right = torch.linalg.svd(rows.double(), full_matrices=False)
    kept = singular > cut * singular[0]
    found = rows.new_zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    found[:, : int(kept.sum())] = right[kept].T / singular[kept] * len(rows) ** 0.5
    return found


def whiten(rows: Tensor, matrix: Tensor) -> Tensor:
    """White rows of length 1, float [n, d].

    Args:
        rows: float [n, d].
        matrix: float [d, d], see ``whitening_of``.
    """
    return functional.normalize(rows @ matrix.to(rows), dim=1)
