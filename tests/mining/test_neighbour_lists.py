"""Neighbour lists: exact ones against the plain sort, graphs against the exact ones, FANNG's occlusion rule."""

import numpy as np
import pytest
import torch
from oracles_smart_mining import full_lists

from hardmine.mining.fanng import FanngGraph, unoccluded
from hardmine.mining.neighbour_lists import NeighbourSearch, automatic_length

torch.set_num_threads(1)


def unit(count, dimensions=16, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def search(points, index="exact", **options):
    return NeighbourSearch(torch.from_numpy(points), index, **options)


def recall(found, exact):
    return np.mean([len(set(own) & set(true)) / len(true) for own, true in zip(found, exact, strict=True)])


CLOUDS = {
    "plain": unit(150),
    "ties": np.random.default_rng(1).integers(0, 2, (150, 4)).astype(np.float32),
    "copies": np.repeat(unit(50), 3, axis=0),
    "one point": np.ones((150, 4), dtype=np.float32),
    "nearly one point": (np.ones((150, 4)) + 1e-4 * unit(150, 4)).astype(np.float32),
    "many copies": np.concatenate([np.repeat(unit(1), 100, axis=0), unit(200, seed=3)]),
    "two": unit(2),
}


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("memory", [2**28, 4000])
def test_exact_lists_are_those_of_the_plain_sort(name, memory):
    points = CLOUDS[name]
    rows, distances = full_lists(points, min(20, len(points) - 1))
    lists = search(points, memory=memory).query(np.arange(len(points)), 20)
    assert (lists.rows == rows).all()
    np.testing.assert_array_equal(lists.distances, distances)


def test_lists_of_some_images_are_those_of_all():
    points = unit(90)
    some = np.array([3, 80, 3, 41])
    whole = search(points).query(np.arange(90), 10)
    part = search(points).query(some, 10)
    assert (part.rows == whole.rows[some]).all()
    assert (part.anchors == some).all()


def test_list_longer_than_the_data_holds_all_others():
    lists = search(unit(7)).query(np.arange(7), 100)
    assert lists.rows.shape == (7, 6)
    assert all(sorted([own, *rows]) == list(range(7)) for own, rows in enumerate(lists.rows.tolist()))


@pytest.mark.parametrize("index", ["hnsw", "nsg"])
def test_graph_lists_find_98_of_100_on_2000_unit_vectors_with_width_256(index):
    points = unit(2000, 64)
    exact = search(points).query(np.arange(2000), 100)
    lists = search(points, index, search_width=256).query(np.arange(2000), 100)
    assert recall(lists.rows, exact.rows) >= 0.98
    assert_well_formed(lists, points)


def assert_well_formed(lists, points):
    """Sorted by exact distance, without the image itself, nothing twice, missing ones at the end."""
    for anchor, rows, distances in zip(lists.anchors, lists.rows, lists.distances, strict=True):
        present = rows[rows >= 0]
        assert anchor not in present
        assert len(set(present)) == len(present)
        assert np.isinf(distances[len(present) :]).all()
        assert (rows[len(present) :] == -1).all()
        exact = ((points[present].astype(np.float64) - points[anchor]) ** 2).sum(axis=1)
        np.testing.assert_allclose(distances[: len(present)], exact, rtol=1e-6, atol=1e-12)
        assert (np.diff(distances[: len(present)]) >= 0).all()


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("index", ["hnsw", "nsg", "fanng"])
def test_graph_lists_are_well_formed_on_nasty_points(name, index):
    points = CLOUDS[name]
    assert_well_formed(search(points, index, search_width=40).query(np.arange(len(points)), 20), points)


@pytest.mark.parametrize("points", [unit(12), np.repeat(unit(4), 75, axis=0)], ids=["few", "copies"])
def test_nsg_on_few_distinct_points_is_replaced_by_the_exact_search(points):
    anchors = np.arange(len(points))
    lists = search(points, "nsg", search_width=40).query(anchors, 5)
    assert (lists.rows == search(points).query(anchors, 5).rows).all()


def test_index_that_returns_minus_one_gives_short_lists():
    points = unit(30)
    made = search(points, "hnsw")

    class Poor:
        def search(self, queries, count):
            rows = np.full((len(queries), count), -1, dtype=np.int64)
            rows[:, 1], rows[:, 3] = 5, 9
            return None, rows

    made._graph = Poor()
    lists = made.query(np.array([0, 5]), 4)
    assert sorted(lists.rows[0, :2].tolist()) == [5, 9]
    assert lists.rows[1].tolist() == [9, -1, -1, -1]
    assert np.isinf(lists.distances[1, 1:]).all()
    assert_well_formed(lists, points)


def test_fanng_lists_find_most_neighbours():
    points = unit(400, 8)
    exact = search(points).query(np.arange(400), 20)
    lists = search(points, "fanng", search_width=80).query(np.arange(400), 20)
    assert recall(lists.rows, exact.rows) >= 0.98


def test_fanng_on_a_line_keeps_the_links_between_neighbours():
    graph = FanngGraph(np.array([[0.0], [1.0], [3.0]]), np.random.default_rng(0))
    assert [edges.tolist() for edges in graph.edges] == [[1], [0, 2], [1]]


def test_fanng_on_the_unit_square_has_no_diagonals():
    graph = FanngGraph(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.random.default_rng(0))
    assert [sorted(edges.tolist()) for edges in graph.edges] == [[1, 2], [0, 3], [0, 3], [1, 2]]


def test_occlusion_rule_on_all_candidates_gives_the_same_edges():
    line, square = np.array([[0.0], [1.0], [3.0]]), np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    assert [unoccluded(line, own, np.delete(np.arange(3), own)) for own in range(3)] == [[1], [0, 2], [1]]
    assert unoccluded(square, 0, np.array([1, 2, 3])) == [1, 2]


def test_fanng_walks_between_most_pairs_arrive():
    graph = FanngGraph(unit(200, 8), np.random.default_rng(0))
    draws = np.random.default_rng(1)
    pairs = [(int(a), int(b)) for a, b in draws.integers(0, 200, (500, 2)) if a != b]
    assert np.mean([graph._walk(a, b) is None for a, b in pairs]) >= 0.95


def test_automatic_length_covers_three_classes_and_more():
    labels = np.repeat(np.arange(100), 60)
    assert automatic_length(labels) == 244
    assert automatic_length(np.array([0, 0, 1])) == 2
