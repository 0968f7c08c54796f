"""Parts of HDML: the network with its head, the generator of features, block averages and what follows from them."""

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.layers import glorot
from hardmine.settings.backbones import BackboneSettings

from .pulling import decay_exponent
from .settings import HDML

__all__ = ["Balance", "BlockAverage", "FeatureGenerator", "HDMLNetwork", "decayed_weights"]

EPSILON = 1e-3
"""Of the batch norms of head and generator."""


class HDMLNetwork(EmbeddingNetwork):
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
        """Start the trunk from another run's weights; the head is new, as in the released code."""
        super().load_origin({name: value for name, value in state.items() if not name.startswith("head")})

    def embedding_of(self, features: Tensor, keep_statistics: bool = True) -> Tensor:
        """The embeddings z = f(y), float [n, D].

        Args:
            features: y, float [n, d].
            keep_statistics: in training, whether these features update the running statistics.
        """
        norm = self.head_norm
        if norm is None:
            return self.head(features)
        if norm.training and not keep_statistics:
            return self.head(functional.batch_norm(features, None, None, norm.weight, norm.bias, True, eps=norm.eps))
        return self.head(norm(features))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Embeddings as the loss sees them, not normalised: ``embedding`` float [n, D]."""
        return {"embedding": self.embedding_of(self.features(images))}


class FeatureGenerator(nn.Sequential):
    """From embeddings to features: linear, ReLU, batch norm, linear.

    Args:
        dimensions: D.
        width: hidden units.
        features: d.
    """

    def __init__(self, dimensions: int, width: int, features: int) -> None:
        super().__init__(
            glorot(nn.Linear(dimensions, width)),
            nn.ReLU(),
            nn.BatchNorm1d(width, EPSILON, 0.01),
            glorot(nn.Linear(width, features)),
        )


def decayed_weights(network: nn.Module) -> list[nn.Parameter]:
    """The weights and biases that weight decay applies to: all but those of batch norms."""
    norms = nn.BatchNorm1d | nn.BatchNorm2d
    return [own for part in network.modules() if not isinstance(part, norms) for own in part.parameters(recurse=False)]


class BlockAverage:
    """The mean of the last complete block of values; 1,000,000 before the first is complete.

    Args:
        block: values in a block. One that is not a number is skipped.
    """

    def __init__(self, block: int) -> None:
        self.block = block
        self.value = 1e6
        self.blocks = 0
        self._pending: list[float] = []

    def push(self, value: float) -> None:
        """Take one value; publish the mean when the block is complete."""
        if math.isnan(value):
            return
        self._pending.append(value)
        if len(self._pending) == self.block:
            self.value = math.fsum(self._pending) / self.block
            self.blocks += 1
            self._pending = []

    def state_dict(self) -> dict[str, Any]:
        """The published mean and the values of the block that is not complete."""
        return {"value": self.value, "blocks": self.blocks, "pending": list(self._pending)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state."""
        self.value, self.blocks, self._pending = state["value"], state["blocks"], list(state["pending"])


class Balance:
    """Hardness lambda and weight w of the running step, from two block averages.

    lambda = exp(-alpha / J_avg), w = exp(-beta / J_gen_avg). With ``calibrate`` both are 1 until the first block is
    complete, and alpha and beta follow from it.

    Args:
        settings: of the run.
        block: steps of a block.
    """

    def __init__(self, settings: HDML, block: int) -> None:
        self.settings = settings
        self.metric = BlockAverage(block)
        self.generator = BlockAverage(block)
        self.alpha = settings.alpha
        self.beta = settings.beta

    @property
    def hardness(self) -> float:
        """The hardness lambda in [0, 1]; 1 leaves the negatives where they are."""
        if self.settings.variant == "no-pull" or self.alpha is None:
            return 1.0
        return decay_exponent(self.alpha, self.metric.value)

    @property
    def weight(self) -> float:
        """The weight w in [0, 1] of the real tuples; 1 - w is that of the synthetic ones."""
        if self.beta is None:
            return 1.0
        return 0.5 if self.settings.variant == "no-balance" else decay_exponent(self.beta, self.generator.value)

    def push(self, metric: float, generator: float) -> bool:
        """Take the values of a step; True when alpha and beta were chosen just now.

        Args:
            metric: what ``metric_average`` names.
            generator: J_gen.
        """
        self.metric.push(metric)
        self.generator.push(generator)
        if self.alpha is not None or not self.metric.blocks:
            return False
        self.alpha = -math.log(self.settings.first_lambda) * self.metric.value
        self.beta = -math.log(self.settings.first_weight) * self.generator.value
        return True

    def state_dict(self) -> dict[str, Any]:
        """Averages and the chosen values."""
        averages = {"metric": self.metric.state_dict(), "generator": self.generator.state_dict()}
        return {**averages, "alpha": self.alpha, "beta": self.beta}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state."""
        self.metric.load_state_dict(state["metric"])
        self.generator.load_state_dict(state["generator"])
        self.alpha, self.beta = state["alpha"], state["beta"]
