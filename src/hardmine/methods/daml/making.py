"""Where DAML's negatives come from: a generator, or one of the two rivals that need none."""

import torch
from torch import Tensor, nn

from hardmine.methods.head_network import FeatureGenerator
from hardmine.mining import Triplets

from .loss import best_share, mean_distance
from .settings import DAML

__all__ = ["best_shares", "build_generator", "make"]


def build_generator(settings: DAML, features: int) -> FeatureGenerator:
    """G: anchor, positive and negative, 3d, to a made negative, d."""
    width = settings.generator_width
    generator = FeatureGenerator(3 * features, width, features, settings.generator_batch_norm, settings.generator_end)
    if settings.generator_start == "normal":
        for layer in generator:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)
    return generator


def make(features: Tensor, shares: Tensor, rows: Triplets, generator: nn.Module | None, settings: DAML) -> Tensor:
    """Made negatives ỹ, float [m, d].

    Args:
        features: y, float [B, d].
        shares: s*, float [m], for ``closed-form``.
        rows: of anchors, positives and real negatives, m of each.
        generator: where the variant has one.
        settings: of the run.
    """
    if settings.stop_gradient:
        features = features.detach()
    anchors, positives, negatives = (features[index] for index in (rows.anchors, rows.positives, rows.negatives))
    if generator is not None:
        return generator(torch.cat([anchors, positives, negatives], dim=1))
    if settings.variant == "midpoint":
        return (anchors + negatives) / 2
    return anchors + shares[:, None] * (negatives - anchors)


@torch.no_grad()
def best_shares(features: Tensor, embeddings: Tensor, rows: Triplets, settings: DAML) -> Tensor:
    """s* of every tuple, float [m]; g² is the batch's ratio of squared distances of embeddings and of features.

    Args:
        features: y, float [B, d].
        embeddings: z, float [B, D].
        rows: of anchors, positives and real negatives, m of each.
        settings: of the run.
    """
    anchors, negatives = features[rows.anchors], features[rows.negatives]
    distance = mean_distance(anchors, negatives)
    gain = (mean_distance(embeddings[rows.anchors], embeddings[rows.negatives]) / distance).sqrt()
    radii = (anchors - negatives).pow(2).sum(dim=1).sqrt()
    near = (anchors - features[rows.positives]).pow(2).sum(dim=1)
    scale = distance if settings.feature_scale == "batch" else torch.ones_like(distance)
    return best_share(radii, near, gain, scale, settings)
