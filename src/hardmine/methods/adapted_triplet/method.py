"""Adapted triplet loss: a triplet loss on selected triplets, and a penalty on the bias of the selection."""

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog
from hardmine.mining import Triplets

from .selection import placebo_counts, select, times_chosen
from .settings import AdaptedTriplet
from .shift import Shift, centre_distance, selection_shift

__all__ = ["AdaptedTripletMethod"]


class AdaptedTripletMethod(Method):
    """Class-balanced batches, one network, one optimiser."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, AdaptedTriplet)
        self.run = setup.run
        super().__init__(setup)
        self.selecting, self.placebo = Generator(setup.generator(1)), Generator(setup.generator(2))
        self.parts |= {"selection": self.selecting, "placebo": self.placebo}
        self.add_optimiser(self.parameter_groups())

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """L = L_tri + λ·L_match, a scalar."""
        embedded = outputs["embedding"]
        labels = self.images.labels[rows.to(embedded.device)]
        return self.loss_of(functional.normalize(embedded, dim=1) if self.run.normalise else embedded, labels, log)

    def loss_of(self, rows: Tensor, labels: Tensor, log: EpochLog) -> Tensor:
        """The loss of embeddings as they are compared.

        Args:
            rows: x, float [n, D], with gradient.
            labels: int64 [n].
            log: takes the parts of the loss and what was selected.
        """
        run = self.run
        distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
        distances = distances.square() if run.distance == "squared" else distances
        triplets = select(distances.detach(), labels, run.selection, run.margin, self.selecting.generator)
        triplet_loss = self._triplet_loss(distances, triplets, log)
        chosen = times_chosen(triplets, len(labels), run.members)
        placebo = placebo_counts(chosen, labels, self.placebo.generator)
        penalty = self._penalty(rows, labels, chosen, placebo, log)
        if not run.penalty_gradient:
            penalty = penalty.detach()
        log.add("triplet_loss", triplet_loss)
        log.add("penalty", penalty)
        self._report_gradients(rows, triplet_loss, penalty, log)
        return triplet_loss + run.weight * penalty if run.weight else triplet_loss

    def _triplet_loss(self, distances: Tensor, triplets: Triplets, log: EpochLog) -> Tensor:
        """Mean of [d_ap - d_an + m]_+ over the selected triplets; 0 where there is none."""
        near = distances[triplets.anchors, triplets.positives]
        far = distances[triplets.anchors, triplets.negatives]
        values = torch.relu(near - far + self.run.margin)
        violating = (values > 0).sum()
        log.add("violating", violating / max(1, len(values)))
        count = violating if self.run.triplet_mean == "violating" else torch.tensor(len(values))
        return values.sum() / count.clamp(min=1)

    def _penalty(self, rows: Tensor, labels: Tensor, chosen: Tensor, placebo: Tensor, log: EpochLog) -> Tensor:
        """The penalty of the settings; what the selection and a placebo of it shift is logged for all of them."""
        run = self.run
        found, by_chance = (self._shift(rows, labels, counts) for counts in (chosen, placebo))
        radius = centre_distance(rows, labels)
        log.add("shift", found.value)
        log.add("placebo_shift", by_chance.value)
        log.add("radius", radius)
        if len(found.gaps):
            log.add("shift_over_radius", found.gaps.mean() / radius.detach().clamp(min=1e-6))
        log.add("never_chosen", (chosen == 0).float().mean())
        sizes = torch.zeros(int(labels.max()) + 1, device=labels.device).index_add_(0, labels, chosen)
        log.add("unchosen_classes", (sizes[labels.unique()] == 0).float().mean())
        log.add("largest_share", (chosen / sizes[labels].clamp(min=1)).max())
        return {"selection": found.value, "placebo": by_chance.value, "centre": radius}[run.penalty]

    def _shift(self, rows: Tensor, labels: Tensor, counts: Tensor) -> Shift:
        run = self.run
        return selection_shift(rows, labels, counts, run.scope, run.norm, run.reduction)

    def _report_gradients(self, rows: Tensor, triplet_loss: Tensor, penalty: Tensor, log: EpochLog) -> None:
        """Lengths of both gradients by the embeddings, without their weights: what the centre's weight is tuned by."""
        for name, value in (("triplet_gradient", triplet_loss), ("penalty_gradient", penalty)):
            if value.requires_grad and rows.requires_grad:
                (gradient,) = torch.autograd.grad(value, rows, retain_graph=True)
                log.add(name, gradient.norm())
