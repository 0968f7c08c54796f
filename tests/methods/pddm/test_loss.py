"""PDDM's unit, selection and losses: worked numbers, loops, central differences, and what must not break them."""

import itertools

import pytest
import torch
from circle import at, close
from torch import Tensor

from hardmine.methods.pddm.loss import double_hinge, pair_distances, pair_scores
from hardmine.methods.pddm.quality import agreement, rank_correlation, ranking_quality
from hardmine.methods.pddm.selection import hard_quadruplets
from hardmine.methods.pddm.unit import PDDMUnit, score_matrix
from hardmine.mining import Quadruplets
from hardmine.mining.pairs import pairwise_distances, triplet_masks

ANGLES, LABELS = (0, 40, 60, 130, 150, 260), torch.tensor([0, 0, 1, 1, 2, 2])
PLACES = torch.arange(6)
MASKS = triplet_masks(LABELS, torch.arange(6), 6)


def unit_of(**changes: object) -> PDDMUnit:
    unit = PDDMUnit(2).double()
    weights = {
        "difference.weight": [[1, 0.5], [-0.5, 1]],
        "difference.bias": [0.1, 0.2],
        "position.weight": [[0.8, -0.3], [0.2, 0.9]],
        "position.bias": [0.3, 0.4],
        "joined.weight": [[-1, 0.5, 0.3, 0.2], [0.4, -0.6, 0.5, 0.1]],
        "joined.bias": [0.9, 0.6],
        "score.weight": [[1, -0.5]],
        "score.bias": [0.3],
    } | changes
    unit.load_state_dict({name: torch.as_tensor(value, dtype=torch.float64) for name, value in weights.items()})
    return unit


def listed(chosen: Quadruplets) -> list[tuple[int, ...]]:
    columns = (chosen.anchors, chosen.positives, chosen.negatives, chosen.others)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def losses(vectors: Tensor, unit: PDDMUnit, per: str, chosen: Quadruplets | None = None) -> tuple[Tensor, Tensor]:
    if chosen is None:
        scores, _ = score_matrix(unit, vectors.detach(), PLACES)
        chosen = hard_quadruplets(scores, *MASKS, LABELS, per)
    near, far = pair_scores(unit, vectors, PLACES, chosen)
    return double_hinge(-near, -far, 0.5).value, double_hinge(*pair_distances(vectors, chosen), 1.0).value


def test_one_pair_goes_through_the_unit_as_worked_out():
    unit, (first, second) = unit_of(), at(0, 40)[:, None]
    parts = []
    for layer, value in ((unit.difference, (first - second).abs()), (unit.position, (first + second) / 2)):
        parts.append(torch.nn.functional.normalize(torch.relu(layer(value)), dim=1)[0])
    close((first - second).abs()[0], (0.233956, 0.642788))
    close(((first + second) / 2)[0], (0.883022, 0.321394))
    close(torch.cat(parts), (0.670162, 0.742215, 0.724459, 0.689318))
    close(unit.hidden(first, second)[0], (0.956147, 0.853897))
    close(unit(first, second)[0], 0.829198)


SCORES = (
    *(0.829198, 0.601967, -0.085265, -0.142522, 0.077493, 0.446694, -0.144750, -0.145840, 0.518183),
    *(-0.150000, -0.150000, 0.758392, 0.593101, 0.890678, 0.671492),
)


def test_the_scores_of_all_pairs_are_the_worked_ones_and_symmetric():
    scores, _ = score_matrix(unit_of(), at(*ANGLES), PLACES)
    first, second = torch.triu_indices(6, 6, 1)
    close(scores[first, second], SCORES)
    assert torch.equal(scores, scores.T)


def test_scores_are_picked_from_as_worked_out():
    scores, _ = score_matrix(unit_of(), at(*ANGLES), PLACES)
    assert listed(hard_quadruplets(scores, *MASKS, LABELS, "one")) == [(2, 3, 5, 5)]
    assert listed(hard_quadruplets(scores, *MASKS, LABELS, "per-class")) == [(0, 1, 2, 5), (2, 3, 5, 5), (4, 5, 3, 3)]
    by_distance = -pairwise_distances(at(*ANGLES), at(*ANGLES))
    assert listed(hard_quadruplets(by_distance, *MASKS, LABELS, "one")) == [(4, 5, 3, 0)]


