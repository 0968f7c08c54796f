"""Mining against plain loops over all pairs, on random and on nasty vectors."""

import math

import numpy as np
import pytest
import torch

import hardmine.retrieval.equal
from hardmine.errors import UserError
from hardmine.methods.schem.signatures import ClassSignatures, class_pool
from hardmine.methods.smart_mining.class_members import ClassMembers
from hardmine.methods.smart_mining.spheres import MINED, OUTSIDE, select_triplets
from hardmine.mining.neighbour_lists import NeighbourSearch
from hardmine.offline import candidates, positives, selection
from hardmine.offline.equal import equal_groups, priorities
from hardmine.offline.hard_classes import hard_classes, mean_signatures
from hardmine.offline.mining import KEPT, ONLY_COPIES, ONLY_IMAGE, Mined, mine
from hardmine.offline.rules import Rules, ranks_in
from hardmine.offline.selection import REASONS


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def random_case(images: int = 90, classes: int = 9, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes of different sizes, some images of them copies within and across classes."""
    numbers = np.random.default_rng(seed)
    labels = np.sort(np.concatenate([np.arange(classes), numbers.integers(0, classes, images - classes)]))
    vectors = unit(numbers.standard_normal((classes, 6))[labels] + numbers.standard_normal((images, 6)))
    vectors[5] = vectors[4]  # within a class, or beside it
    vectors[images - 1] = vectors[3]  # across classes
    vectors[images - 2] = vectors[images - 9]
    return vectors, labels


def loops(vectors: np.ndarray, labels: np.ndarray, rules: Rules) -> dict[tuple[int, int], list[int]]:
    """Negatives of each pair (anchor, positive) by the rules' words, one candidate after another."""
    images = range(len(labels))

    def squared(a: int, b: int) -> float:
        return sum((float(x) - float(y)) ** 2 for x, y in zip(vectors[a], vectors[b], strict=True))

    def cosine(a: int, b: int) -> float:
        return 1 - squared(a, b) / 2

    def copies(a: int, b: int) -> bool:
        return squared(a, b) <= 1e-10

    found: dict[tuple[int, int], list[int]] = {}
    for anchor in images:
        same = [i for i in images if labels[i] == labels[anchor] and i != anchor and not copies(anchor, i)]
        if rules.duplicate_score is not None:
            same = [i for i in same if cosine(anchor, i) < rules.duplicate_score]
        sign = 1 if rules.positive == "nearest" else -1
        same.sort(key=lambda i: (sign * round(squared(anchor, i), 12), i))
        others = [i for i in images if labels[i] != labels[anchor]]
        others.sort(key=lambda i: (squared(anchor, i), i))
        for positive in same[: rules.positives]:
            taken: list[int] = []
            for negative in others[rules.first - 1 : rules.last]:
                score, best = cosine(anchor, negative), cosine(anchor, positive)
                siblings = [i for i in images if labels[i] == labels[anchor]]
                good = [
                    not any(copies(negative, i) for i in siblings),
                    rules.duplicate_score is None or score < rules.duplicate_score,
                    rules.max_score is None or score <= rules.max_score,
                    rules.min_score is None or score >= rules.min_score,
                    rules.margin is None or score < best - rules.margin,
                    rules.relative_margin is None or score < best - rules.relative_margin * abs(best),
                    rules.strategy != "spheres"
                    or squared(anchor, negative) >= max(1, rules.kappa) * squared(anchor, positive),
                    not any(copies(negative, i) for i in taken),
                ]
                if all(good) and len(taken) < rules.negatives:
                    taken.append(negative)
            if taken:
                found[anchor, positive] = taken
    return found


def as_lists(mined: Mined) -> dict[tuple[int, int], list[int]]:
    rows = zip(mined.anchors.tolist(), mined.positives.tolist(), mined.negatives.tolist(), strict=True)
    return {(anchor, positive): [n for n in negatives if n >= 0] for anchor, positive, negatives in rows}


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(first=4, last=9, negatives=3),
        Rules(positive="nearest", positives=3, negatives=2, last=7),
        Rules(min_score=-0.2, max_score=0.4),
        Rules(margin=0.1, positive="nearest"),
        Rules(relative_margin=0.3, positive="nearest", positives=2),
        Rules(relative_margin=0.3, positive="hardest", positives=2),
        Rules(duplicate_score=0.9),
        Rules(duplicate_score=0.9, positive="nearest", positives=2),
        Rules(strategy="spheres", positive="nearest", kappa=1.4, last=80, positives=2),
        Rules(strategy="spheres", positive="nearest", kappa=0.2, last=80),
    ],
    ids=str,
)
def test_negatives_are_those_of_a_loop_over_all_pairs(rules: Rules) -> None:
    vectors, labels = random_case()
    assert as_lists(mine(vectors, labels, rules)) == loops(vectors, labels, rules)


