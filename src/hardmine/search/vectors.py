"""Vectors to neighbours, by faiss: built from a description, searched, re-ranked by the stored vectors."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from hardmine.artefacts import writing
from hardmine.errors import UserError

__all__ = ["build_faiss", "nearest", "read_faiss", "tune"]

_TRAINING = 262_144
_BLOCK = 65_536
_CANDIDATES = 4


def build_faiss(vectors: np.ndarray, factory: str, path: Path, threads: int) -> None:
    """Write a faiss index of all rows, in order, for Euclidean distance.

    Args:
        vectors: float32 [N, D], may be memory-mapped; read in blocks.
        factory: faiss's description, such as ``Flat``, ``HNSW32`` or ``IVF1024,PQ32np``.
        path: the file to write.
        threads: of faiss.

    Raises:
        UserError: faiss does not know the description, or cannot train it with so few vectors.
    """
    faiss.omp_set_num_threads(threads)
    try:
        index = faiss.index_factory(vectors.shape[1], factory)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"--factory {factory}: is not known to faiss for {vectors.shape[1]} dimensions{_of(error)}"
        ) from None
    try:
        if not index.is_trained:
            count = min(len(vectors), _TRAINING)
            rows = np.sort(np.random.default_rng(0).choice(len(vectors), count, replace=False))
            index.train(np.ascontiguousarray(vectors[rows]))
        for start in range(0, len(vectors), _BLOCK):
            index.add(np.ascontiguousarray(vectors[start : start + _BLOCK]))
    except RuntimeError as error:
        raise UserError(
            f"--factory {factory}: cannot be built from {len(vectors)} vectors{_of(error)} "
            "'Flat' works with any number of images and is exact."
        ) from None
    with writing(path) as temporary:
        try:
            faiss.write_index(index, str(temporary))
        except RuntimeError as error:
            raise OSError(str(error).splitlines()[0]) from None


def read_faiss(path: Path) -> Any:
    """Read a faiss index.

    Raises:
        UserError: the file is damaged.
    """
    try:
        return faiss.read_index(str(path))
    except RuntimeError as error:
        raise UserError(f"{path}: is damaged{_of(error)} Run 'hardmine index' again.") from None


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


def nearest(index: Any, vectors: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows most similar to each query.

    An approximate index proposes four times as many rows as wanted; the stored vectors decide among them.

    Args:
        index: of faiss, over the rows of ``vectors``.
        vectors: float32 [N, D], rows of length 1, may be memory-mapped.
        queries: float32 [Q, D], rows of length 1.
        count: K, rows wanted; lists are shorter where there are fewer.

    Returns:
        Rows int64 [Q, K] and cosine similarities float32 [Q, K], descending, ties by ascending row; row -1 and
        similarity -1 where an approximate index found fewer.
    """
    count = min(count, len(vectors))
    wanted = count if isinstance(index, faiss.IndexFlat) else min(len(vectors), _CANDIDATES * count)
    _, proposed = index.search(np.ascontiguousarray(queries), wanted)
    rows = np.empty((len(queries), count), dtype=np.int64)
    similarities = np.empty((len(queries), count), dtype=np.float32)
    step = max(1, _BLOCK // max(1, wanted))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        found = np.einsum("qd,qkd->qk", queries[part], vectors[proposed[part]])
        found[proposed[part] < 0] = -1
        order = np.lexsort((proposed[part], -found), axis=1)[:, :count]
        rows[part] = np.take_along_axis(proposed[part], order, axis=1)
        similarities[part] = np.take_along_axis(found, order, axis=1)
    return rows, similarities


def _of(error: Exception) -> str:
    """Faiss's own words, without the place in its source."""
    words = str(error).rsplit("Error: ", 1)[-1].strip().rstrip(".")
    return f": {words}." if words else "."
