"""Protocols: who searches whom among the images of a split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hardmine.errors import UserError

from .metrics import Ranks, Task, all_against_rest, ranking_metrics, retrieval_metrics

__all__ = ["Search", "searches_of"]

Metrics = Callable[[Ranks, Sequence[int]], dict[str, float]]


@dataclass(frozen=True)
class Search:
    """One search of a protocol.

    Attributes:
        queries: int64 [Q], places of the queries among the images of the split.
        gallery: int64 [G], places of the gallery; the same array where every image searches all others.
        draw: number of the draw from 1; 0 where nothing is drawn.
        metrics: what is measured of it.
    """

    queries: np.ndarray
    gallery: np.ndarray
    draw: int
    metrics: Metrics

    def task(self, embeddings: np.ndarray, labels: np.ndarray) -> Task:
        """The search with the embeddings [N, D] and class numbers [N] of the split."""
        if self.queries is self.gallery:
            return all_against_rest(embeddings, labels)
        return Task(embeddings[self.queries], labels[self.queries], embeddings[self.gallery], labels[self.gallery])


def searches_of(protocol: str, labels: np.ndarray, roles: np.ndarray, names: np.ndarray, draws: int) -> list[Search]:
    """The searches of a protocol.

    Args:
        protocol: a name of ``hardmine.settings.evaluation.Protocol``.
        labels: int64 [N], class numbers of the images of a split.
        roles: [N], ``both``, ``query`` or ``gallery``.
        names: [N], names of the images; draws do not depend on the order of rows.
        draws: galleries to draw, where the protocol draws any.

    Raises:
        UserError: the images have no fitting roles.
    """
    everything = np.arange(len(labels))
    if protocol == "all-against-rest":
        return [Search(everything, everything, 0, retrieval_metrics)]
    if protocol == "query-gallery":
        queries, gallery = np.flatnonzero(roles == "query"), np.flatnonzero(roles == "gallery")
        if not len(queries) or not len(gallery):
            raise UserError(
                f"evaluation.protocols: query-gallery needs queries and a gallery; items.csv has {len(queries)} and "
                f"{len(gallery)} images of these roles. Leave the key out, or name all-against-rest."
            )
        return [Search(queries, gallery, 0, retrieval_metrics)]
    searches = []
    for draw in range(1, draws + 1):
        ones = _one_of_each_class(labels, names, draw)
        others = np.setdiff1d(everything, ones)
        if not len(others):
            raise UserError(f"evaluation.protocols: {protocol} needs a class of two images; every class has one.")
        queries, gallery = (others, ones) if protocol == "one-gallery-image" else (ones, others)
        searches.append(Search(queries, gallery, draw, ranking_metrics))
    return searches


def _one_of_each_class(labels: np.ndarray, names: np.ndarray, seed: int) -> np.ndarray:
    """A random image of each class, from images sorted by class and name; places, ascending."""
    order = np.lexsort((names, labels))
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    chosen = np.random.default_rng(seed).integers(0, counts)
    return np.sort(order[starts + chosen])
