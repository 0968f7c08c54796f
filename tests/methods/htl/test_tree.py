"""The tree, its margins and the loss: worked numbers, and plain loops beside them."""

import itertools

import numpy as np
import pytest
import torch
from circle import at
from gradients import central_differences

from hardmine.methods.hinge import triplet_loss
from hardmine.methods.htl.margins import margins_of, mean_margin, nearest_classes, shuffled_pairs
from hardmine.methods.htl.statistics import class_statistics
from hardmine.methods.htl.tree import build_tree, merge, merge_levels
from hardmine.mining.pairs import pairwise_distances, triplet_masks

ROWS = at(0, 10, 30, 50, 60, 75, 90, 180, 200)
LABELS = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3])
PAIRS = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


def tree_of(rows=ROWS, labels=LABELS, levels=8, linkage="average"):
    distances, spreads = class_statistics(rows, labels)
    return build_tree(distances, spreads, np.bincount(labels), levels, linkage)


def alpha(tree, floor="none"):
    return margins_of(tree.heights, tree.spreads, 0.1, floor)


def hinge(rows, labels, margin, numbers=None):
    """L_M as the method computes it: half the mean over all triplets."""
    labels = torch.as_tensor(labels)
    positives, negatives = triplet_masks(labels, torch.arange(len(labels)) if numbers is None else numbers, len(labels))
    return triplet_loss(pairwise_distances(rows, rows), positives, negatives, margin, "all")


def test_distances_and_spreads_of_classes():  # H1
    distances, spreads = class_statistics(ROWS, LABELS)
    found = [distances[pair] for pair in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]]
    assert found == pytest.approx([0.392725, 1.334042, 3.954654, 0.423236, 3.679823, 2.813487], abs=5e-7)
    assert spreads == pytest.approx([0.030384, 0.120615, 0.134749, 0.120615], abs=5e-7)
    assert tree_of().thresholds[0] == pytest.approx(0.101591, abs=5e-7)


def test_statistics_are_those_of_loops_over_all_pairs():
    draws = np.random.default_rng(0)
    labels = draws.permutation(np.repeat(np.arange(5), [1, 2, 3, 4, 5]))
    rows = torch.from_numpy(draws.normal(size=(15, 4)))
    distances, spreads = class_statistics(rows, labels)
    for p, q in itertools.product(range(5), repeat=2):
        members = [[rows[i] for i in np.flatnonzero(labels == label)] for label in (p, q)]
        apart = [float((a - b).square().sum()) for a in members[0] for b in members[1]]
        if p != q:
            assert distances[p, q] == pytest.approx(np.mean(apart))
        elif len(members[0]) > 1:
            assert spreads[p] == pytest.approx(sum(apart) / (len(apart) - len(members[0])))
        else:
            assert np.isnan(spreads[p])


def test_levels_are_equal_steps_to_the_farthest_distance_on_a_sphere():  # H2
    expected = [0.101591, 0.588892, 1.076193, 1.563494, 2.050795, 2.538096, 3.025398, 3.512699, 4.0]
    assert tree_of().thresholds == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("linkage", "levels"),
    [
        ("average", [1, 2, 2, 7, 7, 7]),
        ("single", [1, 1, 1, 6, 6, 6]),
        ("complete", [1, 3, 3, 8, 8, 8]),
        ("none", [1, 3, 1, 8, 8, 6]),
    ],
)
def test_the_level_at_which_two_classes_meet(linkage, levels):  # H3
    found = tree_of(linkage=linkage).levels
    assert [int(found[pair]) for pair in PAIRS] == levels
    assert np.array_equal(found, found.T)


def test_margins_of_pairs_of_classes():  # H4
    found = alpha(tree_of())
    expected = {(0, 1): 0.658507, (0, 2): 1.145809, (0, 3): 3.582314, (1, 0): 0.568277, (1, 2): 1.055578}
    expected |= {(1, 3): 3.492084, (2, 0): 1.041444, (2, 1): 1.041444, (2, 3): 3.477950}
    expected |= {(3, other): 3.492084 for other in range(3)}
    for pair, margin in expected.items():
        assert found[pair] == pytest.approx(margin, abs=5e-7)
    single = alpha(tree_of(linkage="single"))
    assert [single[0, 2], single[2, 0]] == pytest.approx([0.658507, 0.554143], abs=5e-7)


