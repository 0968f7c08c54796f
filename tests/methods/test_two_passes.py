"""A batch that goes through in parts trains as the whole batch does."""

import pytest
import torch
from tiny import advance, build, weights

from hardmine.errors import UserError
from hardmine.methods import Method

FROZEN = {"width": 4, "batch_norm": "frozen"}
RUNS = {
    "triplet": {"method": "triplet", "selection": "semihard"},
    "proxy-nca": {"method": "proxy-nca"},
    "hdc": {"method": "hdc", "head_features": 8, "head_channels": 4},
    "smart-mining": {"method": "smart-mining", "batch_triplets": 8, "epoch_anchors": 16},
    "schem": {"method": "schem", "group_size": 4, "groups": 3, "class_pool": [1, 2]},
    "htl": {"method": "htl", "seeds": 2, "group": 2, "warmup": 0},
    "facility-location": {"method": "facility-location"},
    "spectral": {"method": "spectral", "head": 4},
    "adapted-triplet": {"method": "adapted-triplet"},
}


def gradients(method: Method) -> list[torch.Tensor]:
    """Of the whole network after the first step, as the optimiser saw them; in float64, where nothing is rounded."""
    found = []
    method.network.double()
    method.network.register_forward_pre_hook(lambda _, inputs: tuple(each.double() for each in inputs))
    method._forward = lambda images: {n: v.float() for n, v in method.network(images).items()}  # type: ignore[method-assign]
    for optimiser in method.optimisers:
        optimiser.step = lambda: None  # type: ignore[method-assign]
    advance(method, 1)
    for parameter in method.network.parameters():
        found.append(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone())
    return found


@pytest.mark.parametrize("size", [1, 5, 8])
@pytest.mark.parametrize("name", RUNS)
def test_the_gradient_of_the_parts_is_that_of_the_whole_batch(name: str, size: int) -> None:
    run = RUNS[name] | ({"head_dropout": 0.0, "last_dropout": 0.0} if name == "hdc" else {})
    whole = gradients(build(run, backbone=FROZEN))
    parts = gradients(build(run, backbone=FROZEN, forward_images=size))
    scale = max(float(gradient.abs().max()) for gradient in whole)
    assert scale > 0
    for first, second in zip(whole, parts, strict=True):
        assert float((first - second).abs().max()) <= 1e-5 * scale


def test_dropout_drops_the_same_in_both_passes() -> None:
    """A part's gradient is that of its outputs in the first pass: with other masks it would be of other outputs."""
    method = build(RUNS["hdc"], backbone=FROZEN, forward_images=5)
    seen: list[torch.Tensor] = []
    plain = method._forward

    def look(images: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs = plain(images)
        seen.append(outputs["level1"].detach().clone())
        return outputs

    method._forward = look  # type: ignore[method-assign]
    advance(method, 1)
    half = len(seen) // 2
    assert half == 4
    for first, second in zip(seen[:half], seen[half:], strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("name", RUNS)
def test_a_memory_is_updated_once_and_a_training_can_be_resumed(name: str) -> None:
    straight = build(RUNS[name], backbone=FROZEN, forward_images=5)
    torch.manual_seed(1)
    advance(straight, 6)
    stopped, resumed = (build(RUNS[name], backbone=FROZEN, forward_images=5) for _ in range(2))
    torch.manual_seed(1)
    log = advance(stopped, 3)
    random = torch.get_rng_state()
    resumed.load_state_dict(stopped.state_dict())
    torch.set_rng_state(random)
    advance(resumed, 3, log)
    for name_, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[name_]), name_


def test_batch_norm_that_learns_from_the_batch_is_refused() -> None:
    with pytest.raises(UserError, match=r"training\.forward_images: batch norm sees the part.*batch_norm: frozen"):
        build(RUNS["triplet"], forward_images=5)
    build(RUNS["triplet"], forward_images=16)  # the whole batch fits


def test_a_method_with_losses_inside_the_network_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"training\.forward_images: hdml has losses inside the network"):
        build({"method": "hdml", "batch_size": 16}, backbone=FROZEN, forward_images=5)
