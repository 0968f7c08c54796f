"""Several embeddings of one image: how they are joined, and how much they differ."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "SHOWN",
    "independent_learners",
    "join_levels",
    "learner_embeddings",
    "level_embeddings",
    "similarity_correlations",
]

SHOWN = 8
"""Learners that are measured one by one; of more only the first."""
STEADY = 1e-10
"""Pair similarities of a smaller standard deviation do not vary."""


def join_levels(levels: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Unit embeddings times their weights, side by side, so that d² = sum over levels of w²·d²; float [n, sum of D].

    Args:
        levels: one float [n, D] a level, rows of length 1.
        weights: w, one a level.
    """
    return torch.cat([weight * level for weight, level in zip(weights, levels, strict=True)], dim=1)


def level_embeddings(vectors: Mapping[str, Tensor], weights: Sequence[float], equal: bool = True) -> dict[str, Tensor]:
    """Embeddings as they are compared, all of length 1.

    ``embedding`` joins the levels with their weights; with several levels these follow under their names, and
    ``equal-weights``, which joins them with weights 1.

    Args:
        vectors: one float [n, D] a level, not normalised.
        weights: one a level.
        equal: whether ``equal-weights`` is wanted.
    """
    levels = {name: functional.normalize(value, dim=1) for name, value in vectors.items()}
    parts = list(levels.values())
    final = functional.normalize(join_levels(parts, weights), dim=1)
    if len(parts) == 1:
        return {"embedding": final}
    if not equal:
        return {"embedding": final, **levels}
    joined = functional.normalize(join_levels(parts, (1.0,) * len(parts)), dim=1)
    return {"embedding": final, **levels, "equal-weights": joined}


def learner_embeddings(learners: Sequence[Tensor], weights: Sequence[float]) -> dict[str, Tensor]:
    """``level_embeddings`` of an ensemble: ``learner1``, …, and the first 2, 4, 8, … of them joined as ``first2``, ….

    Args:
        learners: one float [n, D] a learner, not normalised.
        weights: one a learner; where all are 1 there is no ``equal-weights``.
    """
    names = [f"learner{number}" for number in range(1, len(learners) + 1)]
    found = level_embeddings(dict(zip(names, learners, strict=True)), weights, any(weight != 1 for weight in weights))
    for count in (2**power for power in range(1, len(learners).bit_length())):
        if count < len(learners):
            first = [functional.normalize(learner, dim=1) for learner in learners[:count]]
            found[f"first{count}"] = functional.normalize(join_levels(first, weights[:count]), dim=1)
    return {name: value for name, value in found.items() if name not in names[SHOWN:]}


@torch.no_grad()
def similarity_correlations(learners: Sequence[Tensor]) -> Tensor:
    """Pearson correlation of the learners' cosine similarities over all pairs of images, float64 [M, M].

    A learner whose similarities do not vary has correlation 0 with the others.

    Args:
        learners: one float [n, D] a learner, rows of length 1.
    """
    count = len(learners[0])
    first, second = torch.triu_indices(count, count, 1, device=learners[0].device)
    similarities = torch.stack([(unit.double() @ unit.double().T)[first, second] for unit in learners])
    apart = similarities - similarities.mean(dim=1, keepdim=True)
    spread = apart.square().mean(dim=1, keepdim=True).sqrt()
    unit = torch.where(spread > STEADY, apart / spread.clamp(min=STEADY), 0.0) / max(1, len(first)) ** 0.5
    return (unit @ unit.T).fill_diagonal_(1.0).cpu()


def independent_learners(learners: int, correlation: float) -> float:
    """How many independent learners an ensemble is worth: M / (1 + (M-1)·r).

    The noise variance of the mean of M similarities of equal variance and correlation r is (1 + (M-1)·r)/M.
    """
    return learners / (1 + (learners - 1) * correlation)
