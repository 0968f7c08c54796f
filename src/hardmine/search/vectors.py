"""Vectors to neighbours, by faiss: built from a description, searched, re-ranked by the stored vectors."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from hardmine.errors import UserError

from .copies import Copies
from .faiss_file import write_faiss

__all__ = ["build_faiss", "nearest", "nearest_exactly", "recall_of", "tune"]

_TRAINING = 262_144
_BLOCK = 65_536
_CANDIDATES = 4
_CHECKED = 10
_ROUNDING = 1e-6


def build_faiss(vectors: np.ndarray, copies: Copies, factory: str, path: Path, threads: int) -> None:
    """Write a faiss index of the distinct vectors, in the order of their first rows, for Euclidean distance.

    Args:
        vectors: float32 [N, D], may be memory-mapped; read in blocks.
        copies: the rows of each distinct vector.
        factory: faiss's description, such as ``Flat``, ``HNSW32`` or ``IVF1024,PQ32np``.
        path: the file to write.
        threads: of faiss.

    Raises:
        UserError: faiss does not know the description, or cannot train it with so few vectors.
    """
    faiss.omp_set_num_threads(threads)
    try:
        index = faiss.index_factory(vectors.shape[1], factory)
    except (RuntimeError, AssertionError, MemoryError) as error:
        raise UserError(
            f"--factory {factory}: is not known to faiss for {vectors.shape[1]} dimensions{_of(error)}"
        ) from None
    first = copies.first
    try:
        if not index.is_trained:
            count = min(len(first), _TRAINING)
            drawn = np.sort(np.random.default_rng(0).choice(len(first), count, replace=False))
            index.train(np.ascontiguousarray(vectors[first[drawn]]))
        for start in range(0, len(first), _BLOCK):
            index.add(np.ascontiguousarray(vectors[first[start : start + _BLOCK]]))
    except RuntimeError as error:
        raise UserError(
            f"--factory {factory}: cannot be built from {len(first)} different vectors{_of(error)} "
            "'Flat' works with any number of images and is exact."
        ) from None
    write_faiss(index, path)


def tune(index: Any, parameters: str) -> None:
    """Set how thoroughly an approximate index searches; without a wish, thoroughly enough for most uses.

    Args:
        index: of faiss.
        parameters: faiss's names and values, such as ``nprobe=32`` or ``efSearch=128``; empty for the defaults, which
            look into a sixteenth of the cells (IVF) and follow 64 candidates (HNSW).

    Raises:
        UserError: the index has no such parameter.
    """
    if not parameters:
        inner = faiss.try_extract_index_ivf(index)
        if inner is not None:
            inner.nprobe = max(1, inner.nlist // 16)
        lowest = faiss.downcast_index(index.index) if hasattr(index, "index") else index
        if hasattr(lowest, "hnsw"):
            lowest.hnsw.efSearch = 64
        return
    try:
        space: Any = faiss.ParameterSpace()
        space.set_index_parameters(index, parameters)
    except RuntimeError as error:
        raise UserError(f"--tune {parameters}: does not fit this index{_of(error)}") from None


def nearest(
    index: Any, vectors: np.ndarray, copies: Copies, queries: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows most similar to each query.

    An approximate index proposes four times as many vectors as wanted; the stored ones decide among them. A query for
    which it proposes too few (those in the cells it looks into) is answered exactly.

    Args:
        index: of faiss, over the distinct vectors.
        vectors: float32 [N, D], rows of length 1, may be memory-mapped.
        copies: the rows of each distinct vector.
        queries: float32 [Q, D], rows of length 1.
        count: K, rows wanted; lists are shorter where there are fewer.

    Returns:
        Rows int64 [Q, K] and cosine similarities float32 [Q, K], descending, ties by ascending row.

    Raises:
        ValueError: the index is damaged: it proposes vectors that are not there.
    """
    count = min(count, len(vectors))
    wanted = min(len(copies), count if isinstance(index, faiss.IndexFlat) else _CANDIDATES * count)
    queries = np.ascontiguousarray(queries)
    _, proposed = index.search(queries, wanted)
    if proposed.max(initial=-1) >= len(copies) or proposed.min(initial=-1) < -1:
        raise ValueError("faiss's index names vectors that are not there")
    reached = copies.reach(proposed, count).sum(axis=1)
    few = np.flatnonzero(reached < count)
    rows = np.empty((len(queries), count), dtype=np.int64)
    similarities = np.empty((len(queries), count), dtype=np.float32)
    first = copies.first
    step = max(1, _BLOCK // max(1, wanted, int(reached.max(initial=0))))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        found = np.einsum("qd,qkd->qk", queries[part], vectors[first[proposed[part]]])
        rows[part], similarities[part] = copies.best(proposed[part], found, count)
    if len(few):
        rows[few], similarities[few] = nearest_exactly(vectors, queries[few], count)
    return rows, similarities


def recall_of(index: Any, vectors: np.ndarray, copies: Copies, sample: int = 256) -> float:
    """Share of the exact ten nearest of drawn vectors, themselves among them, that an index finds, 0 to 1.

    Args:
        index: of faiss, tuned as it will be searched.
        vectors: float32 [N, D], rows of length 1, may be memory-mapped.
        copies: the rows of each distinct vector.
        sample: vectors drawn, the same at each call.
    """
    if isinstance(index, faiss.IndexFlat) or not len(copies):
        return 1.0
    drawn = np.random.default_rng(0).choice(len(copies), min(len(copies), sample), replace=False)
    queries = np.ascontiguousarray(vectors[np.sort(copies.first[drawn])])
    found = nearest(index, vectors, copies, queries, _CHECKED)[1]
    return float((found >= nearest_exactly(vectors, queries, _CHECKED)[1][:, -1:] - _ROUNDING).mean())


def nearest_exactly(vectors: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """As ``nearest``, by comparing with every row."""
    count = min(count, len(vectors))
    if not count:
        return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
    _, rows = faiss.knn(queries, np.ascontiguousarray(vectors), count)
    similarities = np.stack([vectors[own] @ query for own, query in zip(rows, queries, strict=True)])
    order = np.lexsort((rows, -similarities), axis=1)
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(similarities, order, axis=1)


def _of(error: Exception) -> str:
    """Faiss's own words, without the place in its source."""
    words = str(error).rsplit("Error: ", 1)[-1].strip().rstrip(".")
    return f": {words}." if words else "."
