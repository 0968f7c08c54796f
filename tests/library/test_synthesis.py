"""HDML's synthesis in a loop of one's own: equal to a step of the method, and what it does with other batches."""

import pytest
import torch
from tiny import build
from torch import nn

from hardmine.errors import UserError
from hardmine.methods.hdml.method import HDMLMethod
from hardmine.synthesis import HDMLSynthesis, class_pairs

OPTIONS = {"average_block": 4, "generator_width": 16, "beta": 5000.0}
SHAPES = {"npair": 2, "triplet": 3}


class Part(nn.Module):
    """One side of a method's network: its features, or its head."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network, self.name = network, name

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return getattr(self.network, self.name)(values)


def both(base_loss: str, **options: object) -> tuple[HDMLMethod, HDMLSynthesis]:
    """A method some steps on, and the synthesis with its network, generator, classifier and averages."""
    run = {"method": "hdml", "base_loss": base_loss, "batch_size": 4 * SHAPES[base_loss], **OPTIONS, **options}
    method = build(run)
    method.network.train()
    parts = Part(method.network, "features"), Part(method.network, "embedding_of")
    wide, deep = method.network.head.in_features, method.network.head.out_features
    synthesis = HDMLSynthesis(*parts, wide, deep, len(method.classifier.bias), base_loss, **OPTIONS, **options)
    synthesis.generator, synthesis.classifier = method.generator, method.classifier
    for number in range(5):
        method.balance.push(60 + number, 4000 - number)
    synthesis.set_extra_state(method.balance.state_dict())
    return method, synthesis


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
@pytest.mark.parametrize("options", [{}, {"stop_gradient": "pull", "metric_average": "with-decay", "soft_share": 0.2}])
def test_losses_gradients_and_averages_are_those_of_a_step_of_the_method(
    base_loss: str, options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, synthesis = both(base_loss, alpha=20.0, **options)
    rows = torch.from_numpy(method.sampler.next_batch())
    pixels = method.images.augmented(rows)
    monkeypatch.setattr(method.images, "augmented", lambda _: pixels)
    theirs = method.losses(rows)
    gradients = method.gradients(theirs)
    places = tuple(torch.arange(len(rows)).view(SHAPES[base_loss], -1))
    ours = synthesis(pixels, method.images.labels[rows], places)
    assert 0 < ours.report["hardness"] < 1
    assert 0 < ours.report["weight"] < 1
    for name, loss in theirs.groups.items():
        torch.testing.assert_close(getattr(ours, name), loss)
    torch.testing.assert_close(ours.average, theirs.average)
    synthesis.backward(ours)
    for name, found in gradients.items():
        weights = method.parameters_of(name)
        torch.testing.assert_close([weight.grad for weight in weights], list(found), msg=name)
    method.balance.push(float(theirs.average.detach()), float(theirs.generator.detach()))
    torch.testing.assert_close(synthesis.get_extra_state(), method.balance.state_dict())


def small(**options: object) -> HDMLSynthesis:
    torch.manual_seed(0)
    return HDMLSynthesis(nn.Linear(6, 5), nn.Linear(5, 4), 5, 4, 3, **options)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(8, 6, generator=torch.Generator().manual_seed(1)), torch.tensor([2, 0, 1, 0, 2, 0, 1, 1])


def test_without_pairs_given_the_first_two_images_of_each_class_are_taken() -> None:
    images, labels = batch()
    anchors, positives = class_pairs(torch.cat([labels, torch.tensor([7])]))
    assert (anchors.tolist(), positives.tolist()) == ([1, 2, 0], [3, 6, 4])
    synthesis = small()
    torch.testing.assert_close(
        synthesis(images, labels).network, synthesis(images, labels, (anchors, positives)).network
    )


@pytest.mark.parametrize("base_loss", ["npair", "triplet"])
def test_a_checkpoint_in_the_middle_changes_nothing(base_loss: str) -> None:
    images, labels = batch()

    def advance(synthesis: HDMLSynthesis, steps: int) -> list[float]:
        optimiser = torch.optim.SGD(synthesis.groups(0.001))
        values = []
        for _ in range(steps):
            losses = synthesis(images, labels)
            synthesis.backward(losses)
            optimiser.step()
            values.append(losses.report["loss"])
        return values

    options = {"base_loss": base_loss, "calibrate": True, "average_block": 2, "soft_factor": 1.0}
    options |= {"generator_learning_rate": 1e-5, "classifier_learning_rate": 1e-5}
    first, second = small(**options), small(**options)
    advance(first, 3)
    second.load_state_dict(first.state_dict())
    assert second.balance.alpha is not None
    assert advance(first, 3) == advance(second, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small(alfa=1), r"HDML: has no option 'alfa' \(did you mean 'alpha'\?\)"),
        (lambda: small(average_block="epoch"), "give a number of steps"),
        (lambda: small()(batch()[0], torch.zeros(8, dtype=torch.int64)), "the batch has no negatives"),
        (lambda: small(base_loss="triplet")(batch()[0], torch.arange(8)), "the batch has no negatives"),
        (lambda: small()(*batch(), (torch.arange(2),) * 3), "npair takes two tensors"),
    ],
)
def test_what_cannot_be_is_said(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
