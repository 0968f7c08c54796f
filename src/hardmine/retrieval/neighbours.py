"""One exact search that feeds every metric: lists of neighbours, and ranks of matches."""

from dataclasses import dataclass

import numpy as np

from .products import Block, each_block, pair_distances

__all__ = ["Neighbours", "lists_in", "nearest_neighbours", "ranks_in"]


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
    queries: np.ndarray,
    gallery: np.ndarray,
    count: int,
    identity: np.ndarray | None = None,
    threads: int = 1,
    block: int = 256,
    device: str = "cpu",
) -> Neighbours:
    """Exact nearest neighbours by squared Euclidean distance.

    A float32 matrix product proposes candidates, more than enough by the bound of its error; their distances are taken
    again in float64 from differences. So the lists equal those of a float64 search, ties (equal float64 distances)
    going to the lower row.

    Args:
        queries: float32 [Q, D].
        gallery: float32 [G, D].
        count: neighbours wanted; lists are shorter where the gallery is.
        identity: int64 [Q], the gallery row that is the query itself and is left out, -1 for none; None likewise.
        threads: blocks done at once.
        block: queries done at once; memory is about 5·block·G bytes a thread.
        device: cpu (numpy), or a device of torch for the product.

    Raises:
        UserError: a value is not finite, or too large to be squared.
    """
    count = max(min(count, len(gallery) - (identity is not None)), 0)
    rows = np.empty((len(queries), count), dtype=np.int64)
    distances = np.empty((len(queries), count), dtype=np.float32)

    def fill(part: slice, one: Block) -> None:
        rows[part], distances[part] = lists_in(one, count)

    each_block(fill, queries, gallery, identity, threads, block, device)
    return Neighbours(rows, distances)


def lists_in(block: Block, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 [b, count] and squared distances float64 [b, count] of the nearest neighbours of a block.

    If ``count`` rough distances lie within v, as many true ones lie within v + error, and what has a rough distance
    beyond v + 2 error is farther than these.
    """
    each = np.arange(len(block.queries))
    if not count:
        return np.empty((len(each), 0), dtype=np.int64), np.empty((len(each), 0))
    owners, rows, rough = block.found.up_to(_raised(block.found.at_least(count) + 2 * block.error))
    last = rough[np.lexsort((rough, owners))[np.searchsorted(owners, each) + count - 1]]
    kept = rough <= _raised(last + 2 * block.error)[owners]
    owners, rows = owners[kept], rows[kept]
    exact = pair_distances(block.queries, block.gallery, owners, rows)
    order = np.lexsort((rows, exact, owners))
    chosen = order[np.searchsorted(owners, each)[:, None] + np.arange(count)]
    return rows[chosen], exact[chosen]


def ranks_in(block: Block, owners: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rank, from 1, of gallery rows in the lists of queries of a block, ties going to the lower row; int64 [P].

    Args:
        block: the block.
        owners: int64 [P] ascending, places of queries in the block.
        rows: int64 [P], gallery rows, none of them the query itself.
    """
    true = pair_distances(block.queries, block.gallery, owners, rows)
    less, error = true - block.offset[owners], block.error[owners]
    low, high = -_raised(error - less), _raised(less + error)
    nearer, upto = block.found.counts(owners, low, high)
    ranks = nearer + 1
    for pair in np.flatnonzero(upto - nearer > 1):
        close = block.found.between(int(owners[pair]), low[pair], high[pair])
        exact = pair_distances(block.queries, block.gallery, np.full(len(close), owners[pair]), close)
        ranks[pair] += ((exact < true[pair]) | ((exact == true[pair]) & (close < rows[pair]))).sum()
    return ranks


def _raised(values: np.ndarray) -> np.ndarray:
    """As float32, never smaller."""
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))
