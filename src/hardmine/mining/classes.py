"""Classes by some of their images, and by the means of their embeddings."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["batch_means", "class_means", "some_of_each"]


def class_means(embeddings: Tensor, labels: np.ndarray, classes: int) -> Tensor:
    """Directions of the classes' mean embeddings, float32 [C, D]; 0 for a class without an image.

    Args:
        embeddings: float [k, D].
        labels: int64 [k].
        classes: C.
    """
    sums = torch.zeros(classes, embeddings.shape[1], device=embeddings.device)
    sums.index_add_(0, torch.from_numpy(labels).to(embeddings.device), embeddings.float())
    return functional.normalize(sums, dim=1)


def batch_means(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Means of the classes of a batch, float [C, D] with gradient, and the class of each row among them, int64 [n].

    Args:
        rows: float [n, D].
        labels: int64 [n].
    """
    _, places, sizes = labels.unique(return_inverse=True, return_counts=True)
    return rows.new_zeros(len(sizes), rows.shape[1]).index_add(0, places, rows) / sizes[:, None], places


def some_of_each(labels: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """Up to ``count`` random images of every class: int64 rows, class by class.

    Args:
        labels: int64 [N].
        count: images wanted of each.
        draws: chooses them.
    """
    mixed = draws.permutation(len(labels))
    rows = mixed[np.argsort(labels[mixed], kind="stable")]
    first = np.searchsorted(labels[rows], labels[rows])
    chosen: np.ndarray = rows[np.arange(len(rows)) - first < count]
    return chosen
