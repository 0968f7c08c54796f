"""How good SCHEM's searches are: signatures against true class means, the bank against fresh embeddings."""

import numpy as np
import torch
from torch import Tensor

from hardmine.mining.classes import class_means

from .signatures import class_pool, group_similarity, hardest

__all__ = ["bank_agreement", "hard_class_pairs", "signature_recall"]

STEADY = 1e-5
"""Cosine similarities of a smaller standard deviation do not vary: float32 rounding alone gives 2e-7."""


def signature_recall(
    embeddings: Tensor, labels: np.ndarray, signatures: Tensor, anchor_classes: np.ndarray, size: int, nearest: int = 20
) -> float:
    """Mean share of the pools of hard classes that are among the classes with the nearest true means.

    A random pool scores ``nearest`` / (C-1).

    Args:
        embeddings: float [k, D] of length 1, of some images of every class: anchor groups, and means.
        labels: int64 [k].
        signatures: float32 [C, D] of length 1.
        anchor_classes: int64, the classes to take the mean over.
        size: classes in a pool.
        nearest: how many means count as near.
    """
    means = class_means(embeddings, labels, len(signatures))
    shares = []
    for own in anchor_classes:
        group = embeddings[torch.from_numpy(np.flatnonzero(labels == own)).to(embeddings.device)]
        pool = class_pool(group, signatures, int(own), size)
        near = class_pool(means[own : own + 1], means, int(own), nearest)
        shares.append(torch.isin(pool, near).float().mean().item())
    return float(np.mean(shares))


def bank_agreement(anchors: Tensor, stored: Tensor, fresh: Tensor, how: str = "max") -> float | None:
    """Pearson correlation of h by the bank's embeddings with h by fresh ones; None where either does not vary.

    Args:
        anchors: float [a, D] of length 1, fresh.
        stored: float [k, D], as the bank has them.
        fresh: float [k, D], of the same images.
        how: see ``group_similarity``.
    """
    if len(stored) < 2:
        return None
    both = torch.stack([group_similarity(anchors, stored, how), group_similarity(anchors, fresh, how)])
    if (both.std(dim=1) < STEADY).any():
        return None
    return torch.corrcoef(both)[0, 1].item()


def hard_class_pairs(signatures: Tensor, classes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of classes with the most similar signatures, each class at most once.

    Args:
        signatures: float32 [C, D] of length 1.
        classes: int64 [k], those to look at.
        count: pairs wanted.

    Returns:
        Pairs int64 [at most count, 2], most similar first, and their cosine similarities float32.
    """
    own = signatures[torch.from_numpy(classes).to(signatures.device)].float()
    similarities = own @ own.T
    first, second = torch.triu_indices(len(own), len(own), offset=1, device=own.device)
    order = hardest(similarities[first, second], 50 * count).tolist()
    pairs: list[tuple[int, int]] = []
    used: set[int] = set()
    for position in order:
        pair = (int(first[position]), int(second[position]))
        if used.isdisjoint(pair) and len(pairs) < count:
            pairs.append(pair)
            used.update(pair)
    places = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return classes[places], similarities.cpu().numpy()[places[:, 0], places[:, 1]]
