"""Selection outside exclusion spheres: the worked lists, the walk as oracle, nasty inputs."""

import numpy as np
import pytest
from oracles_smart_mining import MINED, OUTSIDE, RANDOM, SKIPPED, allowed_outside, full_lists, ratio, walk

from hardmine.errors import UserError
from hardmine.methods.smart_mining.class_members import ClassMembers
from hardmine.methods.smart_mining.spheres import SphereRules, select_triplets
from hardmine.mining.neighbour_lists import NeighbourLists

# Anchor 0 and its list n1 p1 n2 p2 n3 n4 p3 n5 are rows 0 to 8; row 9 is of the anchor's class and in no list.
LABELS = np.array([0, 1, 0, 2, 0, 1, 3, 0, 2, 0])
N1, P1, N2, P2, N3, N4, P3, N5, ELSEWHERE = range(1, 10)
SQUARED = np.array([0.10, 0.20, 0.30, 0.35, 0.50, 0.70, 0.80, 0.90], dtype=np.float64)


def worked(kappa, per_anchor=3, **rules):
    lists = NeighbourLists(np.array([0]), np.arange(1, 9)[None], SQUARED[None])
    draws = np.random.default_rng(0)
    found = select_triplets(lists, ClassMembers(LABELS), kappa, draws, per_anchor, SphereRules(**rules))
    return found.triplets[:, 1:].tolist(), found.flags.tolist()


def test_scale_one_gives_the_worked_triplets_and_losses():
    triplets, flags = worked(1)
    assert triplets == [[P2, N2], [P3, N3], [P3, N4]]
    assert flags == [MINED] * 3
    losses = [ratio(*np.sqrt(SQUARED[[positive - 1, negative - 1]])) for positive, negative in triplets]
    np.testing.assert_allclose(losses, [0.308089, 0.353902, 0.235527], atol=5e-7)


def test_scale_below_one_acts_as_one():
    assert worked(0.5) == worked(1)


def test_scale_two_gives_the_worked_triplets():
    triplets, flags = worked(2)
    assert triplets == [[P3, N3], [P3, N4], [ELSEWHERE, N5]]
    assert flags == [MINED, MINED, OUTSIDE]


def test_scale_three_gives_the_worked_triplets():
    triplets, flags = worked(3)
    assert triplets[:2] == [[P3, N4], [ELSEWHERE, N5]]
    assert flags == [MINED, OUTSIDE, RANDOM]


def test_scale_five_gives_random_triplets_only():
    triplets, flags = worked(5)
    assert flags == [RANDOM] * 3
    for positive, negative in triplets:
        assert positive != 0
        assert LABELS[positive] == 0 != LABELS[negative]


def test_positive_from_outside_is_in_no_list_unless_the_rule_allows_it():
    for seed in range(20):
        lists = NeighbourLists(np.array([0]), np.arange(1, 9)[None], SQUARED[None])
        members, draws = ClassMembers(LABELS), np.random.default_rng(seed)
        assert select_triplets(lists, members, 2, draws, 3).triplets[2, 1] not in (P1, P2, P3)
    literal = {worked_positive(seed) for seed in range(40)}
    assert literal == {P2, ELSEWHERE}


def worked_positive(seed):
    lists = NeighbourLists(np.array([0]), np.arange(1, 9)[None], SQUARED[None])
    rules = SphereRules(fallback_positive="not-in-positives")
    return int(select_triplets(lists, ClassMembers(LABELS), 2, np.random.default_rng(seed), 3, rules).triplets[2, 1])


@pytest.mark.parametrize(("bound", "flag"), [("at-least", MINED), ("beyond", RANDOM)])
def test_tie_on_the_sphere_is_kept_or_left_by_the_rule(bound, flag):
    labels = np.array([0, 1, 0, 1, 0])
    squared = np.array([[0.125, 0.25, 0.5, 0.75]], dtype=np.float32)
    lists = NeighbourLists(np.array([0]), np.array([[1, 2, 3, 4]]), squared)
    found = select_triplets(lists, ClassMembers(labels), 2, np.random.default_rng(0), rules=SphereRules(bound=bound))
    assert found.flags.tolist() == [flag]
    if flag == MINED:
        assert found.triplets.tolist() == [[0, 4, 3]]


class TestLine:
    """Six points on a line with full lists."""

    LABELS = np.array([0, 1, 0, 0, 1, 1])
    POINTS = np.array([[0], [0.1], [0.25], [0.6], [1.0], [1.5]])

    def select(self, anchor, kappa, per_anchor=1, **rules):
        rows, distances = full_lists(self.POINTS, 5)
        lists = NeighbourLists(np.array([anchor]), rows[anchor : anchor + 1], distances[anchor : anchor + 1])
        draws = np.random.default_rng(0)
        return select_triplets(lists, ClassMembers(self.LABELS), kappa, draws, per_anchor, SphereRules(**rules))

    def test_scale_one(self):
        assert self.select(4, 1).triplets.tolist() == [[4, 1, 2]]
        second = self.select(4, 1, 2, outside_empty="farthest-positive")
        assert second.triplets[:, 2].tolist() == [2, 0]

    @pytest.mark.parametrize(
        ("mode", "flag"), [("random-triplet", RANDOM), ("farthest-positive", OUTSIDE), ("skip", SKIPPED)]
    )
    def test_scale_four_has_one_negative_and_no_positive(self, mode, flag):
        found = self.select(4, 4, outside_empty=mode)
        assert found.flags.tolist() == [flag]
        if mode == "farthest-positive":
            assert found.triplets.tolist() == [[4, 1, 0]]
        if mode == "skip":
            assert found.triplets.tolist() == [[4, -1, -1]]

    def test_scale_eight_is_random(self):
        assert self.select(4, 8).flags.tolist() == [RANDOM]

    def test_anchor_one_has_no_negatives(self):
        assert self.select(1, 1).flags.tolist() == [RANDOM]


