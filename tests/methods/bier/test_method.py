"""BIER as a method: network, gradients of the diversity loss, learning, resuming bit for bit, wrong settings."""

import math

import pytest
import torch
from pydantic import ValidationError
from resuming import assert_resumes
from tiny import advance, build, weights

from hardmine.errors import UserError
from hardmine.methods.bier.loss import group_losses
from hardmine.methods.bier.settings import BIER
from hardmine.methods.levels import join_levels
from hardmine.methods.log import EpochLog

RUNS = {
    "simple": {},
    "eta": {"boosting": "eta"},
    "none": {"boosting": "none"},
    "mean": {"weighting": "mean"},
    "permuted": {"weighting": "permuted"},
    "one": {"groups": [1]},
    "own": {"groups": [1], "boosting": "own"},
    "activation": {"diversity": "activation"},
    "adversarial": {"diversity": "adversarial", "hidden": 6},
    "detached": {"diversity": "adversarial", "adversary": "detached", "hidden": 6},
}


def method_of(training=None, **keys):
    return build({"method": "bier", **keys}, **(training or {}))


def outputs_of(method, rows):
    method.network.train()
    return method.network(method.images.plain(rows))


@pytest.mark.parametrize(
    ("groups", "dimensions", "sizes"),
    [
        ((3, 5, 8), 64, (12, 20, 32)),
        ((3, 5, 8), 512, (96, 160, 256)),
        ((1, 1, 1), 64, (21, 21, 22)),
        ((1,), 64, (64,)),
    ],
)
def test_groups_are_cut_in_parts(groups, dimensions, sizes):
    assert BIER(method="bier", groups=groups).sizes(dimensions) == sizes


def test_groups_without_a_dimension_are_refused():
    with pytest.raises(UserError, match="groups: "):
        build({"method": "bier", "groups": [1, 1000]})


@pytest.mark.parametrize(("how", "first", "second"), [("sizes", 0.133984, 0.141797), ("roots", 0.443750, 0.318750)])
def test_tb6_joined_similarities_weigh_cosines_by_the_square_of_the_released_weights(how, first, second):
    run = BIER(method="bier", test_weights=how)
    given = run.join_weights(run.sizes(64))
    query = [torch.tensor([[1.0, 0.0]], dtype=torch.float64)] * 3
    found = []
    for cosines in ((1, 0.5, 0.2), (0, 0.3, 0.45)):
        image = [torch.tensor([[c, math.sqrt(1 - c * c)]], dtype=torch.float64) for c in cosines]
        found.append(float((join_levels(query, given) * join_levels(image, given)).sum()))
    assert found == pytest.approx([first, second], abs=1e-6)


def test_the_groups_are_one_linear_layer_cut_without_further_parameters():
    method = method_of()
    plain = build({"method": "contrastive"}).network
    count = sum(parameter.numel() for parameter in method.network.parameters())
    assert count == sum(parameter.numel() for parameter in plain.parameters())
    layer = torch.nn.Linear(32, 8)
    with torch.no_grad():
        layer.weight.copy_(torch.cat(method.network.matrices))
        layer.bias.copy_(torch.cat([group.bias for group in method.network.groups]))
    images = method.images.plain(torch.arange(6))
    method.network.eval()
    cut = layer(method.network.features(images)).split([1, 3, 4], dim=1)
    for whole, own in zip(cut, method.network.learners(images), strict=True):
        assert torch.allclose(whole, own, atol=1e-6)


def test_embeddings_are_joined_with_the_shares_and_given_group_by_group():
    network = method_of().network.eval()
    found = network.embed(method_of().images.plain(torch.arange(5)))
    assert list(found) == ["embedding", "learner1", "learner2", "learner3", "equal-weights", "first2"]
    unit = [found[f"learner{k}"] for k in (1, 2, 3)]
    joined = torch.nn.functional.normalize(join_levels(unit, (1 / 8, 3 / 8, 4 / 8)), dim=1)
    assert torch.allclose(found["embedding"], joined, atol=1e-6)
    assert all(torch.allclose(value.norm(dim=1), torch.ones(5), atol=1e-5) for value in found.values())


def test_the_loss_of_the_method_is_the_mean_of_the_groups_losses():
    method = method_of()
    rows = torch.arange(0, 64, 4)
    outputs = outputs_of(method, rows)
    value = method.loss(outputs, rows, EpochLog())
    labels = method.images.labels[rows]
    own = group_losses(list(outputs.values()), labels, method.run)
    assert float(value.detach()) == pytest.approx(sum(float(group.value.detach()) for group in own) / 3, rel=1e-6)


