"""How far classes are from each other and how wide each is, by all pairs of their images."""

import numpy as np
import torch
from torch import Tensor

__all__ = ["class_statistics"]


def class_statistics(rows: Tensor, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared distances between classes and within them, without a loop over pairs.

    d(p, q) = mean over i in p, j in q of |r_i - r_j|² = Q_p + Q_q - 2 m_p·m_q, and
    s_c = the same mean over pairs of different images of c = 2 n/(n-1)·(Q_c - |m_c|²),
    with m the mean of a class's rows and Q the mean of their squared lengths. From reading notes of the paper.

    Args:
        rows: r, float [N, D]; the sums are taken in float64 on the processor.
        labels: int64 [N], 0..C-1, every class with an image.

    Returns:
        d float64 [C, C], its diagonal 0; and s float64 [C], not a number for a class with one image.
    """
    counts = np.bincount(labels)
    rows = rows.detach().double().cpu()
    places = torch.from_numpy(labels)
    means = torch.zeros(len(counts), rows.shape[1], dtype=torch.float64).index_add_(0, places, rows).numpy()
    means = means / counts[:, None]
    squares = np.bincount(labels, rows.square().sum(dim=1).numpy()) / counts
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * means @ means.T, 0.0)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0.0)
    within = np.maximum(squares - np.square(means).sum(axis=1), 0.0)
    factors = np.divide(2.0 * counts, counts - 1, out=np.full(len(counts), np.nan), where=counts > 1)
    return distances, factors * within
