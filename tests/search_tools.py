"""Pictures for the tests of models in use."""

import numpy as np
from PIL import Image

__all__ = ["draw"]


def draw(numbers: np.random.Generator, edge: int = 24) -> Image.Image:
    """A picture of smooth random colours."""
    small = numbers.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((edge, edge), Image.Resampling.BICUBIC)
