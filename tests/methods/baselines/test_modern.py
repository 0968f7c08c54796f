"""The losses without mining, against their formulas by explicit loops, and where batches are not as usual."""

import io
import math

import pytest
import torch
from tiny import advance, build, weights
from torch import Tensor

from hardmine.errors import UserError
from hardmine.methods.baselines.loss import BaselineLoss, Task, build_baseline_loss
from hardmine.settings.methods import run_from

CLASSES, DIMENSIONS = 5, 6
LABELS = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 3, 3])
RUNS = {
    "multi-similarity": {"method": "multi-similarity", "miner": False},
    "multi-similarity-miner": {"method": "multi-similarity"},
    "proxy-anchor": {"method": "proxy-anchor"},
    "softtriple": {"method": "softtriple", "centres": 3},
    "circle": {"method": "circle"},
    "supcon": {"method": "supcon"},
    "arcface": {"method": "arcface"},
    "cosface": {"method": "cosface"},
    "xbm": {"method": "xbm", "memory": 0.5, "start_epochs": 0},
}


def loss_of(name: str, images: int = 80) -> BaselineLoss:
    torch.manual_seed(0)
    task = Task(CLASSES, images, DIMENSIONS, 4, torch.Generator())
    return build_baseline_loss(run_from(RUNS[name]), task).double()


def batch(seed: int = 0, spread: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.ones(10, DIMENSIONS) + spread * torch.randn(10, DIMENSIONS, generator=generator)).double()


def cosines(rows: Tensor, columns: Tensor) -> list[list[float]]:
    return [[float(a @ b / (a.norm() * b.norm())) for b in columns] for a in rows]


def multi_similarity(rows: Tensor, labels: list[int], mined: bool, alpha=2.0, beta=50.0, base=0.5, eps=0.1) -> float:
    s, n = cosines(rows, rows), len(labels)
    total = 0.0
    for i in range(n):
        positives = [j for j in range(n) if j != i and labels[j] == labels[i]]
        negatives = [j for j in range(n) if labels[j] != labels[i]]
        if mined:
            hardest, farthest = max(s[i][j] for j in negatives), min(s[i][j] for j in positives)
            positives, negatives = (
                [j for j in positives if s[i][j] - eps < hardest],
                [j for j in negatives if s[i][j] + eps > farthest],
            )
        if positives:
            total += math.log(1 + sum(math.exp(-alpha * (s[i][j] - base)) for j in positives)) / alpha
        if negatives:
            total += math.log(1 + sum(math.exp(beta * (s[i][j] - base)) for j in negatives)) / beta
    return total / n


def proxy_anchor(rows: Tensor, labels: list[int], proxies: Tensor, margin=0.1, alpha=32.0) -> float:
    s = cosines(rows, proxies)
    present = set(labels)
    pull = sum(
        math.log(1 + sum(math.exp(-alpha * (s[i][c] - margin)) for i, label in enumerate(labels) if label == c))
        for c in present
    )
    push = sum(
        math.log(1 + sum(math.exp(alpha * (s[i][c] + margin)) for i, label in enumerate(labels) if label != c))
        for c in range(CLASSES)
    )
    return pull / len(present) + push / CLASSES


def softtriple(rows: Tensor, labels: list[int], centres: Tensor, scale=20.0, gamma=0.1, margin=0.01, tau=0.2) -> float:
    """Centres [classes, centres, D]."""
    total = 0.0
    for row, label in zip(rows, labels, strict=True):
        similarity = []
        for own in centres:
            s = cosines(row[None], own)[0]
            weights_ = [math.exp(value / gamma) for value in s]
            similarity.append(sum(w * value for w, value in zip(weights_, s, strict=True)) / sum(weights_))
        exponents = [scale * (value - margin * (c == label)) for c, value in enumerate(similarity)]
        total += math.log(sum(map(math.exp, exponents))) - exponents[label]
    regulariser, count = 0.0, centres.shape[1]
    for own in centres:
        s = cosines(own, own)
        pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
        regulariser += sum(math.sqrt(max(0.0, 2 - 2 * s[a][b]) + 1e-5) for a, b in pairs)
    return total / len(labels) + tau * regulariser / (CLASSES * count * (count - 1))


