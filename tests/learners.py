"""The worked examples of methods with several learners: three learners on four images of two classes."""

from itertools import combinations

import torch
from circle import at
from torch import Tensor

ANGLES = ((0, 30, 50, 150), (0, 60, 100, 170), (10, 20, 120, 140))
LABELS = torch.tensor([0, 0, 1, 1])
ORDER = [list(combinations(range(4), 2)).index(pair) for pair in ((0, 1), (2, 3), (0, 2), (0, 3), (1, 2), (1, 3))]
"""Places of the worked examples' pairs, positives first, among all pairs."""


def three(grad: bool = False) -> list[Tensor]:
    """E1, E2, E3."""
    return [at(*angles).requires_grad_(grad) for angles in ANGLES]
