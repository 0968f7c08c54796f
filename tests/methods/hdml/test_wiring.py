"""HDML put together: every term of a step against loops, worked numbers through the method, rates, averages."""

import math

import numpy as np
import oracles_hdml as oracle
import pytest
import torch
from tiny import advance, build
from torch import Tensor, nn

from hardmine.methods.hdml.method import HDMLMethod, Losses
from hardmine.methods.hdml.network import Balance
from hardmine.methods.hdml.settings import HDML
from hardmine.methods.hdml.tuples import tuples_of
from hardmine.methods.head_network import FeatureGenerator
from hardmine.methods.log import EpochLog

SIZES = {"npair": 8, "triplet": 12}
CLASSES = {"npair": [5, 2, 7, 0, 5, 2, 7, 0], "triplet": [5, 2, 7, 0, 5, 2, 7, 0, 1, 6, 3, 4]}
OTHER = {
    "soft_share": 0.3,
    "soft_factor": 40.0,
    "l2": 0.8,
    "margin": 7.0,
    "reconstruction": "mean",
    "weight_decay": 0.02,
}
RELEASED = {
    "soft_share": 0.5,
    "soft_factor": 1e4,
    "l2": 0.003,
    "margin": 1.0,
    "reconstruction": "sum",
    "weight_decay": 0.005,
}


def method_of(base_loss: str, classes: int = 8, **keys: object) -> HDMLMethod:
    sizes = {"batch_size": SIZES[base_loss], "generator_width": 11, "average_block": 4}
    rate = {"learning_rate": keys.pop("learning_rate", 1e-3)}
    method = build({"method": "hdml", "base_loss": base_loss, **sizes, **keys}, classes=classes, **rate)
    method.network.train()
    return method


def with_features(method: HDMLMethod, features: Tensor) -> HDMLMethod:
    """The method with a backbone that gives these features whatever the images."""
    method.network.features = lambda _: features
    return method


def losses_of(method: HDMLMethod, labels: list[int]) -> Losses:
    """Losses of a batch of images of these classes; the tiny set has eight images of each, one class after another."""
    return method.losses(torch.tensor([8 * label for label in labels]))


def prepared(base_loss: str, hardness: float, weight: float, **keys: object) -> tuple[HDMLMethod, Tensor]:
    """A method with random weights everywhere, and features that give near and far negatives."""
    method = method_of(base_loss, alpha=2.0, beta=30.0, **keys)
    method.balance.metric.value = -2.0 / math.log(hardness)
    method.balance.generator.value = -30.0 / math.log(weight)
    draws = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for part in (method.network.head, method.network.head_norm, method.generator, method.classifier):
            for parameter in part.parameters():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=draws) + 0.1)
    n = SIZES[base_loss] // {"npair": 2, "triplet": 3}[base_loss]
    anchors = torch.randn((n, method.network.head.in_features), generator=draws)
    noise = torch.randn((SIZES[base_loss] - n, anchors.shape[1]), generator=draws)
    near = anchors + noise[:n] * torch.linspace(0.3, 1.5, n)[:, None]
    negatives = anchors + 0.9 * noise[n:] if base_loss == "triplet" else anchors[:0]
    features = torch.cat([anchors, near, negatives]).requires_grad_()
    return with_features(method, features), features


def parts_of(method: HDMLMethod, head: np.ndarray | None = None) -> dict:
    """Head, generator and classifier as functions for the loops; the head's weight may be another."""

    def tensors(layer: nn.Module) -> tuple[np.ndarray, np.ndarray]:
        return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()

    norm, (weight, bias) = tensors(method.network.head_norm), tensors(method.network.head)
    weight = weight if head is None else head
    first, between, last = (tensors(method.generator[place]) for place in (0, 2, 3))
    classifier = tensors(method.classifier)
    return {
        "embed": lambda rows: np.array(oracle.linear(oracle.batch_norm(rows, *norm), weight, bias)),
        "generate": lambda rows: oracle.generate(rows, first, between, last),
        "classify": lambda rows: oracle.linear(rows, *classifier),
    }


