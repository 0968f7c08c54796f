"""HDC's mining: of all pairs of a batch (``hardmine.mining.pairs``) the hardest share at each level."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hardmine.mining.pairs import BatchPairs
from hardmine.retrieval.equal import EQUAL

__all__ = ["SelectedPairs", "hardest", "kept_count", "select", "select_pairs", "triplet_accuracy"]


@dataclass(frozen=True)
class SelectedPairs:
    """What one level keeps.

    Attributes:
        positives: P_h, positions of pairs, int64, ascending.
        negatives: N_h, positions of pairs, int64, ascending.
    """

    positives: Tensor
    negatives: Tensor


def kept_count(ratio: float, pairs: int) -> int:
    """int(h·pairs): truncated, but safe against products such as 0.29·100 = 28.999…"""
    return int(ratio * pairs + 1e-9)


def hardest(hardness: Tensor, candidates: Tensor, keep: int) -> Tensor:
    """The ``keep`` hardest candidates, ties to the lower position; int64, ascending.

    Args:
        hardness: float [p], larger is harder.
        candidates: positions into ``hardness``, int64 [c], ascending.
        keep: how many; all where there are no more.
    """
    if keep >= len(candidates):
        return candidates
    if keep == 0:
        return candidates[:0]
    values = hardness[candidates]
    limit = values.kthvalue(len(values) - keep + 1).values
    above, level = values > limit, values == limit
    return candidates[above | (level & (level.cumsum(0) <= keep - above.sum()))]


def select(
    hardness: Sequence[Tensor],
    usable: Sequence[Tensor],
    ratios: Sequence[float],
    selection: str = "own",
    ratio_base: str = "all",
) -> list[Tensor]:
    """What each level keeps of one kind of pairs (specification of the modes in ``settings.methods.hdc``).

    Args:
        hardness: of every pair, one float [p] a level, larger is harder.
        usable: positions that may be kept and are counted, one int64 tensor a level, ascending.
        ratios: h, one a level.
        selection: ``own``, ``nested_prev`` or ``nested_own``.
        ratio_base: ``all`` for shares of the usable pairs, ``previous`` for shares of the level above.

    Returns:
        Positions, one int64 tensor a level, ascending.
    """
    kept: list[Tensor] = []
    for level, ratio in enumerate(ratios):
        candidates, ranking, base = usable[level], hardness[level], len(usable[level])
        if level and selection != "own":
            candidates = candidates[torch.isin(candidates, kept[-1], assume_unique=True)]
        if level and selection == "nested_prev":
            ranking = hardness[level - 1]
        if level and ratio_base == "previous":
            base = len(kept[-1])
        kept.append(hardest(ranking, candidates, kept_count(ratio, base)))
    return kept


@torch.no_grad()
def select_pairs(
    distances: Sequence[Tensor],
    pairs: BatchPairs,
    ratios: Sequence[float],
    selection: str = "own",
    ratio_base: str = "all",
) -> list[SelectedPairs]:
    """What each level keeps of a batch; positives and negatives are ranked apart.

    Positives are hard where d is large. Negatives are hard where max(0, m - d) is large; those beyond the margin, all
    of loss 0, follow by their distance. Positives of equal embeddings are neither kept nor counted.

    Args:
        distances: squared distances, one float [p] a level.
        pairs: of the batch.
        ratios: h, one a level.
        selection: see ``select``.
        ratio_base: see ``select``.
    """
    different = [pairs.positives[d[pairs.positives] > EQUAL] for d in distances]
    positives = select(distances, different, ratios, selection, ratio_base)
    negatives = select([-d for d in distances], [pairs.negatives] * len(distances), ratios, selection, ratio_base)
    return [SelectedPairs(*kept) for kept in zip(positives, negatives, strict=True)]


@torch.no_grad()
def triplet_accuracy(distances: Tensor, labels: Tensor) -> Tensor:
    """Share of the triplets (anchor, positive, negative) with d_an > d_ap, a scalar; 0 where there is no triplet.

    Args:
        distances: squared distances of the pairs, float [n(n-1)/2].
        labels: int64 [n].
    """
    count = len(labels)
    first, second = torch.triu_indices(count, count, 1, device=labels.device)
    matrix = distances.new_zeros(count, count)
    matrix[first, second] = matrix[second, first] = distances
    same = labels[:, None] == labels[None, :]
    negatives = ~same
    anchors, positives = same.fill_diagonal_(False).nonzero(as_tuple=True)
    right = (matrix[anchors] > matrix[anchors, positives, None]) & negatives[anchors]
    return right.sum() / negatives[anchors].sum().clamp(min=1)
