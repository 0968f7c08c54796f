"""HAP2S: one network, class-balanced batches, every image of a batch an anchor."""

from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog
from hardmine.mining.pairs import pairwise_distances, triplet_masks

from .loss import SetLoss, hap2s_loss
from .settings import HAP2S

__all__ = ["HAP2SMethod"]


class HAP2SMethod(Method):
    """The point-to-set loss on all images of a batch."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, HAP2S)
        self.run = setup.run
        super().__init__(setup)
        self.draws = Generator(setup.generator(1))
        self.parts["draws"] = self.draws
        self.add_optimiser(self.parameter_groups())

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """The loss of a batch, a scalar."""
        unit = functional.normalize(outputs["embedding"], dim=1)
        rows = rows.to(unit.device)
        positives, negatives = triplet_masks(self.images.labels[rows], rows, len(rows))
        distances = pairwise_distances(unit, unit, "euclidean")
        found = hap2s_loss(distances, positives, negatives, self.run, self.draws.generator)
        _report(found, log)
        return found.value


def _report(found: SetLoss, log: EpochLog) -> None:
    if not len(found.near.value):
        return
    log.add("active", found.active)
    for name, side in (("positive", found.near), ("negative", found.far)):
        log.add(f"{name}_distance", side.value.mean())
        log.add(f"{name}_effective", side.effective.mean())
        log.add(f"{name}_reversed", (side.slopes < 0).sum() / (side.weights > 0).sum())
        log.add(f"{name}_largest_weight", side.weights.amax(dim=1).mean())
