"""What a plan may say about the method. Never imports torch."""

from typing import ClassVar, Literal

from pydantic import PositiveFloat

from hardmine.settings import RunSettings

__all__ = ["EasyPositive"]


class EasyPositive(RunSettings):
    """The nearest positive against the hardest negative, in a softmax of cosines (after Xuan et al., WACV 2020)."""

    diagnostics: ClassVar[tuple[str, ...]] = ("easy-positive-order",)

    method: Literal["easy-positive"]
    temperature: PositiveFloat = 0.1
    """Divides the cosines."""
