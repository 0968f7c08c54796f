import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import neighbours as oracle

from hardmine.errors import UserError
from hardmine.retrieval import nearest_neighbours, rank_matches
from hardmine.retrieval.metrics import all_against_rest


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


@pytest.mark.parametrize("count", [1, 40, 700])
def test_long_galleries_are_searched_by_groups_with_the_same_lists(count: int) -> None:
    rng = np.random.default_rng(5)
    gallery = unit(rng, 3000, 8)
    gallery[100:400] = gallery[7]
    queries = np.concatenate([unit(rng, 5, 8), gallery[5:9]])
    found = nearest_neighbours(queries, gallery, count, block=4)
    assert found.rows.tolist() == oracle(queries, gallery, count)


def test_lists_on_a_device_of_torch_equal_those_of_numpy() -> None:
    rng = np.random.default_rng(6)
    rows = np.repeat(unit(rng, 150, 16), 2, axis=0)
    labels = np.repeat(np.arange(75), 4)
    host, device = (rank_matches(all_against_rest(rows, labels), 9, device=name) for name in ("cpu", "cpu:0"))
    assert (host[1].rows == device[1].rows).all()
    assert (host[1].distances == device[1].distances).all()
    assert (host[0].ranks == device[0].ranks).all()


@pytest.mark.parametrize(("count", "images"), [(1600, 2), (400, 40)])  # one match a query is counted, 39 are sorted
def test_ranks_of_matches_equal_those_of_a_full_sort_among_many_ties(count: int, images: int) -> None:
    rows = np.random.default_rng(7).integers(-2, 3, (count, 4)).astype(np.float32)
    labels = np.arange(count) // images
    ranks, _ = rank_matches(all_against_rest(rows, labels))
    exact = ((rows[:, None] - rows) ** 2).sum(axis=2)
    np.fill_diagonal(exact, np.inf)
    lists = np.argsort(exact, axis=1, kind="stable")
    same = labels[lists] == labels[:, None]
    same[np.isinf(np.take_along_axis(exact, lists, axis=1))] = False
    queries, places = np.nonzero(same)
    assert ranks.owners.tolist() == queries.tolist()
    assert ranks.ranks.tolist() == (places + 1).tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_row(value: float) -> None:
    rows = np.zeros((4, 2), dtype=np.float32)
    rows[2, 1] = value
    with pytest.raises(UserError, match=r"1 of 4 rows of the queries .* row 2"):
        nearest_neighbours(rows, np.zeros((3, 2), dtype=np.float32), 1)


def test_values_whose_squares_are_infinite_are_refused() -> None:
    rows = np.full((2, 2), 1e19, dtype=np.float32)
    with pytest.raises(UserError, match="too long"):
        nearest_neighbours(rows, rows, 1)
