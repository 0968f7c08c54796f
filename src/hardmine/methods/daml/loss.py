"""The generator's loss, term by term, and the answer that is best for it without a generator.

Symbols: y features, z = f(y) embeddings, ỹ a made negative, t = |z_a - z_p|² - |z_a - f(ỹ)|² + alpha, above 0 where it
violates the margin; R = |y_n - y_a|.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hardmine.methods.tuple_losses import triplet_gaps
from hardmine.mining import Triplets

from .settings import DAML
from .tuples import hinge

__all__ = ["GeneratorTerms", "best_share", "generator_terms", "share_of_way"]

SMALLEST = 1e-12


@dataclass(frozen=True)
class GeneratorTerms:
    """J_gen = J_hard + lambda1·J_reg + lambda2·J_adv, the terms unweighted.

    Attributes:
        hard: |ỹ - y_a|², the mean (or sum) over made negatives.
        reg: |ỹ - y_n|², likewise.
        adv: c·max(0, -t), likewise: what keeps a made negative from violating the margin.
        violations: t, float [m].
    """

    hard: Tensor
    reg: Tensor
    adv: Tensor
    violations: Tensor

    def total(self, settings: DAML) -> Tensor:
        """J_gen, without the term that the variant leaves out."""
        weighted = {"no-hard": self.hard, "no-reg": settings.reg_weight * self.reg}
        weighted["no-adv"] = settings.adv_weight * self.adv
        return torch.stack([value for name, value in weighted.items() if name != settings.variant]).sum()


def generator_terms(
    features: Tensor, embeddings: Tensor, points: Tensor, made: Tensor, rows: Triplets, settings: DAML
) -> GeneratorTerms:
    """The terms of a batch.

    Args:
        features: y, float [B, d].
        embeddings: z, float [B, D].
        points: ỹ, float [m, d].
        made: f(ỹ), float [m, D].
        rows: of anchors, positives and real negatives, m of each.
        settings: alpha, c, reduction and scale.
    """
    anchors, negatives = features[rows.anchors], features[rows.negatives]
    scale = torch.ones_like(points[0, 0])
    if settings.feature_scale == "batch":
        scale = mean_distance(anchors, negatives)
    parts = [(points - other).pow(2).sum(dim=1) / scale for other in (anchors, negatives)]
    hard, reg = (part.mean() if settings.reduction == "mean" else part.sum() for part in parts)
    gaps = triplet_gaps(embeddings[rows.anchors], embeddings[rows.positives], made)
    violations = gaps + settings.margin
    return GeneratorTerms(hard, reg, hinge(-violations, settings), violations)


def mean_distance(anchors: Tensor, negatives: Tensor) -> Tensor:
    """Mean of |y_a - y_n|², a constant scalar, at least 1e-12.

    Args:
        anchors: float [m, d].
        negatives: float [m, d].
    """
    return (anchors - negatives).detach().pow(2).sum(dim=1).mean().clamp(min=SMALLEST)


def best_share(radii: Tensor, near: Tensor, gain: Tensor, scale: Tensor, settings: DAML) -> Tensor:
    """s*: of all points y_a + s·(y_n - y_a), the one with the smallest J_gen where f is g times an isometry.

    s* = min(s_mid, max(s_adv, s_kink)); s_mid = l1/(1 + l1) where the hinge is idle, s_adv = l1/(1 + l1 + l2·c·g²)
    where it acts, s_kink = sqrt(g²·|y_a - y_p|² + alpha)/(g·R) where it begins. Follows from the loss by algebra.

    Args:
        radii: R, float [m].
        near: |y_a - y_p|², float [m].
        gain: g, a scalar.
        scale: what squared distances of features are divided by in the loss, a scalar.
        settings: l1, l2, c and alpha.
    """
    weight = settings.reg_weight
    middle = radii.new_tensor(weight / (1 + weight))
    acting = weight / (1 + weight + settings.adv_weight * settings.hinge_factor * gain.pow(2) * scale)
    begins = (gain.pow(2) * near + settings.margin).sqrt() / (gain * radii).clamp(min=SMALLEST)
    return torch.minimum(middle, torch.maximum(acting, begins))


@torch.no_grad()
def share_of_way(features: Tensor, points: Tensor, rows: Triplets) -> tuple[Tensor, Tensor]:
    """Where made negatives lie: s, their share of the way from anchor to negative, and how far off that line.

    Args:
        features: y, float [B, d].
        points: ỹ, float [m, d].
        rows: of anchors and real negatives.

    Returns:
        s float [m], and |ỹ - (y_a + s·(y_n - y_a))|²/R² float [m]; both 0 where R is 0.
    """
    anchors = features[rows.anchors]
    way, moved = features[rows.negatives] - anchors, points - anchors
    squares = way.pow(2).sum(dim=1)
    some = squares > SMALLEST
    safe = torch.where(some, squares, torch.ones_like(squares))
    shares = torch.where(some, (moved * way).sum(dim=1) / safe, torch.zeros_like(squares))
    off = (moved - shares[:, None] * way).pow(2).sum(dim=1) / safe
    return shares, torch.where(some, off, torch.zeros_like(off))
