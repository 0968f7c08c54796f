"""k-means for many clusters: far-apart starts in a few passes, and iterations that skip what stands still."""

import numpy as np

__all__ = ["k_means"]

BATCH = 1024
"""Rows of a start that are drawn with one pass over all rows."""
TRIALS = 4
"""Rows proposed for each that is drawn for the start."""
KEPT = 0.9
"""Share of a proposal's distance that rows drawn in the same batch must leave it."""
ITERATIONS = 25
"""At most."""
GAIN = 1e-4
"""Share of the objective that an iteration must gain, or it is the last."""


def k_means(rows: np.ndarray, clusters: int, seed: int, threads: int = 1) -> tuple[np.ndarray, float]:
    """Assignment int64 [N] and sum of squared distances to the centres of the clusters.

    The start is a greedy k-means++ (Arthur and Vassilvitskii 2007) in batches. The iterations are Lloyd's: a row whose
    centre has not moved is compared with the moved centres only. A cluster that loses all its rows takes the row that
    is farthest from its centre.

    Args:
        rows: float32 [N, D], N at least ``clusters``.
        clusters: at least 1.
        seed: of the start.
        threads: of the products.
    """
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        centres, distances, assigned = _start(rows, clusters, np.random.default_rng(seed))
        objective = np.inf
        for _ in range(ITERATIONS):
            moved = _move(rows, centres, distances, assigned)
            _assign(rows, centres, moved, distances, assigned)
            last, objective = objective, float(distances.sum(dtype=np.float64))
            if not moved.any() or last - objective <= GAIN * objective:
                break
        _move(rows, centres, distances, assigned)
    finally:
        faiss.omp_set_num_threads(before)
    difference = rows - centres[assigned]
    return assigned, float(np.einsum("nd,nd->", difference, difference, dtype=np.float64))


def _start(rows: np.ndarray, clusters: int, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres [C, D], and the squared distance [N] and number [N] of the nearest one."""
    chosen = draws.integers(len(rows), size=1)
    distances, assigned = _nearest(rows, rows[chosen])
    while len(chosen) < clusters:
        new = _draw(rows, distances, min(len(chosen), BATCH, clusters - len(chosen)), draws)
        found, nearest = _nearest(rows, rows[new])
        closer = found < distances
        distances[closer], assigned[closer] = found[closer], nearest[closer] + len(chosen)
        distances[new] = 0
        chosen = np.concatenate([chosen, new])
    return rows[chosen].copy(), distances, assigned


def _draw(rows: np.ndarray, distances: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """Up to ``count`` rows for the start.

    Of ``TRIALS`` times as many, drawn with chances proportional to their distance from all rows chosen so far, those
    that lower the sum of distances most, without those that one taken before lies close to.
    """
    weights = distances.astype(np.float64)
    far = np.flatnonzero(weights)
    if not len(far):
        return draws.permutation(len(rows))[:count]
    size = min(TRIALS * count, len(far))
    proposals = draws.choice(len(rows), size=size, replace=False, p=weights / weights.sum())
    places = rows[proposals]
    apart = np.maximum(_products(places, places), 0)
    left, kept = weights[proposals], []
    for place in np.argsort(-_gains(rows, distances, places), kind="stable"):
        if left[place] > KEPT * weights[proposals[place]]:
            kept.append(proposals[place])
            np.minimum(left, apart[place], out=left)
            if len(kept) == count:
                break
    return np.array(kept)


def _gains(rows: np.ndarray, distances: np.ndarray, places: np.ndarray) -> np.ndarray:
    """By how much each of ``places`` as a centre of its own would lower the sum of distances; float64 [P]."""
    gains = np.zeros(len(places))
    for start in range(0, len(rows), 2048):
        part = slice(start, start + 2048)
        closer = distances[part, None] - _products(rows[part], places)
        gains += np.maximum(closer, 0, out=closer).sum(axis=0, dtype=np.float64)
    return gains


def _products(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Squared distances [N, M] in float32 by one product."""
    found = rows @ others.T
    found *= -2
    found += np.einsum("nd,nd->n", rows, rows)[:, None]
    found += np.einsum("md,md->m", others, others)
    return found


def _nearest(rows: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    index = faiss.IndexFlatL2(centres.shape[1])
    index.add(centres)
    distances, nearest = index.search(rows, 1)
    return distances[:, 0], nearest[:, 0]


def _move(rows: np.ndarray, centres: np.ndarray, distances: np.ndarray, assigned: np.ndarray) -> np.ndarray:
    """Bring centres to the means of their rows, in place; returns which moved, bool [C]."""
    counts = np.bincount(assigned, minlength=len(centres))
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        farthest = np.argsort(-distances, kind="stable")[: len(empty)]
        assigned[farthest], distances[farthest] = empty, 0
        counts = np.bincount(assigned, minlength=len(centres))
    order = np.argsort(assigned, kind="stable")
    held = np.flatnonzero(counts)
    starts = (np.cumsum(counts) - counts)[held]
    means = centres.copy()
    means[held] = np.add.reduceat(rows[order], starts, axis=0) / counts[held, None].astype(np.float32)
    moved = (means != centres).any(axis=1)
    centres[moved] = means[moved]
    return moved


def _assign(
    rows: np.ndarray, centres: np.ndarray, moved: np.ndarray, distances: np.ndarray, assigned: np.ndarray
) -> None:
    """Bring distances and assignments up to date, in place."""
    if not moved.any():
        return
    afresh = np.flatnonzero(moved[assigned])
    others = np.flatnonzero(~moved[assigned])
    distances[afresh], assigned[afresh] = _nearest(rows[afresh], centres)
    if len(others):
        candidates = np.flatnonzero(moved)
        found, nearest = _nearest(rows[others], centres[candidates])
        closer = found < distances[others]
        distances[others[closer]], assigned[others[closer]] = found[closer], candidates[nearest[closer]]
