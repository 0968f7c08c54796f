"""A bank of embeddings with ages, and the search for hard images in it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .signatures import group_similarity, hardest

__all__ = ["Embed", "FeatureBank", "instance_pool"]

Embed = Callable[[np.ndarray], Tensor]
"""int64 [k], rows of training images, to their embeddings of length 1, float [k, D], without gradient."""


class FeatureBank:
    """Z: the last known embedding of every training image, and the step in which it was written.

    Args:
        images: N.
        dimensions: D.
        max_age: steps an entry may be old; None for no limit.
        device: where the entries lie.
        half: store float16 instead of float32.
    """

    def __init__(
        self, images: int, dimensions: int, max_age: int | None, device: torch.device | str = "cpu", half: bool = False
    ) -> None:
        self.max_age = max_age
        self.vectors = torch.zeros(images, dimensions, dtype=torch.float16 if half else torch.float32, device=device)
        self.written = np.full(images, -1, dtype=np.int64)

    def write(self, rows: np.ndarray, embeddings: Tensor, step: int) -> None:
        """Store embeddings float [k, D] of ``rows`` int64 [k] as of a step; of a row given twice, the first counts."""
        unique, first = np.unique(rows, return_index=True)
        values = embeddings.detach()[torch.from_numpy(first).to(embeddings.device)]
        self.vectors[torch.from_numpy(unique).to(self.vectors.device)] = values.to(self.vectors)
        self.written[unique] = step

    def read(self, rows: np.ndarray) -> Tensor:
        """Entries of ``rows``, float32 [k, D]."""
        return self.vectors[torch.from_numpy(rows).to(self.vectors.device)].float()

    def known(self, rows: np.ndarray) -> np.ndarray:
        """Which entries were ever written, bool [k]."""
        return self.written[rows] >= 0

    def ages(self, rows: np.ndarray, step: int) -> np.ndarray:
        """Steps since the entries were written, int64 [k]; meaningless where nothing was."""
        return step - self.written[rows]

    def stale(self, rows: np.ndarray, step: int) -> np.ndarray:
        """Which entries are missing or older than ``max_age``, bool [k]."""
        missing = ~self.known(rows)
        return missing if self.max_age is None else missing | (self.ages(rows, step) > self.max_age)

    def renew(self, rows: np.ndarray, embed: Embed, step: int) -> None:
        """Embed the stale ones among ``rows`` again."""
        old = rows[self.stale(rows, step)]
        if len(old):
            self.write(old, embed(old), step)

    def state_dict(self) -> dict[str, Any]:
        """Entries and their steps."""
        return {"vectors": self.vectors, "written": self.written}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved entries."""
        self.vectors.copy_(state["vectors"])
        self.written = np.array(state["written"], dtype=np.int64)


def instance_pool(
    anchors: Tensor, candidates: np.ndarray, bank: FeatureBank, embed: Embed, step: int, size: int, how: str = "max"
) -> np.ndarray:
    """P_s: the ``size`` candidates nearest to the anchor group, nearest first, ties to the earlier candidate.

    Where there are no more candidates than wanted, all are taken in their order and no embedding is needed.

    Args:
        anchors: float [a, D] of length 1.
        candidates: int64 [k], rows of training images.
        bank: gives their embeddings; stale ones are embedded again.
        embed: embeds images.
        step: the running step, from which ages count.
        size: beta·(K-1)·eta.
        how: see ``group_similarity``.
    """
    if len(candidates) <= size:
        return candidates
    bank.renew(candidates, embed, step)
    scores = group_similarity(anchors, bank.read(candidates), how)
    return candidates[hardest(scores, size).cpu().numpy()]