def test_the_loss_with_margins_of_the_tree_and_with_flat_ones():  # H5
    rows, labels = at(0, 10, 30, 50, 60, 90), [0, 0, 1, 1, 2, 2]
    margins = torch.from_numpy(alpha(tree_of()))[torch.tensor(labels)][:, torch.tensor(labels)]
    found = hinge(rows, labels, margins)
    assert (int(found.tuples), int(found.violating)) == (24, 18)
    assert 0.5 * float(found.value) == pytest.approx(0.216095, abs=5e-7)
    masks = triplet_masks(torch.tensor(labels), torch.arange(6), 6)
    mean = mean_margin(margins, *masks)
    assert float(mean) == pytest.approx(0.918510, abs=1e-6)
    for margin, violating, value in ((0.2, 8, 0.027978), (0.4, 11, 0.066891), (mean.expand(6, 6), 19, 0.230689)):
        flat = hinge(rows, labels, margin)
        assert int(flat.violating) == violating
        assert 0.5 * float(flat.value) == pytest.approx(value, abs=5e-7)


def test_a_spread_out_class_with_a_near_neighbour_has_a_negative_margin():  # H7
    rows, labels = at(0, 100, 50, 60), np.array([0, 0, 1, 1])
    tree = tree_of(rows, labels)
    assert [tree.distances[0, 1], *tree.spreads] == pytest.approx([0.724190, 2.347296, 0.030384], abs=5e-7)
    assert tree.thresholds[0] == pytest.approx(1.188840, abs=5e-7)
    assert tree.levels[0, 1] == 0
    margins = alpha(tree)
    assert [margins[0, 1], margins[1, 0]] == pytest.approx([-1.058456, 1.258456], abs=5e-7)
    found = hinge(rows, labels, torch.from_numpy(margins[np.ix_(labels, labels)]))
    assert (int(found.tuples), int(found.violating)) == (8, 8)
    assert 0.5 * float(found.value) == pytest.approx(0.282325, abs=5e-7)
    assert alpha(tree, "zero")[0, 1] == 0
    assert alpha(tree, "beta")[0, 1] == 0.1


def test_opposite_classes_meet_at_the_root_and_the_loss_keeps_a_floor():  # H8
    rows, labels = at(0, 0, 180, 180), np.array([0, 0, 1, 1])
    tree = tree_of(rows, labels, levels=4)
    assert (tree.distances[0, 1], tree.thresholds[0], tree.levels[0, 1]) == (pytest.approx(4), pytest.approx(0), 4)
    margins = alpha(tree)
    assert margins[0, 1] == pytest.approx(4.1)
    found = hinge(rows, labels, torch.from_numpy(margins[np.ix_(labels, labels)]))
    assert 0.5 * float(found.value) == pytest.approx(0.05, abs=5e-7)


def test_the_mean_hinge_argument_is_spread_less_distance():  # H9
    distances = pairwise_distances(ROWS, ROWS)
    values = [float(distances[a, 1 - a] - distances[a, n]) for a in (0, 1) for n in (2, 3)]
    found, spreads = class_statistics(ROWS, LABELS)
    assert np.mean(values) == pytest.approx(-0.362340, abs=5e-7)
    assert spreads[0] - found[0, 1] == pytest.approx(np.mean(values))


@pytest.mark.parametrize(("classes", "images", "triplets"), [(25, 4, 28800), (25, 2, 2400), (50, 2, 9800)])
def test_a_batch_has_all_its_triplets(classes, images, triplets):  # H10
    labels = torch.arange(classes).repeat_interleave(images)
    positives, negatives = triplet_masks(labels, torch.arange(len(labels)), len(labels))
    assert int((positives.sum(1) * negatives.sum(1)).sum()) == triplets


@pytest.mark.parametrize("classes", [2, 10, 200])
def test_class_means_on_a_sphere_are_no_farther_apart_than_a_simplex(classes):  # H10
    corners = torch.eye(classes, dtype=torch.float64) - 1 / classes
    corners = torch.nn.functional.normalize(corners, dim=1)
    distances, _ = class_statistics(corners.repeat_interleave(2, 0), np.repeat(np.arange(classes), 2))
    mean = distances.sum() / (classes * (classes - 1))
    assert mean == pytest.approx({2: 4, 10: 2.222222, 200: 2.010050}[classes], abs=5e-7)


