"""Blocks of float32 squared distances by one matrix product, and how far they may be from the true ones."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from hardmine.errors import UserError

__all__ = ["Block", "Distances", "each_block", "pair_distances", "product_error", "squared_norms"]

Result = TypeVar("Result")
_KEPT = threading.local()
_SORTED_COST = 1500
"""Sorting a row of G costs about as much as counting it G / 1500 times."""


class Distances(Protocol):
    """Squared distances of b queries to the whole gallery less |q|², as the product gives them: |g|² - 2 q·g.

    The query itself, where it is in the gallery, is infinitely far.
    """

    def at_least(self, count: int) -> np.ndarray:
        """For each query a value that at least ``count`` distances do not exceed; float32 [b]."""
        ...

    def up_to(self, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queries, gallery rows and distances of all pairs up to the query's limit (float32 [b]), in that order."""
        ...

    def counts(self, owners: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each entry, distances of query ``owners`` below ``low`` and up to ``high``; owners ascend."""
        ...

    def between(self, owner: int, low: float, high: float) -> np.ndarray:
        """Gallery rows with ``low`` ≤ distance ≤ ``high`` for one query, ascending."""
        ...


@dataclass(frozen=True)
class Block:
    """Some queries and the gallery.

    Attributes:
        queries: float32 [b, D].
        gallery: float32 [G, D].
        found: their distances by the product.
        offset: float64 [b], |q|² less the centre, what ``found`` lacks.
        error: float64 [b], how far ``found`` may be from the true ones.
    """

    queries: np.ndarray
    gallery: np.ndarray
    found: Distances
    offset: np.ndarray
    error: np.ndarray


class HostDistances:
    """``Distances`` in numpy, until the next one is made in the same thread: they share their memory."""

    def __init__(self, queries: np.ndarray, gallery: np.ndarray, norms: np.ndarray, own: np.ndarray | None) -> None:
        space = getattr(_KEPT, "space", None)
        if space is None or space.shape != (len(queries), len(gallery)):
            space = _KEPT.space = np.empty((len(queries), len(gallery)), dtype=np.float32)
        self._rough = np.matmul(-2 * queries, gallery.T, out=space)
        self._rough += norms
        if own is not None:
            known = np.flatnonzero(own >= 0)
            self._rough[known, own[known]] = np.inf

    def at_least(self, count: int) -> np.ndarray:
        """The count-th smallest, or that of the minima of interleaved groups, which is not smaller."""
        width = max(4 * count, 128)
        height = self._rough.shape[1] // width
        values = self._rough
        if height > 1:
            values = values[:, : height * width].reshape(len(values), height, width).min(axis=1)
        return np.partition(values, count - 1, axis=1)[:, count - 1]

    def up_to(self, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See ``Distances``."""
        flat = np.flatnonzero(self._rough <= limits[:, None])
        owners, rows = np.divmod(flat, self._rough.shape[1])
        return owners, rows, self._rough.reshape(-1)[flat]

    def counts(self, owners: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Distances``; by sorting where there are many entries a query."""
        below, upto = np.empty(len(owners), dtype=np.int64), np.empty(len(owners), dtype=np.int64)
        if len(owners) * _SORTED_COST < self._rough.size:
            for entry, owner in enumerate(owners):
                below[entry] = np.count_nonzero(self._rough[owner] < low[entry])
                upto[entry] = np.count_nonzero(self._rough[owner] <= high[entry])
            return below, upto
        ordered = np.sort(self._rough, axis=1)
        edges = np.searchsorted(owners, np.arange(len(ordered) + 1))
        for owner, row in enumerate(ordered):
            part = slice(edges[owner], edges[owner + 1])
            below[part] = np.searchsorted(row, low[part], side="left")
            upto[part] = np.searchsorted(row, high[part], side="right")
        return below, upto

    def between(self, owner: int, low: float, high: float) -> np.ndarray:
        """See ``Distances``."""
        row = self._rough[owner]
        return np.flatnonzero((row >= low) & (row <= high))


def product_error(queries: np.ndarray, largest_norm: float) -> np.ndarray:
    """How far |g|² - 2 q·g in float32 may be from the true distance less |q|²; float64 [b].

    Both q and g are what float32 makes of an original less a common centre.

    With unit roundoff u, a dot product of D terms, summed in any order, is within D·u / (1 - D·u) · |q|·|g| of the true
    one (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and 2|q|·|g| ≤ |q|² + |g|². The norm and
    the addition add less than 12 u (|q|² + |g|²), the rounding of the differences from the centre less than 8 u.

    Args:
        queries: float32 [b, D], less the centre.
        largest_norm: the largest |g|².
    """
    roundoff = float(np.finfo(np.float32).eps) / 2
    terms = (queries.shape[1] + 20) * roundoff
    scale = squared_norms(queries) + largest_norm
    return terms / (1 - terms) * scale + float(np.finfo(np.float32).tiny)


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """|x|² of each row, taken in float64; float64 [N]."""
    return np.einsum("nd,nd->n", rows, rows, dtype=np.float64)


def pair_distances(queries: np.ndarray, gallery: np.ndarray, owners: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Squared distances of pairs (query, gallery row) from float64 differences; float64 [P]."""
    exact = np.empty(len(owners))
    step = max(1, 131072 // max(1, queries.shape[1]))
    for start in range(0, len(owners), step):
        part = slice(start, start + step)
        difference = gallery[rows[part]].astype(np.float64)
        difference -= queries[owners[part]]
        np.einsum("pd,pd->p", difference, difference, out=exact[part])
    return exact


def each_block(
    work: Callable[[slice, "Block"], Result],
    queries: np.ndarray,
    gallery: np.ndarray,
    identity: np.ndarray | None,
    threads: int = 1,
    block: int = 256,
    device: str = "cpu",
) -> list[Result]:
    """Call ``work(part, block)`` on every block of queries; the results in order.

    The products are taken less the gallery's mean: the distances are the same and the bound of their error is tighter,
    by far where embeddings crowd in one direction. Memory is about 5·block·G bytes a thread beside the arrays given and
    a copy of the gallery.

    Args:
        work: gets the block's place among the queries, and the block.
        queries: float32 [Q, D].
        gallery: float32 [G, D].
        identity: int64 [Q], the gallery row that is the query itself, -1 for none; None likewise.
        threads: blocks done at once.
        block: queries done at once.
        device: cpu (numpy), or a device of torch.

    Raises:
        UserError: a value is not finite, or so large that its square is not.
    """
    for name, array in (("queries", queries), ("gallery", gallery)):
        if name == "queries" or queries is not gallery:
            _check(name, array)
    centre = gallery.mean(axis=0)
    moved = gallery - centre
    norms = squared_norms(moved)
    largest, short = float(norms.max(initial=0)), norms.astype(np.float32)
    if device == "cpu":
        make: Callable[..., Distances] = HostDistances
        given: tuple[Any, Any] = moved, short
    else:
        from .products_torch import DeviceDistances, on_device

        make, given, threads = DeviceDistances, on_device(moved, short, device), 1

    def one(start: int) -> Result:
        part = slice(start, min(start + block, len(queries)))
        own = None if identity is None else identity[part]
        near = queries[part] - centre
        found = make(near, *given, own)
        return work(part, Block(queries[part], gallery, found, squared_norms(near), product_error(near, largest)))

    starts = range(0, len(queries), block)
    if threads == 1 or len(starts) == 1:
        try:
            return [one(start) for start in starts]
        finally:
            _KEPT.space = None
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, starts))


def _check(name: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise UserError(
            f"embeddings: {len(bad)} of {len(array)} rows of the {name} hold a value that is not finite, the first is "
            f"row {bad[0]}."
        )
    norms = squared_norms(array)
    if norms.max(initial=0) > float(np.finfo(np.float32).max) / 16:
        raise UserError(f"embeddings: row {int(norms.argmax())} of the {name} is too long to be squared in float32.")