def decay_by_loops(method: HDMLMethod, rate: float) -> float:
    total = 0.0
    for part in method.network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            total += sum(float(own.detach().double().square().sum()) for own in part.parameters(recurse=False))
    return rate * total / 2


def terms_of(method: HDMLMethod, features: np.ndarray, base_loss: str, keys: dict, head=None) -> dict[str, float]:
    decay = decay_by_loops(method, keys["weight_decay"])
    parts = parts_of(method, head)
    return oracle.step(base_loss, features, CLASSES[base_loss], parts, 0.3, 0.35, decay, keys)


@pytest.mark.parametrize("keys", [RELEASED, OTHER], ids=["released", "other"])
@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_every_term_of_a_step_is_that_of_the_loops(base_loss, keys):
    method, features = prepared(base_loss, 0.3, 0.35, **keys)
    losses = losses_of(method, CLASSES[base_loss])
    expected = terms_of(method, features.detach().double().numpy(), base_loss, keys)
    found = {name: float(value.detach()) for name, value in losses.report.items()}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=2e-5, abs=1e-6), name
    assert float(losses.metric.detach()) == found["loss"]
    assert float(losses.generator.detach()) == found["generator_loss"]
    assert float(losses.classifier.detach()) == found["classifier_real"]
    average = 0.35 * (expected["metric_loss"] + expected["decay"])
    assert float(losses.average.detach()) == pytest.approx(average, rel=2e-5)


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_the_batch_of_these_tests_has_negatives_that_move_and_terms_that_differ(base_loss):
    method, features = prepared(base_loss, 0.3, 0.35, **OTHER)
    embeddings = parts_of(method)["embed"](features.detach().double().numpy())
    _, labels, factors = oracle.tuples(base_loss, embeddings, CLASSES[base_loss], 0.3)
    assert min(factors) < 0.9
    assert max(factors) == 1.0
    assert len(set(labels)) == len(set(CLASSES[base_loss]))
    terms = terms_of(method, features.detach().double().numpy(), base_loss, OTHER)
    other = terms_of(method, features.detach().double().numpy(), base_loss, OTHER | {"l2": 0.0, "margin": 2.0})
    for name in ("metric_loss", "synthetic_loss"):
        assert abs(terms[name] - other[name]) > 1e-2 * abs(terms[name])


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_the_metric_losss_gradient_is_the_slope_of_the_loops(base_loss):
    method, features = prepared(base_loss, 0.3, 0.35, **OTHER)
    head = method.network.head.weight
    total = losses_of(method, CLASSES[base_loss]).metric
    found = torch.autograd.grad(total, (features, head))
    plain = [tensor.detach().double().numpy() for tensor in (features, head)]
    for which, place in ((0, (0, 3)), (0, (SIZES[base_loss] - 1, 5)), (0, (5, 1)), (1, (2, 7))):
        values = []
        for change in (1e-5, -1e-5):
            moved = [array.copy() for array in plain]
            moved[which][place] += change
            values.append(terms_of(method, moved[0], base_loss, OTHER, moved[1])["loss"])
        slope = (values[0] - values[1]) / 2e-5
        if which:
            slope += 0.35 * OTHER["weight_decay"] * plain[1][place]  # the loops take the decay of the head unmoved
        assert float(found[which][place]) == pytest.approx(slope, rel=2e-3, abs=2e-4)


def test_the_generator_is_linear_relu_batch_norm_linear():
    generator = FeatureGenerator(3, 5, 4).double().train()
    draws = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws, dtype=torch.float64))
    rows = torch.randn((7, 3), generator=draws, dtype=torch.float64)
    norm = next(part for part in generator if isinstance(part, nn.BatchNorm1d))
    first, last = (part for part in generator if isinstance(part, nn.Linear))
    tensors = [(part.weight.detach().numpy(), part.bias.detach().numpy()) for part in (first, norm, last)]
    assert generator(rows).detach().numpy() == pytest.approx(oracle.generate(rows.numpy(), *tensors), rel=1e-9)