def levels_by_loops(distances, counts, thresholds, linkage):
    """Merge whatever is closer than each threshold, nearest first; compare nodes by all pairs of their classes."""
    nodes = [[label] for label in range(len(distances))]
    found = np.full(distances.shape, len(thresholds) - 1)
    np.fill_diagonal(found, 0)

    def apart(one, other):
        pairs = [(distances[p, q], counts[p] * counts[q]) for p in one for q in other]
        match linkage:
            case "single":
                return min(value for value, _ in pairs)
            case "complete":
                return max(value for value, _ in pairs)
        return sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)

    for level, threshold in enumerate(thresholds[:-1]):
        while len(nodes) > 1:
            value, one, other = min(
                (apart(a, b), i, j) for (i, a), (j, b) in itertools.combinations(enumerate(nodes), 2)
            )
            if value >= threshold:
                break
            for p, q in itertools.product(nodes[one], nodes[other]):
                found[p, q] = found[q, p] = level
            nodes[one] = nodes[one] + nodes.pop(other)
    return found


@pytest.mark.parametrize("linkage", ["average", "single", "complete"])
@pytest.mark.parametrize("seed", range(8))
def test_the_tree_is_that_of_merging_level_by_level(linkage, seed):
    draws = np.random.default_rng(seed)
    counts = draws.integers(1, 6, 12)
    labels = np.repeat(np.arange(12), counts)
    rows = torch.from_numpy(draws.normal(size=(len(labels), 3)))
    rows = torch.nn.functional.normalize(rows, dim=1)
    distances, _ = class_statistics(rows, labels)
    thresholds = np.linspace(0.2, 4, 9)
    heights, merges = merge(distances, counts, linkage)
    assert np.array_equal(merge_levels(heights, thresholds), levels_by_loops(distances, counts, thresholds, linkage))
    assert (np.diff(merges[:, 2]) >= -1e-12).all()
    assert sorted(set(heights[np.triu_indices(12, 1)])) == pytest.approx(sorted(set(merges[:, 2])))


def test_ties_go_to_the_lower_classes():
    distances = np.ones((4, 4)) - np.eye(4)
    _, merges = merge(distances, np.ones(4, dtype=int), "average")
    assert merges[:, :2].tolist() == [[0, 1], [0, 2], [0, 3]]
    assert nearest_classes(distances).tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_nodes_are_counted_at_every_level():
    assert tree_of().nodes().tolist() == [4, 3, 2, 2, 2, 2, 2, 1, 1]
    assert tree_of(linkage="none").nodes().tolist() == [4] * 8 + [1]


def test_a_collapsed_embedding_merges_everything_at_level_one():
    tree = tree_of(at(*[5] * 9), LABELS)
    assert tree.thresholds[0] == pytest.approx(0, abs=1e-12)
    assert set(tree.levels[np.triu_indices(4, 1)].tolist()) <= {0, 1}  # rounding may leave a spread of 1e-16
    assert np.isfinite(alpha(tree)).all()


def test_a_class_with_one_image_takes_the_mean_spread():
    tree = tree_of(ROWS[:8], LABELS[:8])
    assert tree.spreads[3] == tree.thresholds[0] == pytest.approx(np.mean([0.030384, 0.120615, 0.134749]), abs=1e-6)


def test_shuffled_levels_are_the_same_values_of_other_pairs():
    values = np.arange(36.0).reshape(6, 6)
    values = values + values.T
    found = shuffled_pairs(values, np.random.default_rng(0))
    upper = np.triu_indices(6, 1)
    assert np.array_equal(found, found.T)
    assert not np.array_equal(found, values)
    assert sorted(found[upper]) == sorted(values[upper])


def test_margins_of_pairs_are_constants_in_the_gradient():
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    margins = torch.from_numpy(alpha(tree_of()))[labels][:, labels]

    def value(rows):
        return 0.5 * hinge(rows, labels, margins).value

    rows = at(0, 10, 30, 50, 60, 90).requires_grad_()
    value(rows).backward()
    assert torch.allclose(rows.grad, central_differences(value, rows.detach()), atol=1e-7)


def test_a_tensor_of_one_margin_is_that_margin():
    rows, labels = at(0, 10, 30, 50, 60, 90), [0, 0, 1, 1, 2, 2]
    for mean in ("all", "violating"):
        masks = triplet_masks(torch.tensor(labels), torch.arange(6), 6)
        distances = pairwise_distances(rows, rows)
        number = triplet_loss(distances, *masks, 0.3, mean)
        table = triplet_loss(distances, *masks, torch.full((6, 6), 0.3, dtype=torch.float64), mean)
        assert torch.equal(number.value, table.value)
