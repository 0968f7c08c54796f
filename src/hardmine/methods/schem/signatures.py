"""Class signatures: one learned vector a class, and the search for hard classes among them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ClassSignatures", "class_pool", "group_similarity", "hardest"]


class ClassSignatures(nn.Module):
    """W, one vector a class; only the directions of its rows matter, to the loss and to the search alike.

    Args:
        classes: C.
        dimensions: D.
        generator: of the random unit vectors at the start, on the CPU.

    Attributes:
        weight: float32 [C, D].
    """

    def __init__(self, classes: int, dimensions: int, generator: torch.Generator) -> None:
        super().__init__()
        start = torch.randn(classes, dimensions, generator=generator)
        self.weight = nn.Parameter(functional.normalize(start, dim=1))

    def unit(self) -> Tensor:
        """Rows of length 1, float32 [C, D], with gradient."""
        return functional.normalize(self.weight, dim=1)

    @torch.no_grad()
    def renormalise(self) -> None:
        """Bring the rows themselves to length 1."""
        self.weight.copy_(functional.normalize(self.weight, dim=1))

    @torch.no_grad()
    def start_from_means(self, embeddings: Tensor, labels: Tensor) -> None:
        """Set every row to the direction of its class's mean embedding.

        Args:
            embeddings: float [N, D] of length 1.
            labels: int64 [N]; a class without an image keeps its row.
        """
        sums = torch.zeros_like(self.weight).index_add_(0, labels, embeddings.float())
        present = sums.norm(dim=1) > 0
        self.weight[present] = functional.normalize(sums[present], dim=1)


def group_similarity(anchors: Tensor, vectors: Tensor, how: str = "max") -> Tensor:
    """S_g: cosine similarity of a group of anchors to each vector, float32 [k].

    S_g(B, v) = max over b in B of x_b·v (or the mean): a vector close to a single anchor counts as close.

    Args:
        anchors: float [a, D] of length 1.
        vectors: float [k, D] of length 1.
        how: ``max`` or ``mean``.
    """
    similarities = anchors.float() @ vectors.float().T
    return similarities.amax(dim=0) if how == "max" else similarities.mean(dim=0)


def hardest(scores: Tensor, size: int) -> Tensor:
    """Positions of the ``size`` largest scores, largest first, ties to the lower position; int64 [min(size, k)]."""
    size = min(size, len(scores))
    if not size:
        return torch.empty(0, dtype=torch.int64, device=scores.device)
    limit = scores.topk(size).values[-1]
    reached = (scores >= limit).nonzero().squeeze(1)
    order = scores[reached].sort(descending=True, stable=True).indices
    return reached[order[:size]]


@torch.no_grad()
def class_pool(anchors: Tensor, signatures: Tensor, anchor_class: int, size: int, how: str = "max") -> Tensor:
    """P_c: the hard classes of an anchor group, nearest first, never the anchor class itself; int64 [min(size, C-1)].

    Args:
        anchors: float [a, D] of length 1.
        signatures: float [C, D] of length 1.
        anchor_class: c_a.
        size: alpha·(K-1).
        how: see ``group_similarity``.
    """
    scores = group_similarity(anchors, signatures, how)
    scores[anchor_class] = -torch.inf
    return hardest(scores, min(size, len(scores) - 1))
