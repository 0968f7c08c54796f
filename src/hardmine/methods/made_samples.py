"""What methods that train on made samples share: when they begin, and what is known of the samples."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hardmine.mining.classes import batch_means

__all__ = ["COMPARE_EVERY", "compare_gradients", "early_and_late", "labels_kept", "steps_of_share"]

COMPARE_EVERY = 20
"""Steps from one look at the network's two gradients to the next; each costs two more backward passes."""


def steps_of_share(share: float, total: int) -> int:
    """The steps that a share of a training takes, rounded.

    Args:
        share: in [0, 1].
        total: steps of the training.
    """
    return round(share * total)


def early_and_late(first: int, total: int) -> Mapping[int, str]:
    """Step number → moment, for points that figures show: ``early`` at ``first``, ``late`` in the last step."""
    return {first: "early", total - 1: "late"}


@torch.no_grad()
def labels_kept(embeddings: Tensor, labels: Tensor, made: Tensor, made_labels: Tensor) -> Tensor:
    """Share of made points whose nearest mean of a class in the batch is that of their label, a scalar.

    Args:
        embeddings: of the batch, float [B, D].
        labels: int64 [B].
        made: float [m, D].
        made_labels: int64 [m], each among ``labels``.
    """
    means, _ = batch_means(embeddings.detach(), labels)
    nearest = torch.cdist(made.detach(), means).argmin(dim=1)
    return (labels.unique()[nearest] == made_labels).float().mean()


def compare_gradients(weights: Sequence[nn.Parameter], real: Tensor, made: Tensor) -> dict[str, Tensor]:
    """The gradient of a loss on made samples beside that on real ones: ``gradient_ratio`` and ``gradient_cosine``.

    The ratio of lengths is made over real; both are 0 where one of the gradients is 0.

    Args:
        weights: of the network.
        real: loss on real samples; its graph stays.
        made: loss on made ones; its graph stays.
    """
    found = [
        torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
        for loss in (real, made)
    ]
    first, second = (torch.cat([part.flatten() for part in parts]) for parts in found)
    near, far = first.norm(), second.norm()
    some = (near > 0) & (far > 0)
    zero = torch.zeros_like(near)
    ratio = torch.where(some, far / near.clamp(min=1e-30), zero)
    return {"gradient_ratio": ratio, "gradient_cosine": torch.where(some, (first / near) @ (second / far), zero)}
