"""The contract of a backbone: named feature maps at several depths."""

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from hardmine.errors import UserError, nearest

__all__ = ["Backbone"]


class Backbone(nn.Module):
    """A trunk that gives feature maps at named depths (taps), the last of them the deepest.

    Attributes:
        tap_shapes: for each tap, shallow to deep, its (channels, height, width) for the image size it was built for.
    """

    tap_shapes: dict[str, tuple[int, int, int]]

    @abstractmethod
    def taps(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps float [n, channels, height, width] of the asked taps, from one forward pass."""

    def trim(self, deepest: str) -> None:
        """Remove what lies deeper than a tap, so that no weight is left without a gradient."""
        names = list(self.tap_shapes)
        for name in names[names.index(deepest) + 1 :]:
            delattr(self, name)
            del self.tap_shapes[name]

    @property
    def last_tap(self) -> str:
        """Name of the deepest tap."""
        return list(self.tap_shapes)[-1]

    def check_taps(self, names: Sequence[str]) -> None:
        """Raise ``UserError`` when a tap is asked for that the backbone does not have."""
        for name in names:
            if name not in self.tap_shapes:
                raise UserError(
                    f"backbone: {type(self).__name__} has no tap '{name}'{nearest(name, self.tap_shapes)}; "
                    f"it has {', '.join(self.tap_shapes)}."
                )
