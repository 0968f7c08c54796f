from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from hardmine.search.copies import Copies, numbers_of
from hardmine.search.faiss_file import read_faiss
from hardmine.search.vectors import build_faiss, nearest, recall_of, tune


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def with_copies(singles: int, copies: int, dimensions: int = 32, seed: int = 0) -> np.ndarray:
    """Single vectors and one that is there many times, shuffled."""
    numbers = np.random.default_rng(seed)
    vectors = unit(numbers.normal(size=(singles + 1, dimensions)))
    return vectors[numbers.permutation(np.concatenate([np.arange(singles), np.full(copies, singles)]))]


def opened(vectors: np.ndarray, factory: str, tmp_path: Path, tuned: str = "") -> tuple[Any, Copies]:
    copies = Copies.of(numbers_of(vectors))
    build_faiss(vectors, copies, factory, tmp_path / "index.faiss", threads=1)
    index = read_faiss(tmp_path / "index.faiss")
    tune(index, tuned)
    return index, copies


def by_sorting(vectors: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """Similarities of the nearest, by the plain way."""
    products = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    return -np.sort(-products, axis=1)[:, :count]


def test_rows_have_one_number_exactly_where_their_vectors_are_equal() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [1, 1e-7], [0, 1]], np.float32)
    assert numbers_of(vectors).tolist() == [0, 1, 0, 2, 1]
    copies = Copies.of(numbers_of(vectors))
    assert copies.first.tolist() == [0, 1, 3]
    assert copies.counts.tolist() == [2, 2, 1]
    assert len(Copies.of(numbers_of(vectors[:0]))) == 0


def test_rows_come_by_similarity_and_then_ascending_up_to_the_count() -> None:
    copies = Copies.of(np.array([0, 1, 0, 2, 1, 0]))
    numbers = np.array([[1, 0, -1], [-1, -1, -1], [2, 1, 0]])
    similarities = np.array([[0.5, 0.9, 7], [7, 7, 7], [0.1, 0.2, 0.2]], np.float32)
    rows, values = copies.best(numbers, similarities, 4)
    assert rows.tolist() == [[0, 2, 5, 1], [-1] * 4, [0, 1, 2, 4]]
    assert values[0].tolist() == pytest.approx([0.9, 0.9, 0.9, 0.5])
    assert values[1].tolist() == [-1] * 4
    assert copies.best(numbers[1:2], similarities[1:2], 2)[0].tolist() == [[-1, -1]]
    assert copies.best(numbers[2:], similarities[2:], 9)[0].tolist() == [[0, 1, 2, 4, 5, 3, -1, -1, -1]]


@pytest.mark.parametrize("factory", ["Flat", "HNSW16", "IVF32,Flat", "IVF16,SQ8"])
def test_copies_of_one_picture_hide_no_other(factory: str, tmp_path: Path) -> None:
    vectors = with_copies(2000, 1000)
    index, copies = opened(vectors, factory, tmp_path)
    assert index.ntotal == len(copies) == 2001
    rows, similarities = nearest(index, vectors, copies, vectors, 10)
    single = np.flatnonzero(copies.counts[numbers_of(vectors)] == 1)
    assert np.mean(rows[single, 0] == single) > 0.999
    many = np.flatnonzero(copies.counts[numbers_of(vectors)] > 1)
    assert (rows[many] == many[:10]).all()
    assert np.abs(similarities[many] - 1).max() < 1e-6


@pytest.mark.parametrize("count", [1, 7, 60, 500])
def test_the_exact_index_with_copies_gives_the_order_of_the_cosine(count: int, tmp_path: Path) -> None:
    vectors = with_copies(100, 80)
    index, copies = opened(vectors, "Flat", tmp_path)
    queries = unit(np.random.default_rng(5).normal(size=(30, 32)))
    rows, similarities = nearest(index, vectors, copies, queries, count)
    assert rows.shape == (30, min(count, 180))
    assert np.abs(similarities - by_sorting(vectors, queries, count)).max() < 1e-6
    assert np.abs(np.einsum("qd,qkd->qk", queries, vectors[rows]) - similarities).max() < 1e-6
    assert all(len(set(row)) == len(row) for row in rows.tolist())


@pytest.mark.parametrize(("factory", "tuned"), [("IVF64,Flat", ""), ("IVF64,Flat", "nprobe=1"), ("IVF64,SQ8", "")])
@pytest.mark.parametrize("count", [50, 1000])
def test_an_index_of_cells_gives_as_many_hits_as_asked_for(
    factory: str,
    tuned: str,
    count: int,
    tmp_path: Path,
) -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(600, 32)))
    index, copies = opened(vectors, factory, tmp_path, tuned)
    queries = unit(np.random.default_rng(4).normal(size=(20, 32)))
    assert (index.search(queries, 50)[1] < 0).any()
    rows, similarities = nearest(index, vectors, copies, queries, count)
    assert rows.shape == (20, min(count, 600))
    assert rows.min() >= 0
    assert all(len(set(row)) == len(row) for row in rows.tolist())
    assert (np.diff(similarities, axis=1) <= 0).all()


def test_recall_is_the_share_of_the_nearest_that_are_found(tmp_path: Path) -> None:
    vectors = unit(np.random.default_rng(6).normal(size=(3000, 32)))
    index, copies = opened(vectors, "IVF64,Flat", tmp_path, "nprobe=2")
    found = recall_of(index, vectors, copies, sample=200)
    rows = nearest(index, vectors, copies, vectors, 10)[0]
    expected = np.argsort(-(vectors @ vectors.T), axis=1, kind="stable")[:, :10]
    plain = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows.tolist(), expected.tolist(), strict=True)])
    assert 0.2 < found < 0.8
    assert found == pytest.approx(plain, abs=0.05)
    assert recall_of(faiss.IndexFlatL2(32), vectors, copies) == 1
