"""All pairs of a batch.

A pair is named by its position in the list (0,1), (0,2), …, (0,n-1), (1,2), …: the order of ``functional.pdist``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BatchPairs"]


@dataclass(frozen=True)
class BatchPairs:
    """All unordered pairs of a batch.

    Attributes:
        positives: positions of the pairs of one class, int64, ascending.
        negatives: positions of the other pairs, int64, ascending.
        total: n(n-1)/2.
    """

    positives: Tensor
    negatives: Tensor
    total: int

    @classmethod
    def of(cls, labels: Tensor) -> "BatchPairs":
        """The pairs of images with the given labels, int64 [n]."""
        first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
        same = labels[first] == labels[second]
        return cls(same.nonzero().squeeze(1), (~same).nonzero().squeeze(1), len(same))
