import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import neighbours as oracle

from hardmine.errors import UserError
from hardmine.retrieval import nearest_neighbours


def unit(rng: np.random.Generator, count: int, dimensions: int) -> np.ndarray:
    rows = rng.standard_normal((count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [1, 5, 60, 500])
def test_lists_equal_those_of_a_float64_sort(count: int) -> None:
    rows = unit(np.random.default_rng(0), 300, 16)
    found = nearest_neighbours(rows, rows, count, np.arange(300), block=64)
    assert found.rows.tolist() == oracle(rows, rows, count, np.arange(300))


def test_ties_go_to_the_lower_row_even_among_many_duplicates() -> None:
    rng = np.random.default_rng(1)
    rows = np.repeat(unit(rng, 4, 8), 50, axis=0)
    rng.shuffle(rows)
    found = nearest_neighbours(rows, rows, 30, np.arange(200), block=7)
    assert found.rows.tolist() == oracle(rows, rows, 30, np.arange(200))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_lists_equal_the_oracle_on_grids_full_of_ties(data: st.DataObject) -> None:
    gallery = np.array(
        data.draw(st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=1, max_size=40)), dtype=np.float32
    )
    queries = np.array(
        data.draw(st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=1, max_size=10)), dtype=np.float32
    )
    identity = np.array([data.draw(st.integers(-1, len(gallery) - 1)) for _ in queries])
    count = data.draw(st.integers(1, 12))
    found = nearest_neighbours(queries, gallery, count, identity, block=3)
    expected = oracle(queries, gallery, min(count, len(gallery) - 1), identity)
    assert found.rows.tolist() == expected


def test_a_neighbour_hidden_by_rounding_of_the_matrix_product_is_found() -> None:
    rng = np.random.default_rng(2)
    base = np.full(64, 100.0, dtype=np.float32)
    gallery = base + rng.standard_normal((400, 64)).astype(np.float32) * 1e-3
    query = gallery[:20] + np.float32(1e-4)
    found = nearest_neighbours(query, gallery, 5)
    assert found.rows.tolist() == oracle(query, gallery, 5)


def test_a_query_is_left_out_by_identity_and_its_duplicate_is_not() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    found = nearest_neighbours(rows, rows, 2, np.arange(3))
    assert found.rows.tolist() == [[1, 2], [0, 2], [0, 1]]
    assert found.distances[0].tolist() == [0.0, 2.0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_row(value: float) -> None:
    rows = np.zeros((4, 2), dtype=np.float32)
    rows[2, 1] = value
    with pytest.raises(UserError, match="row 2 of the queries"):
        nearest_neighbours(rows, np.zeros((3, 2), dtype=np.float32), 1)
