"""The search for medoids: worked numbers, every subset beside it, ties and duplicates."""

import itertools
import math

import numpy as np
import pytest
import torch
from circle import at
from oracles import mutual_information

from hardmine.methods.facility_location.loss import distances_of
from hardmine.methods.facility_location.medoids import MedoidSearch, facility_search
from hardmine.methods.facility_location.partitions import nmi, wrongness


def line(*places):
    return torch.tensor(places, dtype=torch.float64)[:, None]


SIX, SIX_LABELS = line(0, 1, 4, 6, 9, 10), [0, 0, 0, 1, 1, 1]
SEVEN, SEVEN_LABELS = line(2, 6, 8, 11, 13, 14, 15), [0, 1, 1, 2, 2, 2, 2]
NINE, NINE_LABELS = at(0, 20, 70, 80, 100, 190, 200, 260, 50), [0, 0, 0, 1, 1, 2, 2, 2, 1]


def search_of(rows, labels, gamma, kind="l2", margin="nmi"):
    return MedoidSearch(distances_of(rows, kind).numpy(), np.array(labels), gamma, margin)


def bracket(search, medoids):
    own = search.of_classes()[search.classes]
    of_classes = -search.distances[np.arange(len(own)), own].sum()
    return search.score(search.clustering(np.array(medoids))) - of_classes


def assigned(distances, medoids):
    """Each image's nearest medoid, by a loop; ties to the lower row, medoids their own."""
    return [row if row in medoids else min((distances[row][m], m) for m in medoids)[1] for row in range(len(distances))]


def every_subset(search):
    """The best F + γΔ over all sets of medoids, by loops and an NMI of its own."""
    best = (-math.inf, ())
    for medoids in itertools.combinations(range(len(search.classes)), search.count):
        owners = assigned(search.distances, medoids)
        information, (one, other) = mutual_information(search.classes.tolist(), owners)
        agreement = 1.0 if one == other == 0 else (information / math.sqrt(one * other) if one * other else 0.0)
        value = -sum(search.distances[i][owners[i]] for i in range(len(owners))) + search.gamma * (1 - agreement)
        best = max(best, (round(value, 10), tuple(-m for m in medoids)))
    return best[0], {-m for m in best[1]}


def tables(clusters, classes):
    counts = np.zeros((1, max(clusters) + 1, max(classes) + 1), dtype=np.int64)
    for cluster, label in zip(clusters, classes, strict=True):
        counts[0, cluster, label] += 1
    return counts


@pytest.mark.parametrize(
    ("clusters", "labels", "value"),
    [
        ("00011122", "00111222", 0.558873),
        ("000012", "000111", 0.410407),
        ("0123", "0011", 0.707107),
        ("0011", "0011", 1),
    ],
)
def test_nmi_has_the_geometric_mean(clusters, labels, value):  # F3, F8
    table = tables([int(c) for c in clusters], [int(c) for c in labels])
    assert nmi(table)[0] == pytest.approx(value, abs=5e-7)


def test_nmi_of_trivial_partitions():
    assert nmi(tables([0, 0, 0], [0, 0, 0]))[0] == 1
    assert nmi(tables([0, 0, 0], [0, 1, 1]))[0] == 0
    assert nmi(tables([0, 1, 1], [0, 0, 0]))[0] == 0


def test_nmi_of_many_partitions_is_that_of_each_by_loops():
    draws = np.random.default_rng(0)
    labels = draws.integers(0, 3, 12)
    clusterings = draws.integers(0, 4, (20, 12))
    both = np.concatenate([np.pad(tables(c, labels), ((0, 0), (0, 4 - c.max() - 1), (0, 0))) for c in clusterings])
    for clusters, found in zip(clusterings, nmi(both), strict=True):
        information, entropies = mutual_information(labels.tolist(), clusters.tolist())
        assert found == pytest.approx(information / math.sqrt(entropies[0] * entropies[1]), abs=1e-12)


def test_zero_one_wrongness_matches_partitions_not_names():  # F8: labels 7733 against clusters 0011
    assert wrongness(tables([0, 0, 1, 1], [1, 1, 0, 0]), "zero-one")[0] == 0
    assert wrongness(tables([0, 0, 1, 1], [0, 0, 0, 1]), "zero-one")[0] == 1
    assert wrongness(tables([0, 0, 1, 2], [0, 0, 1, 1]), "zero-one")[0] == 1
    assert wrongness(tables([0, 0, 1, 1], [0, 0, 1, 1]), "constant")[0] == 1
    assert search_of(line(0, 1, 9, 10), [7, 7, 3, 3], 2.0, margin="zero-one").clustering(np.array([0, 2])).wrong == 0


