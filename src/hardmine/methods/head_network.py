"""A network whose head can be asked alone, f: features y → embeddings z, and a generator that goes back to features."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.layers import glorot
from hardmine.settings.backbones import BackboneSettings

__all__ = ["FeatureGenerator", "HeadNetwork"]

EPSILON = 1e-3
"""Of the batch norms of head and generator."""


class HeadNetwork(EmbeddingNetwork):
    """Pooled features y, then batch norm and one linear layer f: z = f(y).

    Args:
        settings: of the backbone.
        channels: colour channels of an image.
        size: edge of an image.
        normalised: whether the head begins with a batch norm.
        momentum: share of the newest batch in its running statistics.
        start: factor on the Glorot weights of the linear layer.
    """

    def __init__(
        self,
        settings: BackboneSettings,
        channels: int,
        size: int,
        normalised: bool,
        momentum: float,
        start: float = 1.0,
    ) -> None:
        super().__init__(settings, channels, size)
        glorot(self.head, start)
        self.head_norm = nn.BatchNorm1d(self.head.in_features, EPSILON, momentum) if normalised else None

    def load_origin(self, state: dict[str, Any]) -> None:
        """Start the trunk from another run's weights; the head is new, as in HDML's released code."""
        super().load_origin({name: value for name, value in state.items() if not name.startswith("head")})

    def embedding_of(self, features: Tensor, keep_statistics: bool = True, like: Tensor | None = None) -> Tensor:
        """The embeddings z = f(y), float [n, D].

        Args:
            features: y, float [n, d].
            keep_statistics: in training, whether these features update the running statistics.
            like: see ``normed``.
        """
        return self.head(self.normed(features, keep_statistics, like))

    def normed(self, features: Tensor, keep_statistics: bool = True, like: Tensor | None = None) -> Tensor:
        """Features after the head's batch norm, float [n, d]; as they are where it has none.

        Args:
            features: y, float [n, d].
            keep_statistics: in training, whether these features update the running statistics.
            like: other features, float [m, d], whose mean and variance take the place of those of ``features`` in
                training, as constants; the running statistics stay.
        """
        norm = self.head_norm
        if norm is None:
            return features
        if norm.training and like is not None:
            like = like.detach()
            moments = like.mean(dim=0), like.var(dim=0, unbiased=False)
            return functional.batch_norm(features, *moments, norm.weight, norm.bias, False, eps=norm.eps)
        if norm.training and not keep_statistics:
            return functional.batch_norm(features, None, None, norm.weight, norm.bias, True, eps=norm.eps)
        return norm(features)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Embeddings as the loss sees them, not normalised: ``embedding`` float [n, D]."""
        return {"embedding": self.embedding_of(self.features(images))}


class FeatureGenerator(nn.Sequential):
    """From embeddings to features: linear, ReLU, batch norm, linear.

    Args:
        inputs: D, or more where several points enter together.
        width: hidden units.
        features: d.
        normalised: whether the batch norm is there.
        end: ``relu`` for a ReLU at the end.
    """

    def __init__(self, inputs: int, width: int, features: int, normalised: bool = True, end: str = "linear") -> None:
        between = [nn.BatchNorm1d(width, EPSILON, 0.01)] if normalised else []
        last = [nn.ReLU()] if end == "relu" else []
        first = glorot(nn.Linear(inputs, width))
        super().__init__(first, nn.ReLU(), *between, glorot(nn.Linear(width, features)), *last)
