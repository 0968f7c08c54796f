"""The coupled clusters loss: worked numbers, loops, central differences, and what must not break it."""

import pytest
import torch
from circle import at, close
from torch import Tensor

from hardmine.methods.ccl.loss import ClusterLoss, coupled_clusters, image_triplets
from hardmine.methods.ccl.settings import CCL
from hardmine.methods.hinge import hinge_loss
from hardmine.mining.pairs import triplet_masks

POINTS = ((0, 0), (2, 0), (1, 3), (4, 1), (1, -3), (5, 5))
SETS = torch.tensor([0, 0, 0, 1, 1, 1])
ANGLES, LABELS = (0, 30, 20, 80, 150, 200), torch.tensor([0, 0, 1, 1, 2, 2])


def points(*rows: int) -> Tensor:
    chosen = [POINTS[row] for row in rows] if rows else POINTS
    return torch.tensor(chosen, dtype=torch.float64, requires_grad=True)


def settings(margin: float = 0.3, **keys: object) -> CCL:
    return CCL(method="ccl", margin=margin, **keys)


def first_couple(vectors: Tensor, run: CCL) -> Tensor:
    """The loss of the couple whose positive set is class 0, and its gradient left on the points."""
    vectors.grad = None
    value = coupled_clusters(vectors, SETS, run).losses[0]
    value.backward()
    return value


def test_centre_squares_and_negative_are_the_worked_ones():
    found = coupled_clusters(points(), SETS, settings(6))
    close(found.centres[0], (1, 1))
    close(found.near[:3], (2, 2, 4))
    close(found.far[0], 9)
    assert int(found.negatives[0]) == 3


@pytest.mark.parametrize(
    ("margin", "value", "coded", "through", "after"),
    [
        (
            6,
            0.5,
            [[0, 0], [0, 0], [0, 2], [-3, 0]],
            [[1, -0.666667], [1, -0.666667], [1, 1.333333], [-3, 0]],
            (0.265133, 0.203822),
        ),
        (
            8,
            2.5,
            [[-1, -1], [1, -1], [0, 2], [-9, 0]],
            [[2, -1], [4, -1], [3, 2], [-9, 0]],
            (0.864600, 0.672000),
        ),
    ],
)
def test_a_couple_has_the_worked_loss_gradients_and_next_step(margin, value, coded, through, after):
    for centre_gradient, expected, later in ((False, coded, after[0]), (True, through, after[1])):
        vectors, run = points(), settings(margin, centre_gradient=centre_gradient)
        close(first_couple(vectors, run), value)
        close(vectors.grad[:4], expected)
        close(vectors.grad[4:], [[0, 0], [0, 0]])
        drift = vectors.grad.sum(dim=0)
        close(drift, (0, 0) if centre_gradient else torch.tensor(coded).sum(0))
        moved = (vectors - 0.02 * vectors.grad).detach().requires_grad_()
        close(first_couple(moved, run), later)


def test_third_party_code_without_the_half_and_over_the_set_is_a_multiple_of_it():
    close(2 * first_couple(points(), settings(8)) / 3, 1.666667)


def test_the_pull_is_that_of_pairs_over_the_size_of_the_set():
    found = coupled_clusters(points(), SETS, settings(negative="none"))
    close(2 * found.losses[0], 8)
    close(2 * found.losses[0], (4 + 10 + 10) / 3)


def test_the_choice_of_the_anchor_alone_changes_a_triplet_hinge_twentyfold():
    vectors, values = points().detach(), []
    squares = (vectors[:, None] - vectors[None]).pow(2).sum(2)
    for anchor in range(3):
        others = torch.tensor([row for row in range(3) if row != anchor])
        found = hinge_loss(squares[anchor, others], squares[anchor, 3], torch.ones(2, dtype=torch.bool), 8, "sum")
        values.append(float(found.value))
    assert values == [1, 20, 10]


def test_a_set_of_one_image_pushes_its_negative_and_pulls_nothing():
    labels = torch.tensor([0, 1, 1, 1])
    for centre_gradient, own in ((False, (0, 0)), (True, (1, -3))):
        vectors = points(0, 3, 4, 5)
        found = coupled_clusters(vectors, labels, settings(20, centre_gradient=centre_gradient))
        assert int(found.negatives[0]) == 2
        close(found.losses[0], 5)
        found.losses[0].backward()
        close(vectors.grad[0], own)
        close(vectors.grad[2], (-1, 3))


@pytest.mark.parametrize(
    ("centre_gradient", "gradient"),
    [
        (
            False,
            [
                [0.011165, -0.041667],
                [-0.114283, 0.096138],
                [0.061610, -0.084239],
                [-0.063837, 0.053566],
                [0, 0],
                [0, 0],
            ],
        ),
        (
            True,
            [
                [0.012278, -0.026330],
                [-0.113170, 0.111475],
                [0.113170, -0.111475],
                [-0.012278, 0.026330],
                [0, 0],
                [0, 0],
            ],
        ),
    ],
)
def test_a_batch_on_the_circle_has_the_worked_losses_and_gradients(centre_gradient, gradient):
    vectors = at(*ANGLES, grad=True)
    found = coupled_clusters(vectors, LABELS, settings(0.5, centre_gradient=centre_gradient))
    close(found.losses, (0.558475, 0.627595, 0))
    assert found.negatives.tolist() == [2, 1, 3]
    close(found.violating, 4 / 6)
    close(found.centres.norm(dim=1), (0.965926, 0.866025, 0.906308))
    (found.losses.sum() / 6).backward()
    close(found.losses.sum() / 6, 0.197678)
    close(vectors.grad, gradient)
    close(vectors.grad.sum(0), (0, 0) if centre_gradient else found.drift / 6)


