"""ABE as a method: masks, one deep half for all, costs, learning, resuming bit for bit, wrong settings."""

import pytest
import torch
from costs import multiply_adds, parameters
from pydantic import ValidationError
from resuming import assert_resumes
from tiny import advance, build, weights
from torch import nn

from hardmine.backbones import EmbeddingNetwork
from hardmine.errors import UserError
from hardmine.methods.abe.attention import Attention
from hardmine.methods.abe.loss import contrastive, divergence
from hardmine.methods.abe.network import ABENetwork, through_shared
from hardmine.methods.abe.settings import ABE
from hardmine.methods.log import EpochLog
from hardmine.mining.pairs import BatchPairs
from hardmine.settings.backbones import SmallCNN, Torchvision

RUNS = {
    "abe": {},
    "one": {"learners": 1},
    "plain": {"learners": 1, "attention": "none"},
    "frozen": {"attention": "frozen"},
    "heads": {"attention": "none", "deep_half": "own"},
    "spatial": {"mask_shape": "spatial", "mask_activation": "relu", "mask_gain": 2},
    "channel": {"mask_shape": "channel", "pairs": "siamese"},
    "separate": {"passes": "separate", "divergence_weight": 0},
    "all-images": {"divergence": "all-images", "divergence_reduction": "active"},
    "strong": {"base_loss": "multi-similarity", "attention_depth": 2},
}


def method_of(training=None, **keys):
    return build({"method": "abe", **keys}, **(training or {}))


def network_of(backbone=None, **keys) -> ABENetwork:
    return ABENetwork(ABE(method="abe", **keys), backbone or SmallCNN(), 1, 32)


def test_ta6_mask_masked_map_embedding_and_gradient():
    network = network_of(SmallCNN(width=4, embedding=2), learners=1).double()
    maps = torch.tensor([[1, 2], [3, 4]], dtype=torch.float64).reshape(1, 2, 1, 2)
    logits = torch.tensor([[0, 1], [-1, 2]], dtype=torch.float64).reshape(1, 2, 1, 2).requires_grad_()
    network.attention = Attention(ABE(method="abe", learners=1), 2).double()
    network.attention.body, network.attention.masks = nn.Identity(), nn.ModuleList([_Always(logits)])
    network.backbone.up_to = lambda images, tap: maps
    network.backbone.stages_after = lambda tap: []
    network.head = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[1, 0.5], [-1, 2]]))
    (mask,) = network.masks(maps)
    assert mask.flatten().tolist() == pytest.approx([0.5, 0.731059, 0.268941, 0.880797], abs=1e-6)
    (vector,) = network.learners(maps)
    assert vector.flatten().tolist() == pytest.approx([2.063562, 3.348954], abs=1e-6)
    unit = nn.functional.normalize(vector, dim=1)
    assert unit.flatten().tolist() == pytest.approx([0.524589, 0.851356], abs=1e-6)
    (found,) = torch.autograd.grad(unit[0, 1], logits)
    assert found.flatten().tolist() == pytest.approx([-0.022937, -0.036077, 0.024522, 0.017460], abs=1e-6)