def test_one_quadruplet_has_the_worked_losses_and_gradients():
    vectors, unit = at(*ANGLES, grad=True), unit_of()
    scores, distances = losses(vectors, unit, "one")
    close(scores, 2.949070)
    close(distances, 0.0)
    (scores + 0.5 * distances).backward()
    close(vectors.grad[[2, 3, 5]], [[-0.648446, 0.266320], [0.777024, 0.133199], [-0.014519, -0.343767]])
    close(vectors.grad[[0, 1, 4]], [[0, 0]] * 3)
    close(unit.score.weight.grad[0], (1.556326, -0.785487))
    assert float(unit.score.bias.grad[0]) == 0.0
    close(unit.difference.weight.grad.norm(), 2.309115)
    close(unit.position.weight.grad.norm(), 0.103160)


def test_one_quadruplet_a_class_has_the_worked_losses_and_gradients():
    vectors, unit = at(*ANGLES, grad=True), unit_of()
    scores, distances = losses(vectors, unit, "per-class")
    close(scores, 1.517206)
    close(distances, 1.476601)
    close(scores + 0.5 * distances, 2.255506, 1.1e-6)
    (scores + 0.5 * distances).backward()
    expected = [
        [0.611845, 0.189711],
        [-1.318536, 0.032871],
        [0.298260, -0.028805],
        [-0.195822, -0.202304],
        [-0.062476, 0.503754],
        [0.757578, -0.468705],
    ]
    close(vectors.grad, expected)
    close(unit.score.weight.grad[0], (0.425084, -0.184244))


@pytest.mark.parametrize(("factor", "value"), [(0.1, 1.194907), (10, 20.490700)])
def test_scaling_the_last_layer_alone_changes_the_loss_on_scores(factor, value):
    unit = unit_of(**{"score.weight": [[factor, -0.5 * factor]]})
    chosen = Quadruplets(*(torch.tensor([row]) for row in (2, 3, 5, 5)))
    close(losses(at(*ANGLES), unit, "one", chosen)[0], value)


def test_a_dead_unit_scores_all_pairs_alike_and_moves_nothing():
    zeros = {"difference.weight": [[0, 0]] * 2, "position.weight": [[0, 0]] * 2}
    unit = unit_of(**zeros, **{"difference.bias": [0, 0], "position.bias": [0, 0]})
    scores, _ = score_matrix(unit, at(*ANGLES), PLACES)
    close(scores[0, 1:], [0.9] * 5)
    assert listed(hard_quadruplets(scores, *MASKS, LABELS, "one")) == [(0, 1, 2, 2)]
    vectors = at(*ANGLES, grad=True)
    value, _ = losses(vectors, unit, "one")
    close(value, 1.0)
    value.backward()
    assert torch.equal(vectors.grad, torch.zeros_like(vectors))


def test_the_unit_of_64_dimensions_has_16641_parameters():
    assert sum(own.numel() for own in PDDMUnit(64).parameters()) == 16_641


@pytest.mark.parametrize("per", ["one", "per-class", "per-pair"])
@pytest.mark.parametrize("seed", range(4))
def test_quadruplets_are_those_of_plain_loops(seed, per):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, 9, (12,), generator=generator)
    labels = rows % 4
    values = torch.randint(0, 6, (12, 12), generator=generator).float()
    values = values + values.T
    positives, negatives = triplet_masks(labels, rows, 12)
    pairs = [pair for pair in itertools.combinations(range(12), 2) if positives[pair]]
    groups = {
        "one": [pairs],
        "per-class": [[pair for pair in pairs if labels[pair[0]] == own] for own in range(4)],
        "per-pair": [[pair] for pair in pairs],
    }[per]
    expected = []
    for group in filter(None, groups):
        i, j = min(group, key=lambda pair: float(values[pair]))
        others = [n for n in range(12) if labels[n] != labels[i]]
        expected.append((i, j, *(max(others, key=lambda n, end=end: float(values[end, n])) for end in (i, j))))
    assert listed(hard_quadruplets(values, positives, negatives, labels, per)) == expected


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_a_batch_without_quadruplets_gives_zero_not_nan(labels):
    numbers, vectors, unit = torch.tensor(labels), at(0, 20, 70, 50, grad=True), unit_of()
    masks = triplet_masks(numbers, torch.arange(4), 4)
    chosen = hard_quadruplets(pairwise_distances(vectors, vectors).detach(), *masks, numbers, "per-class")
    assert len(chosen) == 0
    near, far = pair_scores(unit, vectors, PLACES[:4], chosen)
    total = double_hinge(-near, -far, 0.5).value + double_hinge(*pair_distances(vectors, chosen), 1.0).value
    total.backward()
    assert float(total.detach()) == 0.0
    assert torch.equal(vectors.grad, torch.zeros_like(vectors))


