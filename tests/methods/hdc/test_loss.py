"""HDC's level loss: worked numbers by hand, the released layer by loops, and batches with nothing to learn from."""

import math

import numpy as np
import oracles_hdc as oracle
import pytest
import torch
from torch.nn import functional

from hardmine.methods.hdc.loss import level_loss, mean_pair_loss, scale_gradient, squared_distances
from hardmine.methods.hdc.selection import SelectedPairs, select_pairs, triplet_accuracy
from hardmine.mining.pairs import BatchPairs
from hardmine.retrieval.equal import EQUAL

torch.set_num_threads(1)
PAIRED = torch.tensor([0, 0, 1, 1])


def on_circle(degrees):
    angles = torch.as_tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def four():
    return on_circle([0, 30, 50, 150])


def hundred():
    index = torch.arange(100)
    angles = 0.05 * index.double() + 0.3 * (index % 10)
    return torch.stack([angles.cos(), angles.sin()], dim=1), index // 10


def evaluate(embeddings, labels, ratio, normalise=False, **modes):
    """The loss of one level and its gradient with respect to the given vectors."""
    vectors = embeddings.clone().requires_grad_()
    distances = squared_distances(vectors) if normalise else functional.pdist(vectors).square()
    selected = select_pairs([distances], BatchPairs.of(labels), [ratio])[0]
    loss = level_loss(distances, selected, **modes)
    loss.value.backward()
    return loss, vectors.grad


def rounded(tensor):
    return [[round(value, 6) + 0.0 for value in row] for row in tensor.tolist()]


def test_t1_full_ratio_gives_the_worked_loss_and_gradient():
    distances = functional.pdist(four()).square()
    expected = {(0, 1): 0.267949, (2, 3): 2.347296, (0, 2): 0.714425, (1, 2): 0.120615, (0, 3): 3.732051, (1, 3): 3.0}
    pairs = [tuple(pair) for pair in torch.triu_indices(4, 4, 1).T.tolist()]
    assert {pair: round(d, 6) for pair, d in zip(pairs, distances.tolist(), strict=True)} == expected
    loss, gradient = evaluate(four(), PAIRED, 1.0)
    assert (int(loss.positives), int(loss.negatives)) == (2, 2)
    assert (round(loss.value.item(), 6), round(loss.printed.item(), 6)) == (1.188738, 4.319076)
    assert rounded(gradient) == [
        [-0.573025, 1.193407],
        [-0.394392, 0.526741],
        [1.218886, -1.675807],
        [-0.251469, -0.044341],
    ]


def test_t2_half_the_pairs_keeps_the_hard_positive_and_two_negatives():
    distances = functional.pdist(four()).square()
    selected = select_pairs([distances], BatchPairs.of(PAIRED), [0.5])[0]
    pairs = torch.triu_indices(4, 4, 1).T
    assert pairs[selected.positives].tolist() == [[2, 3]]
    assert pairs[selected.negatives].tolist() == [[0, 2], [1, 2]]
    loss, gradient = evaluate(four(), PAIRED, 0.5)
    assert (int(loss.positives), int(loss.negatives)) == (1, 2)
    assert (round(loss.value.item(), 6), round(loss.printed.item(), 6)) == (1.39969, 5.129301)
    assert rounded(gradient) == [
        [-0.714425, 1.532089],
        [-0.446476, 0.532089],
        [1.462663, -2.010969],
        [-0.301763, -0.053209],
    ]


def test_t3_the_gradient_goes_through_the_normalisation():
    vectors = torch.tensor([[2, 0], [1, 1], [0, 3], [-1, 1]], dtype=torch.float64)
    loss, gradient = evaluate(vectors, PAIRED, 1.0, normalise=True)
    assert [round(d, 6) for d in squared_distances(vectors)[[0, 5]].tolist()] == [0.585786, 0.585786]
    assert (int(loss.positives), int(loss.negatives)) == (2, 1)
    assert (round(loss.value.item(), 6), round(loss.printed.item(), 6)) == (0.664214, 2.363961)
    assert rounded(gradient) == [[0, -0.088388], [-0.972272, 0.972272], [0.648181, 0], [-0.088388, -0.088388]]
    assert (gradient * vectors).sum(dim=1).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("ratio", "counts", "value", "printed"),
    [
        (1.0, (450, 4500, 1473), 1.506149, 5.824183),
        (0.5, (225, 2250, 1473), 1.59665, 6.204705),
        (0.2, (90, 900, 900), 2.136002, 8.377769),
    ],
)
def test_t4_a_batch_of_a_hundred_gives_the_worked_loss(ratio, counts, value, printed):
    embeddings, labels = hundred()
    loss, gradient = evaluate(embeddings, labels, ratio)
    selected = select_pairs([functional.pdist(embeddings).square()], BatchPairs.of(labels), [ratio])[0]
    assert (len(selected.positives), len(selected.negatives), int(loss.negatives)) == counts
    assert (round(loss.value.item(), 6), round(loss.printed.item(), 6)) == (value, printed)
    if ratio == 1.0:
        assert round(gradient.norm().item(), 6) == 0.146677


