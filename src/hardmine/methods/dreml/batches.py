"""Batches of each network: the same images, shuffled for each on its own."""

from typing import Any

import numpy as np

from hardmine.mining import ShuffledSampler

__all__ = ["BatchesOfEach"]


class BatchesOfEach:
    """A ``ShuffledSampler`` for each network.

    Args:
        images: N, training images.
        batch_size: images in a batch.
        networks: how many.
        seed: of all draws; each network has its own.

    Raises:
        UserError: fewer images than a batch asks for.
    """

    def __init__(self, images: int, batch_size: int, networks: int, seed: int) -> None:
        seeds = np.random.SeedSequence(seed).spawn(networks)
        self._samplers = [ShuffledSampler(images, batch_size, int(own.generate_state(1)[0])) for own in seeds]

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one network that show every image once."""
        return self._samplers[0].steps_per_epoch

    @property
    def batch_size(self) -> int:
        """Images in a batch of one network."""
        return self._samplers[0].batch_size

    def next_batch(self, network: int = 0) -> np.ndarray:
        """The next batch of a network, int64 [batch_size]."""
        return self._samplers[network].next_batch()

    def state_dict(self) -> dict[str, Any]:
        """The networks' positions."""
        return {"samplers": [sampler.state_dict() for sampler in self._samplers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved positions."""
        for sampler, own in zip(self._samplers, state["samplers"], strict=True):
            sampler.load_state_dict(own)