def circle(rows: Tensor, labels: list[int], m=0.4, gamma=80.0) -> float:
    s, n, values = cosines(rows, rows), len(labels), []
    for i in range(n):
        positives = [s[i][j] for j in range(n) if j != i and labels[j] == labels[i]]
        negatives = [s[i][j] for j in range(n) if labels[j] != labels[i]]
        pull = [-gamma * max(0.0, 1 + m - v) * (v - (1 - m)) for v in positives]
        push = [gamma * max(0.0, v + m) * (v - m) for v in negatives]
        both = max(pull) + math.log(sum(math.exp(v - max(pull)) for v in pull))
        both += max(push) + math.log(sum(math.exp(v - max(push)) for v in push))
        values.append(both + math.log1p(math.exp(-both)) if both > 0 else math.log1p(math.exp(both)))
    active = [value for value in values if value > 0]
    return sum(active) / len(active)


def supcon(rows: Tensor, labels: list[int], temperature=0.1) -> float:
    s, n, values = cosines(rows, rows), len(labels), []
    for i in range(n):
        positives = [j for j in range(n) if j != i and labels[j] == labels[i]]
        below = math.log(sum(math.exp(s[i][j] / temperature) for j in range(n) if j != i))
        values.append(-sum(s[i][j] / temperature - below for j in positives) / len(positives))
    active = [value for value in values if value > 0]
    return sum(active) / len(active)


def angular_margin(rows: Tensor, labels: list[int], vectors: Tensor, angle: float, gap: float, scale: float) -> float:
    """Vectors [classes, D]; ``angle`` in degrees is added to the own class's angle, ``gap`` taken from its cosine."""
    total = 0.0
    for row, label in zip(rows, labels, strict=True):
        s = cosines(row[None], vectors)[0]
        own = math.cos(math.acos(s[label]) + math.radians(angle)) - gap
        exponents = [scale * (own if c == label else value) for c, value in enumerate(s)]
        total += math.log(sum(map(math.exp, exponents))) - exponents[label]
    return total / len(labels)


def contrastive(rows: Tensor, labels: list[int], others: Tensor, other_labels: list[int], itself: bool) -> float:
    s = cosines(rows, others)
    pairs = [(i, j) for i in range(len(labels)) for j in range(len(other_labels)) if not (itself and i == j)]
    pull = [1 - s[i][j] for i, j in pairs if labels[i] == other_labels[j]]
    push = [max(0.0, s[i][j] - 0.5) for i, j in pairs if labels[i] != other_labels[j]]
    means = []
    for values in (pull, push):
        active = [value for value in values if value > 0]
        means.append(sum(active) / len(active) if active else 0.0)
    return sum(means)


def expected(name: str, loss: BaselineLoss, rows: Tensor) -> float:
    labels, own = LABELS.tolist(), loss.loss
    match name:
        case "multi-similarity":
            return multi_similarity(rows, labels, mined=False)
        case "multi-similarity-miner":
            return multi_similarity(rows, labels, mined=True)
        case "proxy-anchor":
            return proxy_anchor(rows, labels, own.proxies.detach())
        case "softtriple":
            return softtriple(rows, labels, own.fc.detach().T.reshape(CLASSES, 3, DIMENSIONS))
        case "circle":
            return circle(rows, labels)
        case "supcon":
            return supcon(rows, labels)
        case "arcface":
            return angular_margin(rows, labels, own.W.detach().T, 11.5, 0.0, 16.0)
        case "cosface":
            return angular_margin(rows, labels, own.W.detach().T, 0.0, 0.1, 16.0)
        case _:
            return 2 * contrastive(rows, labels, rows, labels, itself=True)


@pytest.mark.parametrize("name", RUNS)
def test_the_value_is_what_loops_over_the_formula_give(name: str) -> None:
    for seed, spread in ((0, 1.0), (1, 0.4), (2, 3.0)):
        loss, rows = loss_of(name), batch(seed, spread)
        assert float(loss(rows, LABELS)[0].detach()) == pytest.approx(expected(name, loss, rows), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in RUNS if name not in ("circle", "xbm")])
def test_the_gradient_is_that_of_central_differences(name: str) -> None:
    rows = batch(3, 0.7).requires_grad_()
    loss_of(name)(rows, LABELS)[0].backward()
    assert rows.grad is not None
    for place in ((0, 0), (4, 2), (9, 5)):
        step = torch.zeros_like(rows)
        step[place] = 1e-6
        above, below = (loss_of(name)(rows.detach() + way * step, LABELS)[0] for way in (1, -1))
        assert float(rows.grad[place]) == pytest.approx(float((above - below).detach()) / 2e-6, rel=1e-3, abs=1e-7)