def test_weight_decay_takes_biases_and_leaves_out_batch_norms():
    rate = 0.4
    method = method_of("npair", weight_decay=rate)
    with torch.no_grad():
        method.network.head.bias.fill_(2.0)
        for part in method.network.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.weight.fill_(50.0)
                part.bias.fill_(30.0)
    found = losses_of(method, CLASSES["npair"]).report["decay"]
    assert float(found.detach()) == pytest.approx(decay_by_loops(method, rate), rel=1e-5)
    assert float(torch.autograd.grad(found, method.network.head.bias)[0][0]) == pytest.approx(rate * 2.0)


RATES = {"network": 3e-4, "generator": 7e-3, "classifier": 2e-3}


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_the_first_step_of_each_group_has_the_length_of_its_own_learning_rate(base_loss):
    method = method_of(
        base_loss,
        learning_rate=RATES["network"],
        generator_learning_rate=RATES["generator"],
        classifier_learning_rate=RATES["classifier"],
    )
    before = {group: [own.detach().clone() for own in getattr(method, group).parameters()] for group in RATES}
    method.step(EpochLog())
    for group, rate in RATES.items():
        after = getattr(method, group).parameters()
        changes = torch.cat([(a - b).abs().flatten() for a, b in zip(after, before[group], strict=True)])
        assert float(changes.max().detach()) == pytest.approx(rate, rel=1e-2), group
        assert float((changes > 0.5 * rate).float().mean()) > 0.3, group


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_a_block_of_an_epoch_is_the_steps_of_one_epoch(base_loss):
    method = method_of(base_loss, average_block="epoch")
    steps = method.steps_per_epoch
    assert steps not in (4, 64)
    pushed = []
    for step in range(2 * steps):
        if step < steps:
            assert (method.balance.metric.value, method.balance.generator.value) == (1e6, 1e6)
        weight = method.balance.weight
        values = advance(method, 1).means()
        pushed.append((weight * (values["metric_loss"] + values["decay"]), values["generator_loss"]))
        if step + 1 in (steps, 2 * steps):
            block = np.array(pushed[-steps:]).mean(axis=0)
            assert method.balance.metric.value == pytest.approx(block[0], rel=1e-5)
            assert method.balance.generator.value == pytest.approx(block[1], rel=1e-5)


def settings_of(base_loss: str, n: int, **keys: object) -> HDML:
    size = {"npair": 2, "triplet": 3}[base_loss] * n
    return HDML.model_validate({"method": "hdml", "base_loss": base_loss, "batch_size": size, **keys})


T6 = torch.tensor([[0, 0], [1, 1], [1, 0], [1, 2], [0, 1], [4, 1]], dtype=torch.float64)
"""Two anchors, their positives, their negatives."""


@pytest.mark.parametrize(
    ("hardness", "second", "total"), [(0.0, (2, 1), 2.0), (0.1, (2.2, 1), 1.56), (0.5, (3, 1), 1.0), (1.0, (4, 1), 1.0)]
)
def test_t6_the_methods_triplets_move_the_second_negative_and_leave_the_rest(hardness, second, total):
    tuples = tuples_of(settings_of("triplet", 2))
    points, factors = tuples.pulled(T6, hardness, False)
    expected = T6.clone()
    expected[5] = torch.tensor(second, dtype=torch.float64)
    assert torch.allclose(points, expected, atol=1e-12)
    assert float(factors[0]) == 1.0
    assert float(tuples.synthetic_loss(points)) == pytest.approx(total, abs=1e-12)
    assert float(tuples.metric_loss(T6)) == pytest.approx(1.0, abs=1e-12)


def test_the_margin_and_the_l2_term_of_the_settings_reach_real_and_synthetic_tuples():
    triplets = tuples_of(settings_of("triplet", 2, margin=10.5))
    for loss in (triplets.metric_loss, triplets.synthetic_loss):
        assert float(loss(T6)) == pytest.approx(10.5 + (1 - 9 + 10.5), abs=1e-12)
    pairs = tuples_of(settings_of("npair", 2, l2=0.6))
    plain = tuples_of(settings_of("npair", 2, l2=0.0))
    rows = torch.tensor([[2, 0], [0, 2], [2, 1], [1, 2]], dtype=torch.float64)
    assert float(pairs.metric_loss(rows) - plain.metric_loss(rows)) == pytest.approx(0.6 / 4 * (4 + 5), abs=1e-12)
    made = torch.cat([rows[:2], rows[2:], rows[2:]])
    assert float(pairs.synthetic_loss(made) - plain.synthetic_loss(made)) == pytest.approx(0.6 / 4 * 9, abs=1e-12)