def test_gradients_agree_with_central_differences():
    unit = unit_of()
    chosen = Quadruplets(*(torch.tensor(side) for side in ((0, 2, 4), (1, 3, 5), (2, 5, 3), (5, 5, 3))))

    def value(vectors: Tensor, *weights: Tensor) -> Tensor:
        names = [name for name, _ in unit.named_parameters()]
        moved = torch.func.functional_call
        own = dict(zip(names, weights, strict=True))

        class Bound:
            def __call__(self, *parts: Tensor) -> Tensor:
                return moved(unit, own, parts)

        near, far = pair_scores(Bound(), vectors, PLACES, chosen)  # type: ignore[arg-type]
        return double_hinge(-near, -far, 0.5).value + double_hinge(*pair_distances(vectors, chosen), 1.0).value

    weights = [own.detach().clone().requires_grad_() for own in unit.parameters()]
    assert torch.autograd.gradcheck(value, (at(*ANGLES, grad=True), *weights), eps=1e-6)


def test_a_collapsed_batch_has_finite_gradients():
    torch.manual_seed(0)
    unit = PDDMUnit(3)
    vectors = torch.ones(6, 3).div(3**0.5).requires_grad_()
    scores, distances = losses(vectors, unit, "per-pair")
    (scores + distances).backward()
    close(scores, 1.0)
    close(distances, 2.0)
    assert torch.isfinite(vectors.grad).all()
    assert all(torch.isfinite(own.grad).all() for own in unit.parameters())


def test_a_unit_without_position_sees_differences_only_and_a_shuffled_one_other_pairs_positions():
    torch.manual_seed(0)
    blind, seeing = PDDMUnit(2, positioned=False).double(), unit_of()
    shifted = at(*ANGLES) + torch.tensor([0.3, -0.2])
    assert torch.allclose(score_matrix(blind, shifted, PLACES)[0], score_matrix(blind, at(*ANGLES), PLACES)[0])
    assert not torch.allclose(score_matrix(seeing, shifted, PLACES)[0], score_matrix(seeing, at(*ANGLES), PLACES)[0])
    moved = torch.tensor([3, 0, 5, 1, 4, 2])
    own, dealt = (score_matrix(seeing, at(*ANGLES), places)[0] for places in (PLACES, moved))
    assert not torch.allclose(own, dealt)
    chosen = Quadruplets(*(torch.tensor([row]) for row in (2, 3, 5, 0)))
    near, far = pair_scores(seeing, at(*ANGLES), moved, chosen)
    close(torch.cat([near, far.flatten()]), torch.stack([dealt[2, 3], dealt[2, 5], dealt[3, 0]]), 1e-12)


def test_blocks_of_pairs_change_nothing(monkeypatch):
    unit, vectors = PDDMUnit(4), torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    whole = score_matrix(unit, vectors, torch.arange(9))
    monkeypatch.setattr("hardmine.methods.pddm.unit.BLOCK", 5)
    parts = score_matrix(unit, vectors, torch.arange(9))
    assert torch.allclose(whole[0], parts[0], atol=1e-6)
    assert torch.equal(whole[1], parts[1])


def test_qualities_are_those_of_plain_counts():
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(0, 9, (40,), generator=generator).float()
    same = torch.rand(40, generator=generator) < 0.3
    wins = [(float(p > n) + float(p == n) / 2) for p in values[same] for n in values[~same]]
    close(ranking_quality(values, same), sum(wins) / len(wins), 1e-12)
    close(rank_correlation(values, 3 * values + 1), 1.0, 1e-12)
    close(rank_correlation(values, -values), -1.0, 1e-12)
    assert float(rank_correlation(values, torch.ones(40))) == 0.0
    first = Quadruplets(*torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]]).T)
    second = Quadruplets(*torch.tensor([[4, 5, 6, 7], [0, 1, 2, 9]]).T)
    assert float(agreement(first, second)) == 0.5