def test_circle_takes_its_weights_for_constants_as_the_authors_do() -> None:
    theirs, ours = (batch(3, 0.7).requires_grad_() for _ in range(2))
    loss_of("circle")(theirs, LABELS)[0].backward()
    s = torch.nn.functional.normalize(ours) @ torch.nn.functional.normalize(ours).T
    m, gamma, same = 0.4, 80.0, LABELS[:, None] == LABELS[None, :]
    own = torch.eye(10, dtype=torch.bool)
    pull = (-gamma * (1 + m - s.detach()).clamp(min=0) * (s - (1 - m))).masked_fill(~same | own, -torch.inf)
    push = (gamma * (s.detach() + m).clamp(min=0) * (s - m)).masked_fill(same, -torch.inf)
    values = torch.nn.functional.softplus(pull.logsumexp(1) + push.logsumexp(1))
    values[values > 0].mean().backward()
    torch.testing.assert_close(theirs.grad, ours.grad, rtol=1e-5, atol=1e-9)


def test_what_is_remembered_gets_no_gradient() -> None:
    theirs, ours = (batch(3, 0.7).requires_grad_() for _ in range(2))
    loss_of("xbm")(theirs, LABELS)[0].backward()
    unit = torch.nn.functional.normalize(ours)
    total = torch.zeros(())
    for others in (unit, unit.detach()):
        s, same = unit @ others.T, LABELS[:, None] == LABELS[None, :]
        pull = (1 - s)[same & ~torch.eye(10, dtype=torch.bool)]
        push = (s - 0.5)[~same].clamp(min=0)
        total = total + pull[pull > 0].mean() + push[push > 0].mean()
    total.backward()
    torch.testing.assert_close(theirs.grad, ours.grad, rtol=1e-5, atol=1e-9)


def test_the_memory_adds_pairs_with_earlier_batches() -> None:
    loss, first, second = loss_of("xbm"), batch(0), batch(1)
    labels = LABELS.tolist()
    loss(first, LABELS)
    alone = contrastive(second, labels, second, labels, itself=True)
    remembered = torch.cat([second, first])  # the batch first: a row is no pair with itself
    with_memory = contrastive(second, labels, remembered, labels + labels, itself=True)
    assert float(loss(second, LABELS)[0].detach()) == pytest.approx(alone + with_memory, rel=1e-6)


def test_the_memory_waits_for_its_epochs() -> None:
    torch.manual_seed(0)
    late = build_baseline_loss(run_from(RUNS["xbm"] | {"start_epochs": 1}), Task(5, 80, 6, 4, torch.Generator()))
    values = [float(late.double()(batch(seed), LABELS)[0].detach()) for seed in range(5)]
    alone = [contrastive(batch(s), LABELS.tolist(), batch(s), LABELS.tolist(), itself=True) for s in range(5)]
    assert values[:4] == pytest.approx(alone[:4], rel=1e-6)
    assert values[4] == pytest.approx(2 * alone[4], rel=1e-6)


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_a_training_with_memory_is_resumed_bit_for_bit(steps: int) -> None:
    run = {"method": "xbm", "memory": 0.5, "start_epochs": 0}
    straight, stopped, resumed = (build(run) for _ in range(3))
    advance(straight, 10)
    log = advance(stopped, steps)
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=False))
    advance(resumed, 10 - steps, log)
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_a_memory_that_holds_no_batch_is_refused() -> None:
    with pytest.raises(UserError, match="memory: holds 8 embeddings, a batch has 10"):
        loss_of("xbm", images=16)(batch(), LABELS)
    with pytest.raises(UserError, match=r"memory: 0\.5 of 2 training images is no memory"):
        loss_of("xbm", images=2)


NASTY = {
    "one image a class": torch.arange(5).repeat(2)[:5],
    "one class": torch.zeros(5, dtype=torch.int64),
    "a class missing": torch.tensor([0, 0, 1, 1, 4]),
}


@pytest.mark.parametrize("name", RUNS)
def test_no_batch_gives_a_value_or_a_gradient_that_is_no_number(name: str) -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        vectors = torch.randn(5, DIMENSIONS, generator=generator)
        cases = {"random": vectors, "collapsed": torch.ones(5, DIMENSIONS), "zeros": torch.zeros(5, DIMENSIONS)}
        cases["twice"] = torch.cat([vectors[:2], vectors[:2], vectors[:1]])
        for words, rows in cases.items():
            for kind, labels in NASTY.items():
                given = rows.double().clone().requires_grad_()
                value = loss_of(name)(given, labels)[0]
                assert torch.isfinite(value), f"{words}, {kind}"
                if value.requires_grad:
                    value.backward()
                    assert given.grad is None or torch.isfinite(given.grad).all(), f"{words}, {kind}"
