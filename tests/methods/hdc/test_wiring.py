"""HDC put together: the method's loss in every mode, its heads layer by layer, who receives which level's gradient."""

import itertools

import numpy as np
import oracles_hdc as oracle
import pytest
import torch
from tiny import build
from torch import Tensor, nn
from torch.nn import functional

from hardmine.methods.hdc.network import DeepestHead, HDCNetwork, ShallowHead
from hardmine.methods.hdc.settings import HDC
from hardmine.settings.backbones import SmallCNN

LABELS = [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5
ROWS = torch.tensor([8 * label + LABELS[:place].count(label) for place, label in enumerate(LABELS)])
RATIOS = (1.0, 0.5, 0.2)
DEFAULTS = {
    "selection": "own",
    "ratio_base": "all",
    "neg_counting": "ordered",
    "margin": 1.0,
    "negative_factor": 10.0,
}
SELECTIONS = list(itertools.product(("own", "nested_prev", "nested_own"), ("all", "previous")))
OTHERS = [
    {"neg_counting": "unordered"},
    {"margin": 1.3},
    {"negative_factor": 4.0},
    {"neg_counting": "unordered", "margin": 0.9, "negative_factor": 2.5, "selection": "nested_own"},
]
MODES = [{"selection": selection, "ratio_base": base} for selection, base in SELECTIONS] + OTHERS


class Recorder:
    """A log that keeps what it is given, with its gradient."""

    def __init__(self) -> None:
        self.values: dict[str, Tensor | float] = {}

    def add(self, name: str, value: Tensor | float, weight: float = 1.0) -> None:
        self.values[name] = value


def method_of(**modes):
    method = build({"method": "hdc", "head_channels": 3, "head_features": 8, "head_dropout": 0.5, **modes})
    method.network.train()
    return method


def vectors_of(seed: int = 3) -> dict[str, Tensor]:
    """Three levels of crowded vectors, so that more than half of the negatives lie within the margin."""
    draws = torch.Generator().manual_seed(seed)
    centre = torch.tensor([2.0, 1, 0, -1, 0], dtype=torch.float64)
    noise = torch.randn((3, len(LABELS), 5), generator=draws, dtype=torch.float64)
    return {f"level{level + 1}": (centre + 1.1 * noise[level]).requires_grad_() for level in range(3)}


def by_loops(vectors: dict[str, Tensor], modes: dict) -> list[dict]:
    units = [functional.normalize(level.detach(), dim=1).numpy() for level in vectors.values()]
    return oracle.mode_losses(units, LABELS, RATIOS, DEFAULTS | modes)


@pytest.mark.parametrize("modes", MODES, ids=lambda modes: "-".join(map(str, modes.values())))
def test_the_loss_of_the_method_in_every_mode_is_that_of_the_loops(modes):
    vectors, log = vectors_of(), Recorder()
    total = method_of(**modes).loss(vectors, ROWS, log)
    expected = by_loops(vectors, modes)
    assert float(total.detach()) == pytest.approx(sum(level["value"] for level in expected), rel=1e-10)
    for number, level in enumerate(expected, start=1):
        found = {
            name.removeprefix(f"level{number}_"): float(torch.as_tensor(value).detach())
            for name, value in log.values.items()
            if name.startswith(f"level{number}_")
        }
        assert (found["positives"], found["active_negatives"]) == (level["positives"], level["active"])
        for name, key in (("loss", "value"), ("loss_printed", "printed"), ("loss_kept", "kept"), ("loss_all", "all")):
            assert found[name] == pytest.approx(level[key], rel=1e-10), name


@pytest.mark.parametrize("modes", [MODES[0], MODES[3], MODES[-1]], ids=["own", "nested_prev", "unordered"])
def test_the_gradient_of_the_method_is_that_of_the_loops_through_the_normalisation(modes):
    vectors = vectors_of()
    method_of(**modes).loss(vectors, ROWS, Recorder()).backward()
    for level, expected in zip(vectors.values(), by_loops(vectors, modes), strict=True):
        for vector, gradient, found in zip(level.detach().numpy(), expected["gradient"], level.grad, strict=True):
            length = np.linalg.norm(vector)
            unit = vector / length
            assert found.numpy() == pytest.approx((gradient - unit * (unit @ gradient)) / length, rel=1e-8, abs=1e-12)


def test_the_batch_of_these_tests_tells_every_mode_from_every_other_without_ties_at_a_cut():
    found = [tuple(round(level["value"], 6) for level in by_loops(vectors_of(), modes)) for modes in MODES]
    assert len(set(found)) == len(MODES)
    for selection in ("own", "nested_own"):
        active = [level["active"] for level in by_loops(vectors_of(), {"margin": 0.9, "selection": selection})]
        assert 75 < active[0] < 150
        assert active[1:] == [75, 30]


def filled(head: nn.Module) -> nn.Module:
    """A head in double precision with weights and biases of either sign, none of them 0."""
    draws = torch.Generator().manual_seed(9)
    head.double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws, dtype=torch.float64))
    return head