def test_the_medoids_of_the_classes():  # F1, F4, F5
    for rows, labels, kind, value, medoids in (
        (SIX, SIX_LABELS, "l2", -8, [1, 4]),
        (SEVEN, SEVEN_LABELS, "l2", -7, [0, 1, 4]),
        (NINE, NINE_LABELS, "l2", -3.231779, [1, 3, 6]),
        (NINE, NINE_LABELS, "squared", -2.253988, [1, 3, 6]),
    ):
        search = search_of(rows, labels, 0, kind)
        assert search.of_classes().tolist() == medoids
        own = search.of_classes()[search.classes]
        assert -search.distances[np.arange(len(own)), own].sum() == pytest.approx(value, abs=5e-7)


@pytest.mark.parametrize(
    ("rows", "labels", "gamma", "kind", "greedy", "refined", "exact"),
    [
        (SIX, SIX_LABELS, 0, "l2", ([2, 4], -2), ([1, 4], 0), 0),  # F2
        (SIX, SIX_LABELS, 2, "l2", ([2, 4], -0.958278), ([2, 4], -0.958278), 0),
        (SIX, SIX_LABELS, 10, "l2", ([2, 4], 3.208612), ([2, 4], 3.208612), 3.208612),
        (SEVEN, SEVEN_LABELS, 0.5, "l2", ([3, 1, 5], -0.848540), ([3, 1, 5], -0.848540), 0.151460),  # F4
        (NINE, NINE_LABELS, 1, "l2", ([2, 6, 0], 0.884792), ([2, 6, 0], 0.884792), 1.057178),  # F5
        (NINE, NINE_LABELS, 9, "l2", ([2, 8, 4], 3.562957), ([2, 8, 4], 3.562957), 4.610648),
        # Ties to the lower row lead from {3, 6, 8}, where a search that breaks them otherwise ends (3.566511), to this:
        (NINE, NINE_LABELS, 9, "squared", ([2, 6, 8], 3.419177), ([3, 6, 1], 4.160321), 4.160321),
    ],
)
def test_greedy_refined_and_exact_searches(rows, labels, gamma, kind, greedy, refined, exact):
    search = search_of(rows, labels, gamma, kind)
    start = search.greedy()
    assert start.tolist() == greedy[0]
    assert bracket(search, start) == pytest.approx(greedy[1], abs=5e-7)
    found = search.refine(start, 5)
    assert found.tolist() == refined[0]
    assert bracket(search, found) == pytest.approx(refined[1], abs=5e-7)
    best, medoids = every_subset(search)
    assert bracket(search, sorted(medoids)) == pytest.approx(exact, abs=5e-7)
    assert search.score(search.clustering(found)) <= best + 1e-9


@pytest.mark.parametrize(
    ("rows", "labels", "gamma", "medoids"),
    [(SIX, SIX_LABELS, 0, {1, 4}), (SIX, SIX_LABELS, 2, {1, 4}), (SEVEN, SEVEN_LABELS, 0.5, {0, 2, 5})],
)
def test_the_exact_medoids(rows, labels, gamma, medoids):  # F2, F4
    assert every_subset(search_of(rows, labels, gamma))[1] == medoids


def test_the_exact_medoids_on_a_circle():  # F5
    search = search_of(NINE, NINE_LABELS, 9)
    assert every_subset(search)[1] == {0, 1, 4}
    found = search.clustering(np.array([0, 1, 4]))
    assert (found.value, found.wrong) == (pytest.approx(-5.860964, abs=5e-7), pytest.approx(0.804426, abs=5e-7))
    assert search_of(SIX, SIX_LABELS, 10).clustering(np.array([2, 4])).wrong == pytest.approx(0.520861, abs=5e-7)


def test_a_warm_search_is_never_below_the_classes():  # F4
    search = search_of(SEVEN, SEVEN_LABELS, 0.5)
    cold, gains = facility_search(search, warm=False)
    assert bracket(search, cold.medoids) == pytest.approx(-0.848540, abs=5e-7)
    assert gains["warm_gain"] == 0
    warm, gains = facility_search(search)
    assert warm.medoids.tolist() == [0, 1, 4]
    assert bracket(search, warm.medoids) == pytest.approx(0, abs=1e-9)
    assert gains["warm_gain"] == pytest.approx(0.848540, abs=5e-7)


def test_equal_images_give_as_many_clusters_as_classes():  # F7
    search = search_of(at(*[30] * 6), [0, 0, 1, 1, 2, 2], 1.0)
    found, _ = facility_search(search)
    assert found.medoids.tolist() == [0, 1, 2]
    assert found.owners.tolist() == [0, 1, 2, 0, 0, 0]
    assert bracket(search, found.medoids) == pytest.approx(0.584682, abs=5e-7)