def test_blocks_threads_and_large_classes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = random_case(120, 4, seed=3)
    rules = Rules(last=20, negatives=4, pick="random", seed=7)
    whole = as_lists(mine(vectors, labels, rules))
    monkeypatch.setattr(candidates, "_MEMORY", 1)
    monkeypatch.setattr(candidates, "_CHUNK", 50)
    assert as_lists(mine(vectors, labels, rules, threads=2)) == whole
    monkeypatch.setattr(candidates, "_LARGE", 1)
    large = Rules(last=5, negatives=4)
    assert as_lists(mine(vectors, labels, large)) == loops(vectors, labels, large)
    assert np.bincount(labels).max() > 20


def test_scores_are_cosines_and_every_candidate_is_accounted_for() -> None:
    vectors, labels = random_case()
    rules = Rules(first=2, last=30, negatives=2, max_score=0.7, margin=-0.4, duplicate_score=0.95)
    mined = mine(vectors, labels, rules)
    taken = mined.negatives >= 0
    for row, anchor in enumerate(mined.anchors):
        positive = vectors[anchor].astype(float) @ vectors[mined.positives[row]].astype(float)
        assert mined.positive_scores[row] == pytest.approx(positive, abs=1e-6)
        for negative, score in zip(mined.negatives[row], mined.negative_scores[row], strict=True):
            assert math.isnan(score) == (negative < 0)
            if negative >= 0:
                assert score == pytest.approx(vectors[anchor].astype(float) @ vectors[negative].astype(float), abs=1e-6)
    assert mined.looked == mined.refused.sum() + taken.sum()
    assert (
        dict(zip(REASONS, mined.refused, strict=True))["rank"]
        == np.isin(mined.fates, (ONLY_COPIES,), invert=True).sum()
    )


def test_fates_say_why_an_image_has_no_negative() -> None:
    angles = np.array([0, 0.1, 0.2, 0.3, 3.0, 3.0, 1.5])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    mined = mine(vectors, labels, Rules(min_score=-0.5, negatives=1))
    assert mined.fates.tolist() == [KEPT] * 4 + [ONLY_COPIES] * 2 + [ONLY_IMAGE]
    assert mined.copies == 1
    mined = mine(vectors, labels, Rules(min_score=0.2, negatives=1))
    assert [int(fate) for fate in mined.fates[:2]] == [list(REASONS).index("min-score")] * 2
    assert set(mined.negatives.ravel()) == {6}


