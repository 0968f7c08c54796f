"""SCHEM's triplet loss: the mean over the triplets that violate the margin."""

from torch import Tensor

from hardmine.methods.hinge import Hinge, hinge_loss

__all__ = ["triplet_loss"]


def triplet_loss(
    distances: Tensor, positives: Tensor, negatives: Tensor, margin: float, mean: str = "violating"
) -> Hinge:
    """Mean of l = max(0, d(a, p) - d(a, n) + m) over the triplets with l > 0, or over all of them.

    Args:
        distances: float [a, n] of anchors to images.
        positives: bool [a, n].
        negatives: bool [a, n].
        margin: m.
        mean: ``violating`` or ``all``.
    """
    valid = positives[:, :, None] & negatives[:, None, :]
    return hinge_loss(distances[:, :, None], distances[:, None, :], valid, margin, mean)
