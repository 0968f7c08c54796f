"""Classification by cosine similarity to class signatures, and how low its value can get."""

import math

from torch import Tensor
from torch.nn import functional

__all__ = ["classification_floor", "classification_loss"]


def classification_loss(embeddings: Tensor, labels: Tensor, signatures: Tensor, scale: float = 1.0) -> Tensor:
    """L_C = -(1/n)·sum over i of log softmax over c of (s·S(w_c, x_i)), at the image's class; a scalar.

    Args:
        embeddings: x, float [n, D] of length 1.
        labels: int64 [n].
        signatures: w, float [C, D] of length 1.
        scale: s; 1 in the paper, so that the value stays far above 0.
    """
    return functional.cross_entropy(scale * (embeddings @ signatures.T), labels)


def classification_floor(classes: int, scale: float = 1.0) -> float:
    """Least L_C over a class-balanced pass: log(1 + (C-1)·exp(-s·C/(C-1))), with signatures at a simplex's corners."""
    return math.log1p((classes - 1) * math.exp(-scale * classes / (classes - 1)))