def test_a_positive_equal_up_to_rounding_is_none() -> None:
    angles = np.array([0, 1e-6, 0.4, 2.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    mined = mine(vectors, np.array([0, 0, 0, 1]), Rules(positive="nearest", positives=2, negatives=1))
    assert list(zip(mined.anchors, mined.positives, strict=True)) == [(0, 2), (1, 2), (2, 1), (2, 0)]


def test_drawn_negatives_are_drawn_from_those_that_pass_and_depend_on_the_seed() -> None:
    vectors, labels = random_case()
    everything = as_lists(mine(vectors, labels, Rules(last=40, negatives=40)))
    drawn = [as_lists(mine(vectors, labels, Rules(last=40, pick="random", seed=seed))) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    places = []
    for pair, negatives in drawn[0].items():
        assert len(negatives) == 5
        places += [everything[pair].index(negative) for negative in negatives]
        assert negatives == sorted(negatives, key=everything[pair].index)
    assert 14 < np.mean(places) < 23  # uniform over some 38 places
    random_positives = as_lists(mine(vectors, labels, Rules(positive="random", seed=5)))
    assert all(labels[a] == labels[p] and a != p for a, p in random_positives)


def test_equal_rows_form_groups_of_their_first() -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    vectors[[7, 30]], vectors[41] = vectors[2], vectors[40]
    expected = [next(j for j in range(50) if (vectors[j] == vectors[i]).all()) for i in range(50)]
    assert equal_groups(vectors).tolist() == expected
    assert selection.EQUAL == positives.EQUAL == hardmine.retrieval.equal.EQUAL


def test_priorities_are_spread_and_differ_by_seed_owner_and_row() -> None:
    drawn = priorities(1, np.arange(200)[:, None], np.arange(200))
    assert len(np.unique(drawn)) == 40_000
    assert np.mean(drawn / 2.0**64) == pytest.approx(0.5, abs=0.01)
    assert (drawn != priorities(2, np.arange(200)[:, None], np.arange(200))).all()


def test_hard_classes_are_those_of_schem() -> None:
    vectors, labels = random_case()
    signatures = ClassSignatures(9, 6, torch.Generator())
    signatures.start_from_means(torch.from_numpy(vectors), torch.from_numpy(labels))
    ours = mean_signatures(vectors, labels)
    np.testing.assert_allclose(ours, signatures.weight.detach().numpy(), atol=1e-6)
    found = hard_classes(vectors, labels, ours, 4)
    for row in range(len(labels)):
        anchor = torch.from_numpy(vectors[row : row + 1])
        assert found[row].tolist() == class_pool(anchor, signatures.unit(), int(labels[row]), 4).tolist()


def test_strategy_classes_takes_the_nearest_images_of_the_hard_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    from hardmine.offline import hard_classes as module

    vectors, labels = random_case()
    rules = Rules(strategy="classes", classes=2, last=10, negatives=10)
    mined = mine(vectors, labels, rules)
    chosen = hard_classes(vectors, labels, mean_signatures(vectors, labels), 2)
    for (anchor, _), negatives in as_lists(mined).items():
        pool = np.flatnonzero(np.isin(labels, chosen[anchor]))
        squared = ((vectors[pool].astype(float) - vectors[anchor].astype(float)) ** 2).sum(axis=1)
        nearest = pool[np.lexsort((pool, squared))][:10].tolist()
        assert set(negatives) <= set(nearest)
        assert negatives[0] == nearest[0] or len(negatives) < len(nearest)
        assert len(negatives) >= len(nearest) - 4  # copies
    monkeypatch.setattr(module, "_CELLS", 1)
    assert as_lists(mine(vectors, labels, rules)) == as_lists(mined)


def test_strategy_spheres_takes_the_negatives_of_smart_mining() -> None:
    numbers = np.random.default_rng(1)
    labels = np.sort(numbers.integers(0, 8, 100))
    vectors = unit(2 * numbers.standard_normal((8, 6))[labels] + numbers.standard_normal((100, 6)))
    lists = NeighbourSearch(torch.from_numpy(vectors)).query(np.arange(100), 99)
    for kappa in (0.5, 1.0, 1.7):
        found = select_triplets(lists, ClassMembers(labels), kappa, np.random.default_rng(0), per_anchor=1)
        rules = Rules(strategy="spheres", positive="nearest", kappa=kappa, last=99, negatives=1)
        ours = {anchor: negatives[0] for (anchor, _), negatives in as_lists(mine(vectors, labels, rules)).items()}
        theirs = {
            int(a): int(n)
            for (a, _, n), flag in zip(found.triplets, found.flags, strict=True)
            if flag in (MINED, OUTSIDE)
        }
        assert len(theirs) > 50
        assert theirs.items() <= ours.items()


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0] * 6, "all images are of one class"), (range(6), "none of the 6 classes has two images")],
)
def test_labels_that_leave_nothing_to_mine_are_refused(labels: list[int], message: str) -> None:
    vectors = unit(np.random.default_rng(0).standard_normal((6, 4)))
    with pytest.raises(UserError, match=message):
        mine(vectors, np.array(labels), Rules())


def test_equal_images_and_damaged_vectors_are_refused() -> None:
    vectors = unit(np.ones((6, 4)))
    labels = np.array([0, 0, 0, 1, 1, 1])
    with pytest.raises(UserError, match="all 6 images have one and the same vector"):
        mine(vectors, labels, Rules())
    with pytest.raises(UserError, match="every image's class holds only copies"):
        mine(unit(np.eye(2)[labels]), labels, Rules())
    with pytest.raises(UserError, match="not of length 1"):
        mine(vectors * 2, labels, Rules())


def test_no_negative_for_anyone_names_the_rule_that_took_them() -> None:
    vectors, labels = random_case()
    with pytest.raises(UserError, match=r"no negative is left for any of \d+ anchors.* above --max-score; loosen"):
        mine(vectors, labels, Rules(max_score=-1.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("50-10", "first rank is larger than the last; write 10-50"),
        ("ten", "is no range"),
        ("0-5", "count from 1"),
        ("1-20000", "to 10,000 at most"),
    ],
)
def test_ranks_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ranks_in(text)


def test_ranks_are_a_range_or_the_last() -> None:
    assert ranks_in(" 10-50 ") == (10, 50)
    assert ranks_in("30") == (1, 30)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first": 4, "last": 6}, "are 3 candidates where --negatives asks for 5"),
        ({"min_score": 0.5, "max_score": 0.4}, "no score lies between"),
        ({"max_score": 80}, "must be a cosine"),
        ({"min_score": float("nan")}, "must be a cosine"),
        ({"margin": 3.0}, "difference of cosines"),
        ({"relative_margin": 95}, "must be a share"),
        ({"kappa": 0.0}, "above 0"),
    ],
)
def test_rules_that_contradict_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Rules(**changes)