def loops(vectors: Tensor, labels: list[int], run: CCL) -> list[float]:
    """Losses of the classes, one image at a time."""
    rows, losses = vectors.tolist(), []
    for own in sorted(set(labels)):
        members = [row for row, label in zip(rows, labels, strict=True) if label == own]
        others = [row for row, label in zip(rows, labels, strict=True) if label != own]
        centre = [sum(column) / len(members) for column in zip(*members, strict=True)]
        near = [sum((x - c) ** 2 for x, c in zip(row, centre, strict=True)) for row in members]
        far = [sum((x - c) ** 2 for x, c in zip(row, centre, strict=True)) for row in others]
        total = 0.0
        for d in near:
            if run.negative == "none":
                total += d / 2
            elif run.negative == "nearest":
                total += max(0.0, d + run.margin - min(far)) / 2
            else:
                kept = [d + run.margin - other for other in far if d + run.margin > other]
                total += sum(kept) / max(1, len(kept)) / 2
        losses.append(total)
    return losses


@pytest.mark.parametrize("negative", ["nearest", "all", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_losses_agree_with_plain_loops(seed, negative):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(13, 3, generator=generator, dtype=torch.float64))
    labels = torch.randint(0, 5, (13,), generator=generator)
    run = settings(0.7, negative=negative)
    close(coupled_clusters(vectors, labels, run).losses, loops(vectors, labels.tolist(), run), 1e-9)


@pytest.mark.parametrize("negative", ["nearest", "all", "none"])
def test_gradients_agree_with_central_differences(negative):
    run = settings(0.5, centre_gradient=True, negative=negative)
    vectors = at(*ANGLES, grad=True)
    assert torch.autograd.gradcheck(lambda rows: coupled_clusters(rows, LABELS, run).losses.sum(), vectors, eps=1e-6)


def test_random_negatives_are_of_other_classes_and_differ():
    generator, seen = torch.Generator().manual_seed(0), set()
    for _ in range(40):
        found = coupled_clusters(at(*ANGLES), LABELS, settings(negative="random"), generator)
        assert not (LABELS[found.negatives] == torch.arange(3)).any()
        seen.add(tuple(found.negatives.tolist()))
    assert len(seen) > 15


def test_triplets_from_the_same_sets_have_one_anchor_one_positive_and_the_nearest_negative():
    vectors, labels = at(*ANGLES, 95, 225, 40), torch.tensor([0, 0, 1, 1, 2, 2, 1, 2, 0])
    positives, _ = triplet_masks(labels, torch.arange(9), 9)
    squares, generator = (vectors[:, None] - vectors[None]).pow(2).sum(2), torch.Generator().manual_seed(1)
    run, seen = settings(0.5, anchor="image"), set()
    for _ in range(60):
        found = image_triplets(vectors, labels, positives, run, generator)
        for own, (value, near) in enumerate(zip(found.losses.tolist(), found.near.tolist(), strict=True)):
            members = (labels == own).nonzero().squeeze(1).tolist()
            margin, nearest = 0.5 * 2 * 3 / (3 - 1), squares[:, labels != own].amin(dim=1)
            possible = {
                (a, p): 3 / 2 * max(0.0, float(squares[a, p] + margin - nearest[a]))
                for a in members
                for p in members
                if p != a
            }
            matching = [pair for pair, expected in possible.items() if abs(expected - value) < 1e-9]
            assert any(abs(float(squares[pair]) - near) < 1e-9 for pair in matching)
            seen |= set(matching) if len(matching) == 1 else set()
    assert len(seen) > 6


def image_loss(vectors: Tensor, labels: Tensor, rows: Tensor) -> ClusterLoss:
    positives, _ = triplet_masks(labels, rows, len(labels))
    return image_triplets(vectors, labels, positives, settings(anchor="image"), torch.Generator().manual_seed(0))


def test_classes_without_a_pair_give_no_triplet():
    labels, rows = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([4, 4, 5, 6, 7])
    found = image_loss(at(0, 0, 10, 20, 30), labels, rows)
    assert found.losses[:2].tolist() == [0, 0]
    assert float(found.losses[2]) > 0


@pytest.mark.parametrize("keys", [{}, {"negative": "all"}, {"negative": "random"}, {"anchor": "image"}], ids=str)
def test_a_batch_of_one_class_gives_zero_and_a_collapsed_one_finite_gradients(keys):
    run, generator = settings(**keys), torch.Generator().manual_seed(0)
    for labels in (torch.zeros(6, dtype=torch.int64), LABELS):
        vectors = torch.ones(6, 3).div(3**0.5).requires_grad_()
        positives, _ = triplet_masks(labels, torch.arange(6), 6)
        if run.anchor == "image":
            found = image_triplets(vectors, labels, positives, run, generator)
        else:
            found = coupled_clusters(vectors, labels, run, generator)
        found.losses.sum().backward()
        assert torch.isfinite(vectors.grad).all()
        assert (float(found.losses.detach().sum()) == 0.0) == bool((labels == 0).all())
