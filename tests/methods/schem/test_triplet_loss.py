"""SCHEM's two losses: worked numbers of the specification and plain loops."""

import math

import oracles_schem as oracle
import pytest
import torch
from circle import at
from torch.nn import functional

from hardmine.methods.hinge import triplet_loss
from hardmine.methods.schem.classification_loss import classification_floor, classification_loss
from hardmine.mining.pairs import pairwise_distances, triplet_masks


def loss_of(vectors, labels, anchors, kind="squared", margin=0.2, mean="violating", rows=None):
    rows = torch.arange(len(labels)) if rows is None else rows
    positives, negatives = triplet_masks(labels, rows, anchors)
    return triplet_loss(pairwise_distances(vectors[:anchors], vectors, kind), positives, negatives, margin, mean)


def test_classification_loss_of_one_image_has_no_temperature():
    x, label, signatures = at(0), torch.tensor([0]), at(0, 90, 180)
    assert float(classification_loss(x, label, signatures)) == pytest.approx(0.407606, abs=5e-7)
    assert float(classification_loss(x, label, signatures, 20)) == pytest.approx(2.061e-9, abs=5e-13)
    assert float(classification_loss(x, label, signatures, 16)) == pytest.approx(1.125e-7, abs=5e-11)


def test_classification_loss_of_two_images_is_the_mean_of_theirs():
    x, labels, signatures = at(30, 100), torch.tensor([0, 1]), at(0, 90, 180)
    assert (x @ signatures.T).flatten().tolist() == pytest.approx(
        [0.866025, 0.5, -0.866025, -0.173648, 0.984808, 0.173648], abs=5e-7
    )
    single = [float(classification_loss(x[i : i + 1], labels[i : i + 1], signatures)) for i in range(2)]
    assert single == pytest.approx([0.626156, 0.564355], abs=5e-7)
    assert float(classification_loss(x, labels, signatures)) == pytest.approx(0.595255, abs=6e-7)


def test_gradients_of_signature_rows_are_orthogonal_to_them_and_shrink_with_their_length():
    lengths = torch.tensor([[2.0], [0.5], [3.0]], dtype=torch.float64)
    weight = (at(0, 90, 180) * lengths).requires_grad_()
    value = classification_loss(at(30, 100), torch.tensor([0, 1]), functional.normalize(weight, dim=1))
    value.backward()
    assert value.item() == pytest.approx(0.595255, abs=6e-7)
    assert weight.grad.flatten().tolist() == pytest.approx([0, -0.014207, 0.395984, 0, 0, 0.049361], abs=6e-7)
    assert (weight.grad * weight.detach()).sum(dim=1).abs().max() < 1e-12
    longer = (weight.detach() * 4).requires_grad_()
    classification_loss(at(30, 100), torch.tensor([0, 1]), functional.normalize(longer, dim=1)).backward()
    torch.testing.assert_close(longer.grad * 4, weight.grad)


def test_floors_of_the_classification_loss():
    known = {3: 0.368981, 4: 0.582658, 5: 0.763615, 10: 1.376935, 98: 3.592322, 100: 3.612377}
    known |= {3997: 7.293479, 11318: 8.334213}
    for classes, floor in known.items():
        assert classification_floor(classes) == pytest.approx(floor, abs=6e-7)


def test_probabilities_at_the_floor_are_the_largest_reachable_ones():
    reachable = {3: 0.691438, 10: 0.252351, 98: 0.027534, 100: 0.026988, 3997: 0.000680, 11318: 0.000240}
    for classes, best in reachable.items():
        assert math.exp(-classification_floor(classes)) == pytest.approx(best, abs=6e-7)


def test_chance_level_is_the_logarithm_of_the_number_of_classes():
    chances = {3: 1.098612, 10: 2.302585, 98: 4.584967, 100: 4.605170, 3997: 8.293299, 11318: 9.334150}
    for classes, chance in chances.items():
        signatures = functional.normalize(torch.ones(classes, 4, dtype=torch.float64), dim=1)
        value = classification_loss(signatures[:2], torch.tensor([0, 1]), signatures)
        assert float(value) == pytest.approx(chance, abs=6e-7)