class _Always(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = [value]

    def forward(self, _):
        return self.value[0]


def test_ta8_folded_learners_share_the_statistics_of_a_batch_norm_and_separate_ones_do_not():
    maps = [torch.tensor([[1.0], [3.0]]), torch.tensor([[10.0], [30.0]])]
    for folded, values, running in (
        (True, [-0.872041, -0.697633, -0.087204, 1.656879], 1.1),
        (False, [-1, 1, -1, 1], 2.18),
    ):
        norm = nn.BatchNorm1d(1, eps=1e-12, affine=False)
        found = torch.cat(through_shared(norm, maps, folded)).flatten().tolist()
        assert found == pytest.approx(values, abs=1e-6)
        assert float(norm.running_mean) == pytest.approx(running, abs=1e-6)


def test_ta9_parameters_and_multiply_adds():
    trunk = {16: 291_376, 8: 73_112}
    for width, count in trunk.items():
        assert parameters(EmbeddingNetwork(SmallCNN(width=width), 1, 32).backbone) == count
    plain = EmbeddingNetwork(SmallCNN(), 1, 32)
    assert parameters(plain) == 299_632
    base = multiply_adds(plain) - 128 * 64  # of the trunk
    assert base == 10_764_288
    for learners, count, ratio in ((4, 347_072, 2.30), (8, 362_680, 3.72)):
        network = network_of(learners=learners)
        assert parameters(network) == count
        assert multiply_adds(network) / base == pytest.approx(ratio, abs=0.005)
    for learners, count in ((4, 964_720), (8, 1_851_504)):
        assert parameters(network_of(learners=learners, attention="none", deep_half="own")) == count


def test_the_widths_of_the_learners_of_equal_multiply_adds():
    base = multiply_adds(EmbeddingNetwork(SmallCNN(), 1, 32))
    for width, ratio in ((24, 2.24), (31, 3.73)):
        assert multiply_adds(EmbeddingNetwork(SmallCNN(width=width), 1, 32)) / base == pytest.approx(ratio, abs=0.005)


def test_the_loss_of_the_method_is_the_sum_over_learners_and_the_divergence():
    method = method_of(divergence_weight=0.7)
    at = torch.arange(0, 64, 4)
    outputs = method.network(method.images.plain(at))
    value = float(method.loss(outputs, at, EpochLog()).detach())
    unit = [nn.functional.normalize(own, dim=1) for own in outputs.values()]
    pairs = BatchPairs.of(method.images.labels[at])
    expected = sum(float(contrastive(own, pairs).detach()) for own in unit) + 0.7 * float(divergence(unit)[0].detach())
    assert value == pytest.approx(expected, rel=1e-6)


def test_the_deep_half_sees_masked_maps_only():
    network = network_of(SmallCNN(width=4, embedding=8)).train()
    seen = []
    network.backbone.block4.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    network(torch.rand(3, 1, 32, 32))
    assert seen == [12]


def test_one_learner_has_no_divergence():
    assert "divergence" not in advance(method_of(learners=1), 2).means()
    assert "divergence" in advance(method_of(divergence_weight=0), 2).means()


def test_folding_and_looping_agree_in_evaluation_mode():
    network = network_of(SmallCNN(width=4, embedding=8)).eval()
    images = torch.rand(5, 1, 32, 32)
    folded = network.learners(images)
    network.folded = False
    for one, other in zip(folded, network.learners(images), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_equal_masks_give_equal_embeddings_and_the_divergence_no_gradient_to_tell_them_apart():
    network = network_of(SmallCNN(width=4, embedding=8))
    for mask in network.attention.masks:
        mask.load_state_dict(network.attention.masks[0].state_dict())
    found = network.learners(torch.rand(6, 1, 32, 32))
    network.folded = False
    network.eval()
    found = network.learners(torch.rand(6, 1, 32, 32))
    assert all(torch.equal(own, found[0]) for own in found)
    divergence([nn.functional.normalize(own, dim=1) for own in found])[0].backward()
    assert max(float(p.grad.abs().max()) for p in network.parameters() if p.grad is not None) < 1e-7


@pytest.mark.parametrize(
    ("keys", "shape"),
    [({}, (16, 8, 8)), ({"mask_shape": "spatial"}, (1, 8, 8)), ({"mask_shape": "channel"}, (16, 1, 1))],
)
def test_masks_differ_between_learners_lie_between_0_and_1_and_have_their_shape(keys, shape):
    network = network_of(SmallCNN(width=4, embedding=8), **keys).eval()
    masks = network.masks(torch.rand(3, 1, 32, 32))
    assert len(masks) == 4
    for mask in masks:
        assert mask.shape[1:] == shape
        assert 0 < float(mask.min()) <= float(mask.max()) < 1
    assert not torch.allclose(masks[0], masks[1], atol=1e-6)


def test_the_gain_scales_the_masks():
    network = network_of(SmallCNN(width=4, embedding=8), mask_gain=2).eval()
    zero = torch.zeros(1)
    assert float(network.attention.of_logits(zero)) == 1


def test_frozen_masks_do_not_learn_and_the_rest_does():
    method = method_of(attention="frozen", training={"weight_decay": 0.1})
    before = weights(method)
    advance(method, 2)
    for name, _ in method.network.named_parameters():
        assert torch.equal(before[name], weights(method)[name]) == name.startswith("attention."), name


def test_heads_of_their_own_start_apart_and_share_the_shallow_half():
    network = network_of(SmallCNN(width=4, embedding=8), attention="none", deep_half="own")
    found = network.learners(torch.rand(4, 1, 32, 32))
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    found[1].sum().backward()
    assert network.backbone.block3[1].weight.grad.abs().sum() > 0
    assert network.backbone.block4[1].weight.grad is None


def test_embeddings_are_the_learners_side_by_side_and_growing_joins():
    network = network_of(SmallCNN(width=4, embedding=8)).eval()
    found = network.embed(torch.rand(3, 1, 32, 32))
    assert list(found) == ["embedding", "learner1", "learner2", "learner3", "learner4", "first2"]
    joined = torch.cat([found[f"learner{k}"] for k in (1, 2, 3, 4)], dim=1) / 2
    assert torch.allclose(found["embedding"], joined, atol=1e-6)
    assert found["first2"].shape == (3, 4)
    alone = network_of(SmallCNN(width=4, embedding=8), learners=1).eval().embed(torch.rand(3, 1, 32, 32))
    assert list(alone) == ["embedding"]


def test_a_convolutional_network_of_torchvision_is_cut_at_its_taps():
    backbone = Torchvision(name="torchvision", architecture="resnet18", weights="none", embedding=8)
    network = ABENetwork(ABE(method="abe", learners=2), backbone, 3, 32)
    assert network.split == "layer3"
    assert [value.shape for value in network.learners(torch.rand(2, 3, 32, 32))] == [(2, 4), (2, 4)]


@pytest.mark.parametrize("name", ["abe", "plain", "heads", "all-images", "strong"])
def test_a_few_epochs_lower_the_loss(name):
    method = method_of({"learning_rate": 0.01}, **{"learners": 2, **RUNS[name]})
    first = advance(method, 4).means()["loss"]
    advance(method, 10)
    assert advance(method, 4).means()["loss"] < first


@pytest.mark.parametrize("keys", RUNS.values(), ids=list(RUNS))
def test_resuming_equals_going_straight_on(keys):
    assert_resumes({"method": "abe", "learners": 2, **keys}, steps=(2, 4), images=96)


def test_what_the_figures_need_is_kept_at_the_end_and_masks_are_logged():
    method = method_of({"images": 48})
    means = advance(method, method.total_steps).means()
    arrays = method.diagnostics.arrays
    assert arrays["masks"].shape == (4, 4, 4, 4)
    labels = method.setup.labels[arrays["mask_images"].numpy()]
    assert len(set(labels.tolist())) == 4
    assert arrays["correlations"].shape == (4, 4)
    assert 0 < means["learner4_mask_mean"] < 1
    assert {"mask_correlation", "masks_saturated", "own_image_cosine", "divergence_active"} <= set(means)
    assert -1 <= means["own_image_cosine"] <= 1


def test_training_on_duplicates_goes_on():
    method = method_of()
    method.images.store.pixels[:] = method.images.store.pixels[:1]
    advance(method, 3)
    assert all(torch.isfinite(parameter).all() for parameter in method.network.parameters())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"attention": "none"}, "makes all learners the same"),
        ({"deep_half": "own", "passes": "separate"}, "has no effect with deep_half"),
        ({"pairs": "siamese", "base_loss": "multi-similarity"}, "has no effect on base_loss"),
        ({"divergence": "all-images"}, "divergence_reduction: active only"),
        ({"learners": 0}, "greater than 0"),
        ({"divergence_margin": 5}, "less than or equal to 4"),
    ],
)
def test_settings_that_mean_nothing_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        ABE.model_validate({"method": "abe", **keys})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"learners": 3}, "cannot be shared equally by 3"),
        ({"split": "block9"}, "has no tap 'block9'"),
        ({"split": "block4"}, "nothing lies behind block4"),
    ],
)
def test_networks_that_cannot_be_are_refused(keys, message):
    with pytest.raises(UserError, match=message):
        method_of(**keys)
