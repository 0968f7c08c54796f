"""Which quadruplets of a batch: the least similar positive pair, and the most similar negative of either end.

The rule is the paper's (section on hard quadruplet mining); one quadruplet a class or a pair is ours.
"""

import torch
from torch import Tensor

from hardmine.mining import Quadruplets

__all__ = ["hard_quadruplets"]


def hard_quadruplets(
    similarities: Tensor, positives: Tensor, negatives: Tensor, labels: Tensor, per: str
) -> Quadruplets:
    """(i, j) the positive pair with the least similarity, k and l the most similar negatives of i and of j.

    Of equal ones the first; i < j. Without a positive pair that has negatives there is none.

    Args:
        similarities: float [n, n], symmetric.
        positives: bool [n, n].
        negatives: bool [n, n].
        labels: int64 [n].
        per: ``one`` for the whole batch, ``per-class``, or ``per-pair``.
    """
    usable = positives & negatives.any(dim=1, keepdim=True)
    first, second = usable.triu(1).nonzero(as_tuple=True)
    if per != "per-pair":
        order = similarities[first, second].argsort(stable=True)
        if per == "per-class":
            classes = labels[first[order]]
            order = order[classes.argsort(stable=True)]
            sorted_classes = classes.sort(stable=True).values
            fresh = torch.ones_like(sorted_classes, dtype=torch.bool)
            fresh[1:] = sorted_classes[1:] != sorted_classes[:-1]
            order = order[fresh]
        else:
            order = order[:1]
        first, second = first[order], second[order]
    hardest = similarities.masked_fill(~negatives, -torch.inf).argmax(dim=1)
    return Quadruplets(first, second, hardest[first], hardest[second])
