"""Retrieval metrics from neighbour lists."""

from collections.abc import Sequence

import numpy as np

from .neighbours import Neighbours, nearest_neighbours

__all__ = ["matches_per_query", "needed_neighbours", "retrieval_metrics", "retrieve"]


def matches_per_query(query_labels: np.ndarray, gallery_labels: np.ndarray, identity: np.ndarray | None) -> np.ndarray:
    """R: gallery items of each query's class, the query itself not counted; int64 [Q]."""
    classes, counts = np.unique(gallery_labels, return_counts=True)
    place = np.minimum(np.searchsorted(classes, query_labels), len(classes) - 1)
    found = np.where(classes[place] == query_labels, counts[place], 0)
    return found - (identity >= 0) if identity is not None else found


def needed_neighbours(recall_at: Sequence[int], matches: np.ndarray) -> int:
    """How long lists must be for all metrics: the largest k and the largest R."""
    return max(*recall_at, int(matches.max(initial=1)))


def retrieve(
    embeddings: np.ndarray, labels: np.ndarray, recall_at: Sequence[int], least: int = 1
) -> tuple[Neighbours, np.ndarray]:
    """Search every row against all others; returns the lists and R."""
    identity = np.arange(len(embeddings))
    matches = matches_per_query(labels, labels, identity)
    count = max(needed_neighbours(recall_at, matches), least)
    return nearest_neighbours(embeddings, embeddings, count, identity), matches


def retrieval_metrics(
    neighbours: Neighbours,
    query_labels: np.ndarray,
    gallery_labels: np.ndarray,
    matches: np.ndarray,
    recall_at: Sequence[int],
) -> dict[str, float | int]:
    """Recall at k, r_precision and map@r (Musgrave et al. 2020, section 3.2), in [0, 1].

    A query without a match is a miss for recall and left out of the other two.

    Args:
        neighbours: lists at least ``needed_neighbours`` long (or the whole gallery).
        query_labels: int64 [Q].
        gallery_labels: int64 [G].
        matches: int64 [Q], R of each query.
        recall_at: the k.

    Returns:
        ``recall@<k>``, ``r_precision``, ``map@r``, ``queries``, ``queries_without_match``.
    """
    hits = gallery_labels[neighbours.rows] == query_labels[:, None]
    values: dict[str, float | int] = {f"recall@{k}": float(hits[:, :k].any(axis=1).mean()) for k in recall_at}
    usable = matches > 0
    within = hits[usable] & (np.arange(hits.shape[1]) < matches[usable, None])
    if usable.any():
        precision = np.cumsum(within, axis=1) / np.arange(1, hits.shape[1] + 1)
        values["r_precision"] = float((within.sum(axis=1) / matches[usable]).mean())
        values["map@r"] = float(((precision * within).sum(axis=1) / matches[usable]).mean())
    else:
        values["r_precision"] = values["map@r"] = 0.0
    values["queries"] = len(query_labels)
    values["queries_without_match"] = int((~usable).sum())
    return values