@pytest.mark.parametrize("classes", [3, 5])
def test_no_arrangement_goes_below_the_floor_on_a_balanced_batch(classes):
    weight = torch.randn(classes, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    labels = torch.arange(classes)
    optimiser = torch.optim.Adam([weight], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        rows = functional.normalize(weight, dim=1)
        value = classification_loss(rows, labels, rows)
        value.backward()
        optimiser.step()
        assert value.item() >= classification_floor(classes) - 1e-12
    assert value.item() == pytest.approx(classification_floor(classes), abs=1e-5)


def test_every_batch_stays_above_the_general_floor():
    generator = torch.Generator().manual_seed(0)
    for classes in (2, 5, 100):
        signatures = functional.normalize(torch.randn(classes, 3, generator=generator), dim=1)
        floor = math.log1p((classes - 1) * math.exp(-2))
        assert float(classification_loss(signatures[:1], torch.tensor([0]), signatures)) >= floor
    opposite = torch.cat([at(0), at(180).expand(99, 2)])
    assert float(classification_loss(at(0), torch.tensor([0]), opposite)) == pytest.approx(2.667102, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "violating", "values"),
    [
        ("squared", 0.328300, [0.347334, 0, 0.437565, 0.2]),
        ("cosine", 0.264150, [0.273667, 0, 0.318782, 0.2]),
        ("euclidean", 0.371223, [0.370342, 0, 0.543327, 0.2]),
    ],
)
def test_triplet_loss_is_the_mean_over_violating_triplets(kind, violating, values):
    vectors, labels = at(0, 30, 20, 60), torch.tensor([0, 0, 1, 2])
    for anchor, negative, value in zip((0, 0, 1, 1), (2, 3, 2, 3), values, strict=True):
        chosen = [anchor, 1 - anchor, negative]
        one = loss_of(vectors[chosen], labels[chosen], 1, kind)
        assert float(one.value) == pytest.approx(value, abs=6e-7)
    found = loss_of(vectors, labels, 2, kind)
    assert float(found.value) == pytest.approx(violating, abs=6e-7)
    assert (int(found.violating), int(found.tuples)) == (3, 4)


def test_plain_mean_counts_satisfied_triplets_too():
    found = loss_of(at(0, 30, 20, 60), torch.tensor([0, 0, 1, 2]), 2, mean="all")
    assert float(found.value) == pytest.approx(0.246225, abs=6e-7)


@pytest.mark.parametrize("kind", ["squared", "cosine", "euclidean"])
def test_without_a_violator_the_loss_and_its_gradient_are_exactly_zero(kind):
    vectors = at(0, 30, 180, 170).requires_grad_()
    found = loss_of(vectors, torch.tensor([0, 0, 1, 2]), 2, kind)
    found.value.backward()
    assert float(found.value) == 0.0
    assert torch.equal(vectors.grad, torch.zeros_like(vectors))


def test_a_full_batch_has_3600_triplets():
    labels = torch.cat([torch.zeros(10), torch.arange(1, 41)]).long()
    vectors = functional.normalize(torch.randn(50, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    assert int(loss_of(vectors, labels, 10).tuples) == 3600


def test_a_repeated_image_is_no_positive_of_itself():
    labels, rows = torch.tensor([0, 0, 0, 1]), torch.tensor([5, 5, 6, 9])
    found = loss_of(at(0, 0, 20, 60), labels, 3, rows=rows)
    assert int(found.tuples) == 4


@pytest.mark.parametrize("kind", ["squared", "cosine", "euclidean"])
def test_identical_images_give_finite_gradients(kind):
    vectors = at(10, 10, 10, 10).requires_grad_()
    loss_of(vectors, torch.tensor([0, 0, 1, 1]), 2, kind).value.backward()
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_a_batch_without_triplets_gives_zero_not_nan(labels):
    for mean in ("violating", "all"):
        assert float(loss_of(at(0, 50, 90), torch.tensor(labels), 3, mean=mean).value) == 0.0


@pytest.mark.parametrize("kind", ["squared", "cosine", "euclidean"])
@pytest.mark.parametrize("seed", range(3))
def test_losses_agree_with_plain_loops(seed, kind):
    generator = torch.Generator().manual_seed(seed)
    vectors = functional.normalize(torch.randn(14, 3, generator=generator, dtype=torch.float64), dim=1)
    labels, rows = torch.randint(0, 4, (14,), generator=generator), torch.randint(0, 9, (14,), generator=generator)
    for scope in (5, 14):
        values = oracle.triplet_values(vectors, labels.tolist(), rows.tolist(), scope, 0.2, kind)
        found = loss_of(vectors, labels, scope, kind, rows=rows)
        assert float(found.value) == pytest.approx(oracle.violating_mean(values), abs=1e-6)
        assert (int(found.violating), int(found.tuples)) == (sum(value > 0 for value in values), len(values))
    signatures = functional.normalize(torch.randn(4, 3, generator=generator, dtype=torch.float64), dim=1)
    expected = oracle.classification_loss(vectors, labels.tolist(), signatures, 3.0)
    assert float(classification_loss(vectors, labels, signatures, 3.0)) == pytest.approx(expected, abs=1e-9)