@pytest.mark.parametrize(
    ("beta", "weights"),
    [
        (1e4, (0.990050, 0.904837, 0.367879, 0.135335, 0.000045)),
        (5e3, (0.995012, 0.951229, 0.606531, 0.367879, 0.006738)),
        (5e4, (0.951229, 0.606531, 0.006738, 0.000045, 0.0)),
    ],
)
def test_t7_weights_follow_from_beta_and_the_generators_average(beta, weights):
    balance = Balance(settings_of("npair", 2, beta=beta), 1)
    balance.metric.push(123.0)
    for average, expected in zip((1e6, 1e5, 1e4, 5e3, 1e3), weights, strict=True):
        balance.push(123.0, average)
        assert balance.weight == pytest.approx(expected, abs=1e-6)


class Fixed(nn.Module):
    """Gives the same rows whatever comes in."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = rows

    def forward(self, entering: Tensor) -> Tensor:
        assert len(entering) == len(self.rows)
        return self.rows


def bare(method: HDMLMethod, features: Tensor, generator: nn.Module, classifier: nn.Module) -> HDMLMethod:
    """The method with z = y, and with parts of the test's own."""
    method.network.head, method.network.head_norm = nn.Identity(), None
    method.generator, method.classifier = generator, classifier
    return with_features(method, features)


def test_t7_the_whole_objective_of_the_fixed_batch():
    method = method_of("npair", weight_decay=0.0, alpha=90.0, beta=1e4)
    method.balance.metric.value, method.balance.generator.value = 90.0 / math.log(4), 1e4
    k = torch.arange(12, dtype=torch.float32).reshape(4, 3)
    anchors = torch.sin(k + 1)
    features = torch.cat([anchors, anchors + 0.3 * torch.cos(2 * k)])
    losses = losses_of(bare(method, features, nn.Identity(), nn.Linear(3, 8)), CLASSES["npair"])
    assert float(losses.report["metric_loss"]) == pytest.approx(0.718023, abs=2e-6)
    assert float(losses.report["synthetic_loss"]) == pytest.approx(0.968805, abs=2e-6)
    assert float(losses.metric) == pytest.approx(0.876548, abs=2e-6)
    assert float(losses.report["reconstruction_loss"]) == pytest.approx(0.0, abs=1e-9)


def test_t8_the_generators_loss_of_a_triplet():
    entropy = (math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2
    assert entropy == pytest.approx(0.220095, abs=1e-6)
    method = method_of("triplet", batch_size=3)
    features = torch.tensor([[1.0, 2], [0, 1], [3, 3]])
    rebuilt = torch.tensor([[0.5, 2], [0, 0], [3, 3]])
    # a third row with the mean entropy of the two of the example, so that the mean stays
    logits = torch.tensor([[2.0, 0], [0, 1], [-math.log(math.expm1(entropy)), 0]])
    losses = losses_of(bare(method, features, Fixed(torch.cat([rebuilt, logits])), nn.Identity()), [0, 1, 0])
    assert float(losses.report["reconstruction_loss"]) == pytest.approx(0.625, abs=1e-7)
    assert float(losses.generator) == pytest.approx(1101.099247, rel=1e-6)


def test_t8_npairs_soft_loss_at_chance_counts_candidates_and_anchors():
    method = method_of("npair")
    features = torch.randn((8, 5), generator=torch.Generator().manual_seed(1))
    classifier = nn.Linear(5, 99)
    nn.init.zeros_(classifier.weight)
    nn.init.zeros_(classifier.bias)
    losses = losses_of(bare(method, features, nn.Identity(), classifier), CLASSES["npair"])
    assert float(losses.report["soft_loss"].detach()) == pytest.approx(45951.1985, rel=5e-7)
    assert float(losses.generator.detach()) == pytest.approx(45951.1985, rel=5e-7)