@pytest.mark.parametrize("diversity", ["activation", "adversarial"])
def test_the_diversity_loss_reaches_the_groups_matrices_and_neither_trunk_nor_biases(diversity):
    method = method_of(diversity=diversity)
    outputs = outputs_of(method, torch.arange(0, 64, 4))
    method.diversity(outputs["features"], EpochLog()).backward()
    for name, parameter in method.network.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.any())
        assert reached == (name.startswith("groups.") and name.endswith("weight")), name


def test_the_diversity_loss_is_the_products_and_the_penalties_with_their_weights():
    for keys, sign, axis in (
        ({"diversity": "activation"}, 1, 1),
        ({"diversity": "adversarial"}, -1, 0),
        ({"diversity": "adversarial", "norm_axis": "outputs"}, -1, 1),
    ):
        method = method_of(diversity_weight=0.3, norm_weight=0.7, **keys)
        features = torch.rand(6, 32)
        log = EpochLog()
        value = float(method.diversity(features, log).detach())
        parts = log.means()
        assert parts["diversity_products"] * sign > 0
        norms = [float((m.square().sum(dim=axis) - 1).square().mean().detach()) for m in method.network.matrices]
        other = float(method.regressors.penalty().detach()) if method.regressors else 0.0
        assert parts["norm_penalty"] == pytest.approx(sum(norms) + other, rel=1e-5)
        assert value == pytest.approx(0.3 * parts["diversity_products"] + 0.7 * parts["norm_penalty"], rel=1e-5)


def test_a_step_trains_trunk_groups_and_regressors_and_these_stay_out_of_the_model():
    method = method_of(diversity="adversarial")
    before, parts = weights(method), [p.detach().clone() for p in method.regressors.parameters()]
    advance(method, 1)
    after = weights(method)
    for name, _ in method.network.named_parameters():
        assert not torch.equal(before[name], after[name]), name
    assert not any(torch.equal(a, b) for a, b in zip(parts, method.regressors.parameters(), strict=True))
    assert not any("regressor" in name for name in after)


@pytest.mark.parametrize("name", ["simple", "eta", "own", "adversarial"])
def test_a_few_epochs_lower_the_loss(name):
    method = method_of({"learning_rate": 0.003}, **RUNS[name])
    first = advance(method, 8).means()["deviance"]
    advance(method, 16)
    assert advance(method, 8).means()["deviance"] < first


@pytest.mark.parametrize("keys", RUNS.values(), ids=list(RUNS))
def test_resuming_equals_going_straight_on(keys):
    assert_resumes({"method": "bier", **keys}, steps=(2, 4), images=96)


def test_a_large_batch_in_parts_has_the_gradient_of_the_whole():
    grown = []
    for size in (0, 5):
        frozen = {"width": 4, "batch_norm": "frozen"}
        method = build(
            {"method": "bier", "diversity": "activation"},
            backbone=frozen,
            forward_images=size,
            augmentation={"shift": 0},
        )
        advance(method, 1)
        grown.append(weights(method))
    for name, value in grown[0].items():
        assert torch.allclose(value, grown[1][name], atol=1e-4), name


def test_what_the_figures_need_is_kept_at_the_end_and_the_correlation_is_logged():
    method = method_of({"images": 48})
    log = advance(method, method.total_steps)
    arrays = method.diagnostics.arrays
    assert arrays["weights"].shape == arrays["scores"].shape == (3, 16 * 15 // 2)
    assert arrays["correlations"].shape == (3, 3)
    means = log.means()
    assert -1 <= means["correlation"] <= 1
    assert 1 <= means["independent_learners"] <= 3
    assert means["learner2_negative_weight"] <= 2


def test_training_on_classes_of_two_images_and_on_duplicates_goes_on():
    shape = {"classes": 4, "images_per_class": 4}
    method = build({"method": "bier", "diversity": "adversarial"}, batch=shape, images_per_class=2)
    advance(method, 3)
    assert all(torch.isfinite(parameter).all() for parameter in method.network.parameters())
    method = method_of()
    method.images.store.pixels[:] = method.images.store.pixels[:1]
    advance(method, 3)
    assert all(torch.isfinite(parameter).all() for parameter in method.network.parameters())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"boosting": "none", "weighting": "permuted"}, "has no effect where all weights are 1"),
        ({"groups": [1], "weighting": "mean"}, "has no effect where all weights are 1"),
        ({"groups": [1], "diversity": "adversarial"}, "one group has no other"),
        ({"adversary": "detached"}, "has no effect without diversity"),
        ({"groups": []}, "at least 1"),
        ({"groups": [0, 1]}, "greater than 0"),
        ({"shrinkage": 0}, "greater than 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        BIER.model_validate({"method": "bier", **keys})
