"""Random numbers that a checkpoint remembers."""

import torch
from torch import Tensor

__all__ = ["RandomPart"]


class RandomPart:
    """A torch generator as a part with state.

    Args:
        generator: on the CPU.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def state_dict(self) -> dict[str, Tensor]:
        """Position of the random numbers."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a saved position."""
        self.generator.set_state(state["state"])
