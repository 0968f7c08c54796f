"""Losses and miners in a loop of one's own: the examples of docs/library.md, and equality with what the methods do."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_pairs_indices
from torch.utils.data import DataLoader, TensorDataset

import hardmine.losses
import hardmine.miners
import hardmine.synthesis
from hardmine.errors import UserError
from hardmine.losses import (
    CoupledClustersLoss,
    GlobalLoss,
    HAP2SLoss,
    HDCLoss,
    QuadrupletLoss,
    RatioTripletLoss,
    SpectralLoss,
    pull_negatives,
)
from hardmine.miners import BalancedSampler, HardPairs, SignatureBatches, SphereTriplets, TripletMiner

PAGE = (Path(__file__).parents[2] / "docs/library.md").read_text()
SETUP = re.findall(r"```python setup\n(.*?)```", PAGE, re.DOTALL)[0]
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
LABELS = torch.arange(24) % 6


def embeddings(dimensions: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(24, dimensions, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("import ")[-1].split("\n")[0])
def test_the_examples_of_the_page_run_and_learn(example: str) -> None:
    scope: dict = {}
    torch.manual_seed(0)
    exec(SETUP, scope)
    before = [value.clone() for value in scope["network"].parameters()]
    exec(example, scope)
    assert all(torch.isfinite(value).all() for value in scope["network"].parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, scope["network"].parameters(), strict=True))


def test_examples_are_at_most_twelve_lines_beside_the_loop() -> None:
    for example in EXAMPLES:
        lines = [line for line in example.splitlines() if line and not line.startswith((" ", "for"))]
        assert len(lines) <= 12, example


@pytest.mark.parametrize("selection", ["all", "random", "semihard", "hard", "distance"])
def test_triplets_unpack_into_a_library_loss_and_are_of_the_right_classes(selection: str) -> None:
    vectors = embeddings()
    anchors, positives, negatives = TripletMiner(selection, margin=4.0)(vectors, LABELS)
    assert len(anchors) > 0
    assert (LABELS[anchors] == LABELS[positives]).all()
    assert (anchors != positives).all()
    assert (LABELS[anchors] != LABELS[negatives]).all()
    value = TripletMarginLoss()(vectors, LABELS, (anchors, positives, negatives))
    value.backward()
    assert vectors.grad is not None
    again = tuple(TripletMiner(selection, margin=4.0)(vectors, LABELS))
    assert all(torch.equal(*pair) for pair in zip((anchors, positives, negatives), again, strict=True))


def test_hard_pairs_are_the_farthest_positives_and_the_nearest_negatives() -> None:
    vectors = embeddings()
    first, second, third, fourth = HardPairs(0.25)(vectors, LABELS)
    distances = torch.cdist(*[torch.nn.functional.normalize(vectors.detach(), dim=1)] * 2)
    same = (LABELS[:, None] == LABELS).triu(1)
    other = (LABELS[:, None] != LABELS).triu(1)
    assert len(first) == int(same.sum()) // 4
    assert len(third) == int(other.sum()) // 4
    assert distances[first, second].min() >= distances[same].sort().values[-len(first)] - 1e-6
    assert distances[third, fourth].max() <= distances[other].sort().values[len(third) - 1] + 1e-6


def test_hdc_of_one_level_and_all_pairs_is_the_contrastive_loss_by_hand() -> None:
    vectors = embeddings()
    unit = torch.nn.functional.normalize(vectors, dim=1)
    squares = (unit[:, None] - unit).pow(2).sum(dim=2)
    same, other = (LABELS[:, None] == LABELS).triu(1), (LABELS[:, None] != LABELS).triu(1)
    hinges = (1 - squares[other]).clamp(min=0)
    expected = 0.5 * (squares[same].sum() + 10 * hinges.sum()) / (same.sum() + 2 * (hinges > 0).sum())
    torch.testing.assert_close(HDCLoss((1.0,))([vectors], LABELS), expected)


def test_ratio_and_global_loss_by_hand_with_triplets_of_both_libraries() -> None:
    vectors = embeddings()
    unit = torch.nn.functional.normalize(vectors, dim=1)
    triplets = TripletMiner("hard")(vectors, LABELS)
    others = (unit[triplets.positives], unit[triplets.negatives])
    near, far = ((unit[triplets.anchors] - other).pow(2).sum(1) for other in others)
    expected = (1 - far.sqrt() / (near.sqrt() + 0.2)).clamp(min=0).mean()
    torch.testing.assert_close(RatioTripletLoss()(vectors, LABELS, triplets), expected)
    torch.testing.assert_close(RatioTripletLoss()(vectors, LABELS, tuple(triplets)), expected)
    gap = (near.mean() / 4 - far.mean() / 4 + 0.01).clamp(min=0)
    spread = (near / 4).var(unbiased=False) + (far / 4).var(unbiased=False)
    torch.testing.assert_close(GlobalLoss()(vectors, LABELS, triplets), spread + 0.8 * gap)
    pairs = get_all_pairs_indices(LABELS)
    torch.testing.assert_close(RatioTripletLoss()(vectors, LABELS, pairs), RatioTripletLoss()(vectors, LABELS))


def test_pulled_negatives_lie_on_the_line_at_the_distance_that_hardness_says() -> None:
    vectors = embeddings()
    anchors, positives, untouched = pull_negatives(vectors, LABELS, 1.0)
    _, _, pulled = pull_negatives(vectors, LABELS, 0.0)
    near, far = (anchors - positives).norm(dim=1), (anchors - untouched).norm(dim=1)
    torch.testing.assert_close((anchors - pulled).norm(dim=1), torch.minimum(near, far))


@pytest.mark.parametrize(
    "loss", [HAP2SLoss(), QuadrupletLoss(), QuadrupletLoss(second_term="none"), CoupledClustersLoss(), SpectralLoss()]
)
@pytest.mark.parametrize("labels", [LABELS, torch.arange(24), torch.zeros(24, dtype=torch.int64)])
def test_losses_are_finite_with_gradient_whatever_the_classes(loss: torch.nn.Module, labels: torch.Tensor) -> None:
    vectors = embeddings()
    value = loss(vectors, labels)
    value.backward()
    assert value.isfinite()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()
    moved = loss(vectors.detach() * (1 if isinstance(loss, SpectralLoss) else 3), labels)
    torch.testing.assert_close(moved, value.detach(), rtol=1e-4, atol=1e-5)


def test_a_sampler_is_what_a_data_loader_takes() -> None:
    sampler = BalancedSampler(LABELS.numpy(), classes=3, images_per_class=2, seed=0)
    loader = DataLoader(TensorDataset(torch.arange(24), LABELS), batch_sampler=sampler)
    rounds = [torch.cat([rows for rows, _ in loader]) for _ in range(2)]
    assert len(loader) == len(sampler) == 4
    assert sorted(rounds[0].tolist()) == list(range(24))
    assert rounds[0].tolist() != rounds[1].tolist()


def test_spheres_mine_the_same_after_a_checkpoint_and_follow_the_error() -> None:
    first, second = (SphereTriplets(LABELS.numpy(), kappa=1.0, seed=1) for _ in range(2))
    assert first.mine(embeddings()).mined.any()
    first.observe(0.9)
    second.load_state_dict(first.state_dict())
    mined, again = first.mine(embeddings(seed=1)), second.mine(embeddings(seed=1))
    assert np.array_equal(mined.triplets, again.triplets)
    labels = LABELS.numpy()[mined.triplets]
    assert (labels[:, 0] == labels[:, 1]).all()
    assert (labels[:, 0] != labels[:, 2]).all()
    assert first.observe(0.05) < second.observe(0.95)


def test_signature_batches_have_one_anchor_class_and_go_on_from_a_checkpoint() -> None:
    vectors = embeddings().detach()
    options = {"seed": 3, "groups": 3, "group_size": 2}
    first, second = (SignatureBatches(LABELS.numpy(), lambda rows: vectors[rows], 8, **options) for _ in range(2))
    assert len(list(first)) == len(first) == 4
    second.load_state_dict(first.state_dict())
    second.signatures.load_state_dict(first.signatures.state_dict())
    for rows, same in zip(first, second, strict=True):
        assert rows == same
        assert len(rows) == 6
        assert LABELS[rows[0]] == LABELS[rows[1]] != LABELS[rows[2]]
    value = first.loss(vectors, LABELS, scale=16)
    value.backward()
    assert first.signatures.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HAP2SLoss(sigmas=1), r"HAP2S: has no option 'sigmas' \(did you mean 'sigma'\?\); it has weighting"),
        (lambda: HAP2SLoss(sigma=-1), "HAP2S: sigma: .*greater than 0"),
        (lambda: QuadrupletLoss(margins="fixed", margin_gradient=True), "fixed margins have no gradient"),
        (lambda: HDCLoss((0.5, 0.0)), "ratios"),
        (lambda: HDCLoss((1.0, 0.5))([embeddings()], LABELS), "2 ratios, but 1 levels"),
        (lambda: HardPairs(0), "no share"),
        (lambda: RatioTripletLoss(margin=-0.5), "margin: .*greater than 0"),
        (lambda: RatioTripletLoss(reduction="avg"), "'mean' or 'sum'"),
        (lambda: GlobalLoss(scope="runing"), "global_scope: .*'batch' or 'running'"),
        (lambda: SpectralLoss(gradient="relased"), "gradient: .*'exact' or 'released'"),
        (lambda: pull_negatives(embeddings(), LABELS, 3.0), "hardness 3.0 is impossible"),
        (lambda: TripletMiner("hardest"), "allowed: all, random"),
        (lambda: SphereTriplets(np.zeros(4, dtype=np.int64)), "at least two classes"),
        (lambda: RatioTripletLoss()(embeddings(), LABELS, (LABELS, LABELS)), "2 were given"),
    ],
)
def test_what_cannot_be_is_said(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]


def test_the_page_names_all_that_is_public() -> None:
    for module in (hardmine.losses, hardmine.miners, hardmine.synthesis):
        for name in module.__all__:
            assert f"{name}" in PAGE, name