def test_t4_three_levels_fed_the_same_embedding_add_up():
    embeddings, labels = hundred()
    total = sum(evaluate(embeddings, labels, ratio)[0].value.item() for ratio in (1.0, 0.5, 0.2))
    assert round(total, 6) == 5.238801


def test_t6_collapsed_embeddings_have_their_loss_and_no_gradient():
    loss, gradient = evaluate(on_circle([70] * 4), PAIRED, 1.0)
    assert (int(loss.positives), int(loss.negatives)) == (0, 4)
    assert (loss.value.item(), loss.printed.item()) == (2.5, 10.0)
    assert not gradient.any()


def test_t7_two_identical_images_of_one_class_give_zero():
    loss, gradient = evaluate(on_circle([20, 20]), torch.tensor([0, 0]), 1.0)
    assert (loss.value.item(), loss.printed.item()) == (0.0, 0.0)
    assert not gradient.any()


def test_t10b_kept_positives_come_nearer_and_losses_fall_as_the_ratio_grows():
    draws = torch.Generator().manual_seed(3)
    distances = squared_distances(torch.randn(60, 8, generator=draws, dtype=torch.float64))
    pairs = BatchPairs.of(torch.arange(60) // 6)
    ratios = [0.05, 0.1, 0.2, 0.5, 0.8, 1.0]
    kept = [select_pairs([distances], pairs, [ratio])[0] for ratio in ratios]
    means = [distances[selected.positives].mean().item() for selected in kept]
    assert means == sorted(means, reverse=True)
    losses = [mean_pair_loss(distances, selected).item() for selected in kept]
    assert losses == sorted(losses, reverse=True)
    assert all(int(level_loss(distances, selected).negatives) > 0 for selected in kept)


def test_t12_the_order_of_images_and_the_names_of_classes_do_not_matter():
    embeddings = functional.normalize(
        torch.randn(30, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    )
    labels = torch.arange(30) // 5
    order = torch.randperm(30, generator=torch.Generator().manual_seed(2))
    loss, gradient = evaluate(embeddings, labels, 0.5)
    shuffled, moved = evaluate(embeddings[order], labels[order], 0.5)
    renamed, same = evaluate(embeddings, torch.tensor([40, 7, 3, 99, 0, 12])[labels], 0.5)
    assert shuffled.value.item() == pytest.approx(loss.value.item(), abs=1e-12)
    assert torch.allclose(moved, gradient[order], atol=1e-12)
    assert renamed.value.item() == loss.value.item()
    assert torch.equal(same, gradient)


def test_t13_finite_differences_agree_with_the_gradient():
    embeddings, step = four(), 1e-6
    _, gradient = evaluate(embeddings, PAIRED, 1.0)
    for place in np.ndindex(4, 2):
        up, down = embeddings.clone(), embeddings.clone()
        up[place] += step
        down[place] -= step
        slope = (evaluate(up, PAIRED, 1.0)[0].value - evaluate(down, PAIRED, 1.0)[0].value).item() / (2 * step)
        assert abs(slope - gradient[place].item()) < 1e-5 * abs(gradient[place].item())


def test_t14_the_legacy_gradient_is_two_over_the_triplet_accuracy():
    vectors = four().requires_grad_()
    distances = functional.pdist(vectors).square()
    accuracy = triplet_accuracy(distances, PAIRED)
    assert accuracy.item() == 0.625
    value = level_loss(distances, select_pairs([distances], BatchPairs.of(PAIRED), [1.0])[0]).value
    scaled = scale_gradient(value, 2 / accuracy)
    scaled.backward()
    assert scaled.item() == value.item()
    assert torch.allclose(vectors.grad, 3.2 * evaluate(four(), PAIRED, 1.0)[1], atol=1e-12)


def test_t16_a_uniform_batch_has_the_printed_order_of_magnitude():
    """The printed values belong to negatives of loss .6 (d = .4); those at d = .6, of loss .4, give the second row."""
    pairs = BatchPairs.of(torch.arange(100) // 10)
    everything = SelectedPairs(pairs.positives, pairs.negatives)
    found = []
    for negative in (0.4, 0.6):
        distances = torch.full((pairs.total,), 0.4, dtype=torch.float64)
        distances[pairs.negatives] = negative
        loss = level_loss(distances, everything)
        found.append((round(loss.printed.item(), 6), round(loss.value.item(), 6)))
    assert found == [(5.733333, 1.438095), (round(36180 / 9450, 6), round(9090 / 9450, 6))]


BATCHES = {
    "random": (torch.randn(24, 6, generator=torch.Generator().manual_seed(5)), torch.arange(24) // 4),
    "one image a class": (torch.randn(9, 3, generator=torch.Generator().manual_seed(6)), torch.arange(9)),
    "one class": (torch.randn(7, 3, generator=torch.Generator().manual_seed(7)), torch.zeros(7, dtype=torch.int64)),
    "duplicates within and across classes": (
        torch.randn(4, 3, generator=torch.Generator().manual_seed(8)).repeat(3, 1),
        torch.arange(12) // 3,
    ),
    "uneven classes": (
        torch.randn(11, 2, generator=torch.Generator().manual_seed(9)),
        torch.tensor([0] * 7 + [1, 2, 2, 2]),
    ),
}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.2])
def test_the_loss_is_that_of_the_released_layer_by_loops(batch, ratio):
    vectors, labels = BATCHES[batch]
    embeddings = functional.normalize(vectors.double(), dim=1)
    if int((labels[:, None] != labels).sum()) // 2 * ratio % 1 > 1e-9:
        ratio = 1.0  # ordered and unordered counts differ for odd cuts
    loss, gradient = evaluate(embeddings, labels, ratio)
    value, printed, positives, negatives, expected = oracle.level(embeddings.numpy(), labels.tolist(), ratio)
    assert (int(loss.positives), int(loss.negatives)) == (positives, negatives)
    assert (loss.value.item(), loss.printed.item()) == pytest.approx((value, printed), abs=1e-12)
    if batch in ("random", "one image a class", "one class"):  # elsewhere equal losses leave a choice
        assert np.abs(gradient.numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("batch", BATCHES)
def test_the_triplet_accuracy_is_that_of_a_triple_loop(batch):
    vectors, labels = BATCHES[batch]
    found = triplet_accuracy(functional.pdist(vectors.double()).square(), labels)
    assert found.item() == pytest.approx(oracle.triplet_accuracy(vectors.double().numpy(), labels.tolist()), abs=1e-6)


def test_unordered_counting_counts_each_active_negative_once():
    loss, _ = evaluate(four(), PAIRED, 1.0, neg_counting="unordered")
    positives, hinges = 0.267949 + 2.347296, 2 - 0.714425 - 0.120615
    assert loss.value.item() == pytest.approx((positives + 10 * hinges) / 2 / 4, abs=1e-6)
    assert loss.printed.item() == pytest.approx((positives + 10 * hinges) / 4, abs=1e-5)  # inputs have six digits


def test_margin_and_factor_enter_as_written():
    loss, _ = evaluate(four(), PAIRED, 1.0, margin=0.5, negative_factor=3.0)
    assert int(loss.negatives) == 1
    assert loss.value.item() == pytest.approx((0.267949 + 2.347296 + 3 * (0.5 - 0.120615)) / 2 / 4, abs=1e-6)


def test_a_zero_vector_and_a_single_image_give_finite_numbers():
    vectors = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    loss, gradient = evaluate(vectors, PAIRED, 1.0, normalise=True)
    assert math.isfinite(loss.value.item())
    assert torch.isfinite(gradient).all()
    assert evaluate(torch.ones(1, 2), torch.tensor([0]), 1.0)[0].value.item() == 0.0


def test_nearly_equal_float32_embeddings_count_as_duplicates():
    vectors = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 2e-7], [0.3, 1.0], [0.3, 1.0]])
    loss, _ = evaluate(vectors, PAIRED, 1.0, normalise=True)
    assert int(loss.positives) == 0


@pytest.mark.parametrize("dimensions", [2, 64, 512, 2048])
def test_the_limit_of_equal_embeddings_is_far_above_rounding_and_far_below_a_small_angle(dimensions):
    draws = torch.Generator().manual_seed(0)
    direction, side = functional.normalize(torch.randn(2, dimensions, generator=draws), dim=1)
    side = functional.normalize(side - (side @ direction) * direction, dim=0)
    rounding = squared_distances(direction * (0.1 + 10 * torch.rand(300, 1, generator=draws))).max().item()
    angle = squared_distances(torch.stack([direction, direction + 1e-4 * side])).item()
    assert 0 < 100 * rounding < EQUAL < angle / 10
