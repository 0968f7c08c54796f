"""One exact, blocked neighbour search that feeds every metric."""

from dataclasses import dataclass

import numpy as np

from hardmine.errors import UserError

__all__ = ["Neighbours", "nearest_neighbours"]


@dataclass(frozen=True)
class Neighbours:
    """Lists of nearest gallery rows.

    Attributes:
        rows: int64 [Q, K], gallery rows by ascending distance, ties by ascending row.
        distances: float32 [Q, K], squared Euclidean distances.
    """

    rows: np.ndarray
    distances: np.ndarray


def nearest_neighbours(
    queries: np.ndarray, gallery: np.ndarray, count: int, identity: np.ndarray | None = None, block: int = 1024
) -> Neighbours:
    """Exact nearest neighbours by squared Euclidean distance.

    A float32 matrix product proposes candidates; their distances are taken again in float64 from differences. Where
    the rounding of the product could have hidden a neighbour, the row is done again in float64 as a whole, so the
    lists equal those of a float64 search, ties (equal float64 distances) going to the lower row.

    Args:
        queries: float32 [Q, D].
        gallery: float32 [G, D].
        count: neighbours wanted; lists are shorter where the gallery is.
        identity: int64 [Q], the gallery row that is the query itself and is left out, -1 for none; None likewise.
        block: queries done at once; memory is about 8·block·G bytes.

    Raises:
        UserError: a value is not finite.
    """
    for name, array in (("queries", queries), ("gallery", gallery)):
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
            raise UserError(f"embeddings: row {row} of the {name} holds a value that is not finite.")
    available = len(gallery) - (identity is not None)
    count = max(min(count, available), 0)
    rows = np.empty((len(queries), count), dtype=np.int64)
    distances = np.empty((len(queries), count), dtype=np.float32)
    wide = gallery.astype(np.float64)
    norms = np.einsum("gd,gd->g", gallery, gallery)
    for start in range(0, len(queries), block):
        part = slice(start, min(start + block, len(queries)))
        own = None if identity is None else identity[part]
        rows[part], distances[part] = _search(queries[part], gallery, wide, norms, count, own)
    return Neighbours(rows, distances)


def _search(
    queries: np.ndarray, gallery: np.ndarray, wide: np.ndarray, norms: np.ndarray, count: int, own: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    rough = queries @ gallery.T
    rough *= -2
    rough += norms
    rough += np.einsum("qd,qd->q", queries, queries)[:, None]
    if own is not None:
        known = np.flatnonzero(own >= 0)
        rough[known, own[known]] = np.inf
    kept = min(count + 8, len(gallery))
    candidates = np.argpartition(rough, kept - 1, axis=1)[:, :kept] if kept < len(gallery) else _all_columns(rough)
    exact = _distances(queries, wide, candidates)
    taken = np.isinf(np.take_along_axis(rough, candidates, axis=1))
    exact[taken] = np.inf
    order = np.lexsort((candidates, exact), axis=1)[:, :count]
    rows = np.take_along_axis(candidates, order, axis=1)
    distances = np.take_along_axis(exact, order, axis=1)
    if count and kept < len(gallery):
        scale = float(norms.max()) + np.einsum("qd,qd->q", queries, queries)
        error = (queries.shape[1] + 4) * np.finfo(np.float32).eps * scale
        limit = np.take_along_axis(rough, candidates, axis=1).max(axis=1)
        for row in np.flatnonzero(limit - error <= distances[:, -1]):
            rows[row], distances[row] = _search_row(queries[row], wide, count, -1 if own is None else int(own[row]))
    return rows, distances.astype(np.float32)


def _all_columns(rough: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.arange(rough.shape[1]), rough.shape)


def _distances(queries: np.ndarray, wide: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """float64 squared distances of each query to its candidates, a few rows at a time."""
    exact = np.empty(candidates.shape)
    step = max(1, 4_000_000 // max(1, candidates.shape[1] * wide.shape[1]))
    for start in range(0, len(queries), step):
        difference = wide[candidates[start : start + step]] - queries[start : start + step, None, :]
        exact[start : start + step] = np.einsum("qkd,qkd->qk", difference, difference)
    return exact


def _search_row(query: np.ndarray, wide: np.ndarray, count: int, own: int) -> tuple[np.ndarray, np.ndarray]:
    difference = wide - query
    exact = np.einsum("gd,gd->g", difference, difference)
    if own >= 0:
        exact[own] = np.inf
    order = np.lexsort((np.arange(len(exact)), exact))[:count]
    return order, exact[order]