def layer(part: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    return part.weight.detach().numpy(), part.bias.detach().numpy()


def maps_of(shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("edge", "size", "stride"), [(14, 5, 3), (13, 5, 3), (8, 2, 2), (4, 1, 1)])
def test_a_shallow_head_pools_reduces_and_has_a_relu_after_each_of_its_first_two_layers(edge, size, stride):
    head = filled(ShallowHead((3, edge, edge), 5, 7, 0.0, 2))
    maps = maps_of((4, 3, edge, edge))
    found = head(maps).detach().numpy()
    for row, image in zip(found, maps.numpy(), strict=True):
        own = oracle.shallow_head(image, size, stride, layer(head.reduce), layer(head.hidden), layer(head.embedding))
        assert row == pytest.approx(own, rel=1e-9)


def test_the_deepest_head_averages_over_all_places():
    head = filled(DeepestHead((6, 3, 5), 0.0, 2))
    maps = maps_of((4, 6, 3, 5))
    for row, image in zip(head(maps).detach().numpy(), maps.numpy(), strict=True):
        assert row == pytest.approx(oracle.deepest_head(image, layer(head.embedding)), rel=1e-9)


@pytest.mark.parametrize(("shallow", "deepest"), [(0.7, 0.2), (0.2, 0.7), (0.6, 0.0), (0.0, 0.6)])
def test_each_heads_own_share_is_dropped_just_before_its_embedding_layer(shallow, deepest):
    run = HDC(method="hdc", head_channels=3, head_features=40, head_dropout=shallow, last_dropout=deepest)
    network = HDCNetwork(run, SmallCNN(width=4, embedding=6), 1, 16)
    torch.manual_seed(0)
    for name, head, share in zip(network.tap_names, network.heads, (shallow, shallow, deepest), strict=True):
        maps = maps_of((60, *network.backbone.tap_shapes[name])).float().abs()
        entering = []
        hook = head.embedding.register_forward_pre_hook(lambda _, inputs, entering=entering: entering.append(inputs[0]))
        for training in (False, True):
            head.train(training)(maps)
        hook.remove()
        plain, dropped = (vectors[entering[0] > 0] for vectors in entering)
        assert torch.allclose(dropped[dropped > 0], plain[dropped > 0] / (1 - share), rtol=1e-5)
        assert float((dropped == 0).float().mean()) == pytest.approx(share, abs=0.05)


def trained_levels(**modes):
    """A method in double precision, the loss of each level with its gradient, and their sum as the method gives it."""
    method = method_of(**modes)
    method.network.double()
    images = torch.rand((len(LABELS), 1, 16, 16), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    log = Recorder()
    total = method.loss(method.network(images), ROWS, log)
    return method, [log.values[f"level{level}_loss"] for level in (1, 2, 3)], total


def gradients(method, loss: Tensor) -> dict[str, Tensor | None]:
    named = dict(method.network.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True)
    return dict(zip(named, found, strict=True))


@pytest.mark.parametrize("selection", ["own", "nested_prev", "nested_own"])
def test_t11_each_levels_loss_reaches_the_trunk_up_to_its_tap_and_its_own_head_only(selection):
    method, levels, _ = trained_levels(selection=selection)
    for number, loss in enumerate(levels):
        trunk = tuple(f"backbone.block{block}." for block in range(1, number + 3))
        for name, gradient in gradients(method, loss).items():
            reached = name.startswith((*trunk, f"heads.{number}."))
            assert (gradient is not None and bool(gradient.any())) == reached, (number + 1, name)


@pytest.mark.parametrize("selection", ["own", "nested_prev", "nested_own"])
def test_t11_the_whole_loss_is_the_sum_of_three_backwards_with_equal_weights(selection):
    method, levels, total = trained_levels(selection=selection)
    assert float(total.detach()) == pytest.approx(sum(float(level.detach()) for level in levels), rel=1e-12)
    together, apart = gradients(method, total), [gradients(method, level) for level in levels]
    for name, gradient in together.items():
        expected = sum(part[name] for part in apart if part[name] is not None)
        assert torch.allclose(gradient, expected, rtol=1e-9, atol=1e-12), name


def test_a_step_of_the_method_trains_trunk_and_every_head():
    method = method_of()
    before = {name: value.detach().clone() for name, value in method.network.named_parameters()}
    method.step(Recorder())
    assert all(not torch.equal(value, before[name]) for name, value in method.network.named_parameters())
