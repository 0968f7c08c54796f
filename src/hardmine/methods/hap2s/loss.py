"""HAP2S's loss: weighted mean distances from an anchor to two sets, and the hinge on their difference.

Symbols: a anchors, n images, d_ai their distance, w the weights, p = w / sum of w over a set's members.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .settings import HAP2S

__all__ = ["SetDistance", "SetLoss", "hap2s_loss", "set_distance"]


@dataclass(frozen=True)
class SetDistance:
    """Distances from anchors to a set each.

    Attributes:
        value: D = sum of p_i·d_i, float [a], with gradient.
        weights: p, float [a, n], 0 for images that are no members; without gradient.
        slopes: the derivative of D by each distance, float [a, n]; below 0 the pair is pushed the wrong way.
    """

    value: Tensor
    weights: Tensor
    slopes: Tensor

    @property
    def effective(self) -> Tensor:
        """How many members a set's weights are worth, 1 / sum of p², float [a]."""
        return 1 / self.weights.pow(2).sum(dim=1)


@dataclass(frozen=True)
class SetLoss:
    """HAP2S's loss and what stands behind it.

    Attributes:
        value: the mean over the anchors with a positive and a negative, a scalar with gradient; 0 without any.
        near: their distances to the set of positives.
        far: to the set of negatives.
        active: share of them whose hinge is above 0; all of them where it is soft.
    """

    value: Tensor
    near: SetDistance
    far: SetDistance
    active: Tensor


def set_distance(
    distances: Tensor, members: Tensor, run: HAP2S, farther_is_harder: bool, draws: torch.Generator | None = None
) -> SetDistance:
    """Weighted mean distance to a set, with weights that grow with hardness.

    With the weights differentiated dD/dd_i = p_i·(1 + g_i·(d_i - D)), g the derivative of log w by d; else p_i.

    Args:
        distances: d, float [a, n].
        members: bool [a, n], at least one in each row.
        run: says which weights.
        farther_is_harder: true for positives.
        draws: of permuted weights, on the CPU.
    """
    logits, steepness = _log_weights(distances, run, farther_is_harder)
    weights = logits.masked_fill(~members, -torch.inf).softmax(dim=1)
    if run.order == "permuted":
        weights = _permuted(weights.detach(), members, draws)
    elif not run.weight_gradient:
        weights = weights.detach()
    value = (weights * distances).sum(dim=1)
    constant = weights.detach()
    with torch.no_grad():
        slopes = constant * (1 + steepness * (distances - value[:, None])) if run.weight_gradient else constant
    return SetDistance(value, constant, slopes)


def hap2s_loss(
    distances: Tensor, positives: Tensor, negatives: Tensor, run: HAP2S, draws: torch.Generator | None = None
) -> SetLoss:
    """Mean over anchors of max(0, D+ - D- + margin), or of the soft hinge log(1 + exp(D+ - D-)).

    Args:
        distances: d of unit vectors, not squared, float [a, n].
        positives: bool [a, n].
        negatives: bool [a, n].
        run: weights, hinge and margin.
        draws: of permuted weights, on the CPU.
    """
    some = positives.any(dim=1) & negatives.any(dim=1)
    distances, positives, negatives = distances[some], positives[some], negatives[some]
    near = set_distance(distances, positives, run, True, draws)
    far = set_distance(distances, negatives, run, False, draws)
    gaps = near.value - far.value
    terms = functional.softplus(gaps) if run.hinge == "soft" else torch.relu(gaps + run.margin)
    anchors = max(1, len(terms))
    return SetLoss(terms.sum() / anchors, near, far, (terms > 0).sum() / anchors)


def _log_weights(distances: Tensor, run: HAP2S, farther_is_harder: bool) -> tuple[Tensor, Tensor]:
    """Logarithms of the weights, float [a, n], and their derivatives by the distance."""
    match run.weighting:
        case "exponential":
            rate = (1 if farther_is_harder else -1) / run.sigma
            return rate * distances, torch.full_like(distances, rate)
        case "polynomial":
            power = run.alpha * (1 if farther_is_harder else -run.negative_power)
            return power * distances.log1p(), power / (1 + distances.detach())
    return torch.zeros_like(distances), torch.zeros_like(distances)


def _permuted(weights: Tensor, members: Tensor, draws: torch.Generator | None) -> Tensor:
    """The weights of each row in random order among its members."""
    chances = torch.rand(weights.shape, generator=draws).to(weights.device).masked_fill(~members, 2.0)
    shuffled, straight = chances.argsort(dim=1), (~members).byte().argsort(dim=1, stable=True)
    return torch.zeros_like(weights).scatter(1, straight, weights.gather(1, shuffled))
