"""Cross-batch memory: pairs of a batch with embeddings of earlier batches (Wang et al. 2020), as the library has it.

The library keeps the position in its queue outside its state, so that a resumed training would see an emptier memory;
here it is part of the state.
"""

import torch
from pytorch_metric_learning import distances, losses
from torch import Tensor, nn

from hardmine.errors import UserError

__all__ = ["ContrastiveWithMemory"]


class Memory(losses.CrossBatchMemory):
    """The library's memory with all of it in ``state_dict``."""

    def get_extra_state(self) -> Tensor:
        """Position in the queue, and whether it was filled once; int64 [2]."""
        return torch.tensor([self.queue_idx, int(self.has_been_filled)])

    def set_extra_state(self, state: Tensor) -> None:
        """Take a saved position."""
        self.queue_idx, self.has_been_filled = int(state[0]), bool(state[1])


class ContrastiveWithMemory(nn.Module):
    """Contrastive loss on cosines, of the batch and from its second phase on of the batch against the memory too.

    Args:
        dimensions: D.
        images: training images.
        share: of them that the memory holds.
        margin: on the cosines of negatives.
        weight: of the loss against the memory.
        start: steps without the memory.

    Raises:
        UserError: the memory is smaller than a batch can be.
    """

    def __init__(self, dimensions: int, images: int, share: float, margin: float, weight: float, start: int) -> None:
        super().__init__()
        size = round(share * images)
        if size < 2:
            raise UserError(f"memory: {share} of {images:,} training images is no memory. Set a larger share.")
        self.batch_loss, own = (
            losses.ContrastiveLoss(pos_margin=1, neg_margin=margin, distance=distances.CosineSimilarity())
            for _ in range(2)
        )
        self.memory = Memory(own, dimensions, memory_size=size)
        self.weight, self.start = weight, start
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, embeddings: Tensor, labels: Tensor, _: object = None) -> Tensor:
        """The loss of a batch, a scalar; the batch enters the memory.

        Args:
            embeddings: float [n, D].
            labels: int64 [n].

        Raises:
            UserError: the batch is larger than the memory.
        """
        if len(embeddings) > self.memory.memory_size:
            raise UserError(
                f"memory: holds {self.memory.memory_size:,} embeddings, a batch has {len(embeddings):,}. Set a larger "
                "share, or a smaller training.batch."
            )
        value = self.batch_loss(embeddings, labels)
        self.steps += 1
        if int(self.steps) > self.start:
            value = value + self.weight * self.memory(embeddings, labels)
        return value
