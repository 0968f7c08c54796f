"""Local response normalisation across channels."""

from torch import nn

__all__ = ["ResponseNorm"]


class ResponseNorm(nn.LocalResponseNorm):
    """y = x / (1 + α/5 · sum of x² over the five channels around)^0.75, α = 0.0001, as in AlexNet and GoogLeNet."""

    def __init__(self) -> None:
        super().__init__(5)
