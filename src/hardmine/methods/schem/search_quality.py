"""How good SCHEM's searches are: signatures against true class means, the bank against fresh embeddings."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .signatures import class_pool, group_similarity, hardest

__all__ = ["bank_agreement", "class_means", "hard_class_pairs", "signature_recall", "some_of_each"]

STEADY = 1e-5
"""Cosine similarities of a smaller standard deviation do not vary: float32 rounding alone gives 2e-7."""


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
