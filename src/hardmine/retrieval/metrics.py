"""Retrieval metrics, from the exact ranks of all matches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .neighbours import Neighbours, lists_in, ranks_in
from .products import Block, each_block

__all__ = ["Ranks", "Task", "all_against_rest", "name_and_k", "rank_matches", "ranking_metrics", "retrieval_metrics"]


@dataclass(frozen=True)
class Task:
    """Who searches whom.

    Attributes:
        queries: float32 [Q, D].
        query_labels: int64 [Q].
        gallery: float32 [G, D].
        gallery_labels: int64 [G].
        identity: int64 [Q], the gallery row that is the query itself, -1 for none; None where no query is in it.
    """

    queries: np.ndarray
    query_labels: np.ndarray
    gallery: np.ndarray
    gallery_labels: np.ndarray
    identity: np.ndarray | None = None


@dataclass(frozen=True)
class Ranks:
    """Where the matches of every query stand in its ranking of the gallery, the query itself left out.

    Attributes:
        queries: how many there are.
        owners: int64 [M] ascending, the query of each match.
        ranks: int64 [M] from 1, ascending within a query.
        places: int64 [M] from 1, the how manieth match of its query each is.
        matches: int64 [Q], R, how many each query has.
    """

    queries: int
    owners: np.ndarray
    ranks: np.ndarray
    places: np.ndarray
    matches: np.ndarray


def all_against_rest(embeddings: np.ndarray, labels: np.ndarray) -> Task:
    """Every row searches all others."""
    return Task(embeddings, labels, embeddings, labels, np.arange(len(labels)))


def rank_matches(task: Task, kept: int = 0, threads: int = 1, device: str = "cpu") -> tuple[Ranks, Neighbours]:
    """One exact search: the ranks of all matches, and lists of ``kept`` neighbours (at most the whole gallery).

    Ties go to the lower row. Long lists are never held: a rank is a count of what is nearer.

    Raises:
        UserError: a value is not finite, or too large to be squared.
    """
    count = max(min(kept, len(task.gallery) - (task.identity is not None)), 0)
    by_label = np.argsort(task.gallery_labels, kind="stable")
    ordered = task.gallery_labels[by_label]

    def work(part: slice, block: Block) -> tuple[np.ndarray, ...]:
        rows, distances = lists_in(block, count)
        owners, matching = _pairs(task.query_labels[part], ordered, by_label)
        if task.identity is not None:
            others = matching != task.identity[part][owners]
            owners, matching = owners[others], matching[others]
        ranks = ranks_in(block, owners, matching)
        order = np.lexsort((ranks, owners))
        return owners[order] + part.start, ranks[order], rows, distances.astype(np.float32)

    parts = each_block(work, task.queries, task.gallery, task.identity, threads, device=device)
    owners, ranks, rows, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
    matches = np.bincount(owners, minlength=len(task.queries))
    places = np.arange(len(owners)) - np.repeat(np.cumsum(matches) - matches, matches) + 1
    return Ranks(len(task.queries), owners, ranks, places, matches), Neighbours(rows, distances)


def _pairs(labels: np.ndarray, ordered: np.ndarray, by_label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of queries, ascending, and gallery rows of all pairs of one class."""
    starts, ends = np.searchsorted(ordered, labels, side="left"), np.searchsorted(ordered, labels, side="right")
    counts = ends - starts
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(labels)), counts), by_label[np.repeat(starts, counts) + within]


def retrieval_metrics(found: Ranks, recall_at: Sequence[int]) -> dict[str, float]:
    """``recall@<k>``, ``r_precision`` and ``map@r`` (Musgrave et al. 2020, section 3.2), in [0, 1].

    A query without a match is a miss for recall and left out of the other two, which are 0 where no query has any.
    """
    values = _share_within("recall", found, recall_at)
    near = found.ranks <= found.matches[found.owners]
    owners = found.owners[near]
    values["r_precision"] = _mean_over_matched(np.bincount(owners, minlength=found.queries), found)
    precision = np.bincount(owners, found.places[near] / found.ranks[near], minlength=found.queries)
    values["map@r"] = _mean_over_matched(precision, found)
    return values


def ranking_metrics(found: Ranks, at: Sequence[int]) -> dict[str, float]:
    """``cmc@<k>`` and ``map`` over the whole ranking, in [0, 1].

    ``cmc`` at k is the share of queries with a match among the k nearest. The average precision of a query with
    matches at the ranks r1 < r2 < … is the mean of i / ri; with one match, 1 / r1. A query without a match is a miss
    for ``cmc`` and left out of ``map``.
    """
    values = _share_within("cmc", found, at)
    precision = np.bincount(found.owners, found.places / found.ranks, minlength=found.queries)
    values["map"] = _mean_over_matched(precision, found)
    return values


def name_and_k(name: str) -> tuple[str, int | None]:
    """``recall@4`` and ``cmc@4`` taken apart; other names have no k."""
    metric, _, k = name.partition("@") if name.startswith(("recall@", "cmc@")) else (name, "", "")
    return metric, int(k) if k else None


def _share_within(name: str, found: Ranks, at: Sequence[int]) -> dict[str, float]:
    first = found.ranks[found.places == 1]
    return {f"{name}@{k}": float((first <= k).sum() / found.queries) for k in at}


def _mean_over_matched(sums: np.ndarray, found: Ranks) -> float:
    usable = found.matches > 0
    return float((sums[usable] / found.matches[usable]).mean()) if usable.any() else 0.0