def test_a_medoid_stays_its_own_beside_an_equal_one_of_a_lower_row():
    search = search_of(at(*[30] * 6), [0, 0, 1, 1, 2, 2], 1.0)
    for medoids in ([3, 1, 0], [0, 3, 1], [1, 0, 3]):
        assert search.clustering(np.array(medoids)).owners.tolist() == [0, 1, 0, 3, 0, 0]


@pytest.mark.parametrize(("labels", "medoids"), [(list(range(6)), set(range(6))), ([0] * 6, {2})])
def test_one_image_a_class_and_one_class_leave_nothing_to_gain(labels, medoids):  # F9
    search = search_of(SIX, labels, 5)
    found, _ = facility_search(search)
    assert set(found.medoids) == medoids
    assert bracket(search, found.medoids) == pytest.approx(0)


def unit_batch(seed, noise=None):
    draws = np.random.default_rng(seed)
    rows = draws.standard_normal((100, 64))
    if noise:
        rows = noise * rows + np.repeat(draws.standard_normal((25, 64)), 4, axis=0)
    return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_random_rows_are_clustered_better_by_medoids_than_by_classes():  # F10
    search = search_of(unit_batch(0), np.repeat(np.arange(25), 4), 1.0)
    own = search.of_classes()[search.classes]
    assert -search.distances[np.arange(100), own].sum() == pytest.approx(-102.43, abs=0.005)
    assert search.clustering(search.of_classes()).value == pytest.approx(-92.10, abs=0.005)


def test_on_separated_clusters_a_margin_that_does_not_grow_with_the_batch_is_idle():  # the trend of F11
    small = search_of(unit_batch(0, 1.2), np.repeat(np.arange(25), 4), 1.0)
    large = search_of(unit_batch(0, 1.2), np.repeat(np.arange(25), 4), 100.0)
    found = [facility_search(search, warm=False)[0] for search in (small, large)]
    assert bracket(small, found[0].medoids) < 1
    assert bracket(large, found[1].medoids) > 20
    assert found[0].wrong < 0.1 < found[1].wrong


def plain(search, rounds):
    """Greedy and refinement as their description says, one candidate at a time, with scikit-learn's NMI."""
    from sklearn.metrics import normalized_mutual_info_score

    distances, images = search.distances, range(len(search.classes))

    def score(medoids, value=None):
        owners = assigned(distances, medoids)
        agreement = normalized_mutual_info_score(search.classes, owners, average_method="geometric")
        value = -sum(distances[i][owners[i]] for i in images) if value is None else value
        return round(value + search.gamma * (1 - agreement), 12)

    medoids = []
    for _ in range(search.count):
        medoids.append(max((i for i in images if i not in medoids), key=lambda i: (score([*medoids, i]), -i)))
    greedy = list(medoids)
    for _ in range(rounds):
        before, owners = list(medoids), assigned(distances, medoids)
        for place, medoid in enumerate(before):
            members = [i for i in images if owners[i] == medoid]
            others = medoids[:place] + medoids[place + 1 :]

            def swapped(i, members=members, others=others):
                return score([*others, i], -sum(distances[i][j] for j in members)), -i

            medoids[place] = max(members, key=swapped)
        if medoids == before:
            break
    return greedy, medoids


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("gamma", [0.0, 0.7, 40.0])
def test_the_search_is_that_of_plain_loops(seed, gamma):
    draws = np.random.default_rng(seed)
    rows = torch.from_numpy(draws.normal(size=(14, 2)))
    rows[9] = rows[2]  # duplicates
    labels = draws.permutation(np.repeat(np.arange(5), [1, 2, 3, 4, 4]))
    search = search_of(rows if seed % 2 else rows.round(), labels, gamma)  # on whole numbers there are many ties
    start = search.greedy()
    assert (start.tolist(), search.refine(start, 5).tolist()) == plain(search, 5)


@pytest.mark.parametrize("seed", range(5))
def test_refinement_never_lowers_the_score(seed):
    draws = np.random.default_rng(seed)
    search = search_of(torch.from_numpy(draws.normal(size=(30, 3))), draws.integers(0, 6, 30), 20.0)
    medoids = draws.permutation(30)[: search.count]
    scores = [search.score(search.clustering(search.refine(medoids, rounds))) for rounds in range(6)]
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(scores))


def test_candidates_that_cannot_win_are_not_evaluated():
    search = search_of(SIX, SIX_LABELS, 0)
    search.greedy()
    assert search.evaluations < 11  # all of 6 and of 5
