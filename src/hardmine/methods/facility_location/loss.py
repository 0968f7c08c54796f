"""The facility-location loss of a clustering, and its control without medoids."""

import torch
from torch import Tensor

__all__ = ["contrastive_push", "distances_of", "facility_bracket", "pull"]


def distances_of(rows: Tensor, kind: str = "l2") -> Tensor:
    """δ, float [n, n], from differences: 0 and without gradient where two rows are equal.

    Args:
        rows: float [n, D].
        kind: ``l2`` or ``squared``.
    """
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    return distances if kind == "l2" else distances.square()


def pull(distances: Tensor, medoids: Tensor) -> Tensor:
    """Sum over images of the distance to a medoid, a scalar: -F of these medoids.

    Args:
        distances: δ, float [n, n].
        medoids: int64 [n], the medoid's row of each image.
    """
    return distances.gather(1, medoids[:, None]).sum()


def facility_bracket(distances: Tensor, owners: Tensor, class_owners: Tensor, gamma: float, wrong: float) -> Tensor:
    """F(S) + γΔ(S) - F~, a scalar: what the hinge is taken of. The loss is its positive part.

    Medoids and assignments are constants: images are pushed off the medoid that was found and pulled to that of their
    class, and where both are one image the terms cancel.

    Args:
        distances: δ, float [n, n], with gradient.
        owners: int64 [n], the row of each image's medoid.
        class_owners: int64 [n], the row of its class's medoid.
        gamma: γ, on the sum over images.
        wrong: Δ(S).
    """
    return pull(distances, class_owners) - pull(distances, owners) + gamma * wrong


def contrastive_push(distances: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Mean of margin - δ over the pairs of different classes closer than the margin, a scalar; 0 without any.

    Args:
        distances: δ, float [n, n].
        labels: int64 [n].
        margin: on δ.
    """
    values = torch.relu(margin - distances) * (labels[:, None] != labels[None, :])
    return values.sum() / (values > 0).sum().clamp(min=1)