def cloud(seed, kind):
    draws = np.random.default_rng(seed)
    count = 40
    labels = draws.integers(0, 5, count)
    points = draws.normal(size=(count, 3))
    if kind == "ties":
        points = draws.integers(0, 3, (count, 2)).astype(np.float64)
    elif kind == "copies":
        points[1::2] = points[::2]
    elif kind == "singletons":
        labels = np.arange(count)
        labels[:4] = 0
    elif kind == "one point":
        points[:] = 1.0
    labels = np.unique(labels, return_inverse=True)[1]
    return points, labels


@pytest.mark.parametrize("kind", ["plain", "ties", "copies", "singletons", "one point"])
@pytest.mark.parametrize("order", ["near-first", "far-first"])
@pytest.mark.parametrize("bound", ["at-least", "beyond"])
@pytest.mark.parametrize("mode", ["outside-list", "not-in-positives"])
def test_selection_is_that_of_the_walk(kind, order, bound, mode):
    for seed in range(5):
        points, labels = cloud(seed, kind)
        members = ClassMembers(labels)
        anchors = members.anchors
        k = (39, 12, 3, 1, 20)[seed]
        kappa = (1, 1.5, 2, 4, 0.3)[seed]
        rows, distances = full_lists(points, k)
        if seed == 4:
            rows[:, -2:], distances[:, -2:] = -1, np.inf
        lists = NeighbourLists(anchors, rows[anchors], distances[anchors])
        rules = SphereRules(bound, mode, "skip", order)
        found = select_triplets(lists, members, kappa, np.random.default_rng(seed), 3, rules)
        triplets = found.triplets.reshape(-1, 3, 3)
        for place, anchor in enumerate(anchors.tolist()):
            expected = walk(anchor, rows[anchor], distances[anchor], labels, kappa, 3, bound, order == "far-first")
            for turn, (flag, positive, negative) in enumerate(expected):
                own, other, far = triplets[place, turn].tolist()
                got = int(found.flags[3 * place + turn])
                assert own == anchor
                if flag == OUTSIDE:
                    allowed = allowed_outside(anchor, rows[anchor], distances[anchor], labels, mode, kappa, bound)
                    assert got == (OUTSIDE if allowed else SKIPPED)
                    if allowed:
                        assert other in allowed
                        assert far == negative
                    continue
                assert got == flag
                if flag == MINED:
                    assert (other, far) == (positive, negative)
                else:
                    assert labels[other] == labels[anchor] != labels[far]
                    assert other != anchor


def test_mined_triplets_violate_on_the_snapshot():
    draws = np.random.default_rng(4)
    points = draws.normal(size=(200, 8))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    labels = draws.integers(0, 10, 200)
    rows, distances = full_lists(points, 60)
    lists = NeighbourLists(np.arange(200), rows, distances)
    found = select_triplets(lists, ClassMembers(labels), 1.5, draws)
    mined = found.triplets[found.flags == MINED]
    assert len(mined) > 50
    for anchor, positive, negative in points[mined]:
        near, far = np.linalg.norm(anchor - positive), np.linalg.norm(anchor - negative)
        assert far <= near
        assert ratio(near, far) >= 0.090909


def test_larger_spheres_give_farther_negatives_and_more_random_triplets():
    draws = np.random.default_rng(1)
    labels = np.repeat(np.arange(20), 15)
    points = draws.normal(size=(20, 8))[labels] + 0.9 * draws.normal(size=(300, 8))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    rows, distances = full_lists(points, 109)
    lists, members = NeighbourLists(np.arange(300), rows, distances), ClassMembers(labels)
    shares, means = [], []
    for kappa in (0.5, 1, 2, 4, 8, 64):
        found = select_triplets(lists, members, kappa, np.random.default_rng(0))
        shares.append(float((found.flags == RANDOM).mean()))
        difference = points[found.triplets[:, 0]] - points[found.triplets[:, 2]]
        means.append(float((difference**2).sum(axis=1).mean()))
    assert shares[0] == shares[1]
    assert means[0] == means[1]
    assert shares == sorted(shares)
    assert means == sorted(means)
    assert shares[-1] > 0.9


def test_limit_is_four_over_the_distance_of_the_nearest_positive():
    lists = NeighbourLists(np.array([0]), np.arange(1, 9)[None], SQUARED[None])
    found = select_triplets(lists, ClassMembers(LABELS), 1, np.random.default_rng(0))
    np.testing.assert_allclose(found.limits, [20.0])


def test_random_triplets_are_uniform_over_positives_and_negatives():
    labels = np.array([2, 0, 1, 0, 2, 0, 1, 3])
    members = ClassMembers(labels)
    assert members.anchors.tolist() == [0, 1, 2, 3, 4, 5, 6]
    triplets = members.random_triplets(np.full(20000, 3), np.random.default_rng(0))
    positives = np.bincount(triplets[:, 1], minlength=8) / 20000
    negatives = np.bincount(triplets[:, 2], minlength=8) / 20000
    np.testing.assert_allclose(positives, [0, 0.5, 0, 0, 0, 0.5, 0, 0], atol=0.02)
    np.testing.assert_allclose(negatives, [0.2, 0, 0.2, 0, 0.2, 0, 0.2, 0.2], atol=0.02)


@pytest.mark.parametrize(("labels", "word"), [([0, 0, 0], "one"), ([0, 1, 2], "two images")])
def test_data_without_triplets_are_refused(labels, word):
    with pytest.raises(UserError, match=word):
        ClassMembers(np.array(labels))
