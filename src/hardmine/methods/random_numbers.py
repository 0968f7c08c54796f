"""Random numbers as something that a checkpoint holds."""

import torch
from torch import Tensor

__all__ = ["RandomNumbers"]


class RandomNumbers:
    """A torch generator as a part with state."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def state_dict(self) -> dict[str, Tensor]:
        """Position of the random numbers."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a saved position."""
        self.generator.set_state(state["state"])
