import itertools

import numpy as np
import pytest

from hardmine.inspecting.near import bound_of, groups_of, numbers_of_groups, surroundings_of


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_the_connected_parts_that_all_pairs_give(seed: int) -> None:
    draw = np.random.default_rng(seed)
    vectors = unit(draw.normal(size=(60, 4)))
    vectors[40:50] = vectors[:10]
    vectors[50:55] = unit(vectors[10:15] + 1e-3 * draw.normal(size=(5, 4)))
    digests = [str(row) for row in range(60)]
    digests[40:45] = digests[:5]
    bound = 0.999
    part = list(range(60))
    for a, b in itertools.product(range(60), repeat=2):
        if vectors[a].astype(float) @ vectors[b] >= bound or digests[a] == digests[b]:
            part = [part[a] if one == part[b] else one for one in part]
    expected = {tuple(row for row in range(60) if part[row] == one) for one in part}
    found = groups_of(vectors, digests, [""] * 60, [""] * 60, surroundings_of(vectors, 1), bound)
    assert {tuple(group.rows) for group in found} == {rows for rows in expected if len(rows) > 1}
    for group in found:
        if len({digests[row] for row in group.rows}) == 1:
            assert group.kind == "bytes"
        elif len({vectors[row].tobytes() for row in group.rows}) == 1:
            assert group.kind == "vector"
        else:
            assert group.kind == "near"
        assert all(row != other for row, other in zip(group.rows, group.nearest, strict=True))
        for row, kind in zip(group.rows, group.kinds, strict=True):
            others = [other for other in group.rows if other != row]
            if any(digests[other] == digests[row] for other in others):
                assert kind == "bytes"
            elif any(vectors[other].tobytes() == vectors[row].tobytes() for other in others):
                assert kind == "vector"
            else:
                assert kind == "near"
    numbers = numbers_of_groups(60, found)
    assert len(set(numbers.tolist())) == len(expected)


def test_each_image_of_a_group_is_called_and_linked_by_its_own_closest_copy() -> None:
    """Rows: a file twice, its like saved again, another file twice and again without loss, and a stranger."""
    vectors = unit(np.array([[1, 0], [1, 0], [1, 1e-3], [1, 2e-3], [1, 2e-3], [1, 2e-3], [-1, 0]]))
    (group,) = groups_of(vectors, list("aabccde"), ["x"] * 7, [""] * 7, surroundings_of(vectors, 1), 0.99)
    assert (group.kind, group.rows) == ("near", [0, 1, 2, 3, 4, 5])
    assert group.kinds == ["bytes", "bytes", "near", "bytes", "bytes", "vector"]
    assert [group.nearest[place] for place in (0, 1, 3, 4, 5)] == [1, 0, 4, 3, 3]
    later = [row for row, kind in enumerate(group.kinds) if kind == "bytes" and group.nearest[row] < row]
    assert later == [1, 4]  # what may be deleted without losing a picture


def test_groups_in_several_classes_and_splits_are_told_and_come_first() -> None:
    vectors = unit(np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1], [1, 1]]))
    classes, splits = ["a", "a", "a", "b", "c", "c", ""], ["train", "train", "train", "test", "test", "test", "test"]
    found = groups_of(vectors, list("0123456"), classes, splits, surroundings_of(vectors, 1), 0.9999)
    told = [(group.rows, group.across_classes, group.across_splits) for group in found]
    assert told == [([2, 3], True, True), ([4, 5, 6], False, False), ([0, 1], False, False)]


@pytest.mark.parametrize(("bound", "groups"), [(0.96, 1), (0.9599, 1), (0.9601, 0)])
def test_pairs_count_as_near_from_the_bound_on(bound: float, groups: int) -> None:
    vectors = np.array([[1, 0], [0.96, 0.28], [-1, 0]], np.float32)
    around = surroundings_of(vectors, 1)
    assert len(groups_of(vectors, list("abc"), [""] * 3, [""] * 3, around, bound - 1e-7)) == groups


def test_the_bound_is_a_quarter_of_the_median_distance() -> None:
    around = surroundings_of(unit(np.random.default_rng(0).normal(size=(50, 6))), 1)
    assert 1 - bound_of(around) == pytest.approx(np.median(1 - around.similarities[:, 0]) / 4)


def test_one_picture_many_times_has_no_neighbours_and_one_group() -> None:
    vectors = unit(np.ones((7, 3)))
    around = surroundings_of(vectors, 1)
    assert around.rows.shape == (1, 0)
    (group,) = groups_of(vectors, list("abcdefg"), ["x"] * 7, [""] * 7, around, bound_of(around))
    assert group.kind == "vector"
    assert group.rows == list(range(7))
