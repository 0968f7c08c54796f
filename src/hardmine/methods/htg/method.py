"""HTG: triplets made harder in the embedding space, under a discriminator, and a network trained against them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Setup
from hardmine.methods.generator import Generator
from hardmine.methods.made_samples import (
    COMPARE_EVERY,
    compare_gradients,
    early_and_late,
    labels_kept,
    steps_of_share,
)
from hardmine.methods.routed import GroupLosses, RoutedMethod
from hardmine.mining import random_negatives

from .loss import against, class_floor, in_favour, made_entropy, real_entropy, unit_gaps
from .network import Discriminator, TripletGenerator, build_generator
from .rivals import moved_at_random, stepped, with_others_displacements
from .settings import HTG

__all__ = ["HTGMethod"]

SHOWN = 40
"""Triplets whose points are kept for the figure."""
FAR = 3.9
"""Squared distance from which on its gradient is all but gone: the unit vectors are almost opposite."""


@dataclass(frozen=True)
class RealTriplets:
    """The triplets of a batch.

    Attributes:
        points: unit vectors, float [3, T, D].
        labels: of these points, int64 [3·T], anchors first.
    """

    points: Tensor
    labels: Tensor


class HTGMethod(RoutedMethod):
    """Triplet loss on real and on made triplets.

    The network gets the gradient of its own loss (through the generator as well), the generator that of L_tri and
    L_cls, the discriminator that of L_real and L_fake.
    """

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, HTG)
        self.run = setup.run
        super().__init__(setup)
        self.draws, self.directions = setup.generator(1), setup.generator(2)
        self.parts |= {"selection": Generator(self.draws), "directions": Generator(self.directions)}
        self.add_optimiser(self.parameter_groups())
        run, dimensions = self.run, setup.backbone.embedding
        self.generator: TripletGenerator | None = None
        self.discriminator: Discriminator | None = None
        if run.generates:
            self.generator = build_generator(run.generator, dimensions, run.generator_width)
            self.add_group("generator", self.generator, run.generator_learning_rate)
        if run.discriminates:
            self.discriminator = Discriminator(dimensions, run.discriminator_width, setup.classes)
            self.add_group("discriminator", self.discriminator, run.discriminator_learning_rate)

    @property
    def warm_steps(self) -> int:
        """Steps at the start without made triplets."""
        return steps_of_share(self.run.warm_share, self.total_steps)

    def losses(self, rows: Tensor) -> GroupLosses:
        """The losses of a batch; see ``from_embeddings``."""
        embeddings = self._forward(self.augmented(rows))["embedding"]
        return self.from_embeddings(embeddings, self.images.labels[rows.to(self.images.labels.device)])

    def from_embeddings(self, embeddings: Tensor, labels: Tensor) -> GroupLosses:
        """The losses of a batch.

        Args:
            embeddings: as the network gives them, float [B, D].
            labels: int64 [B].
        """
        unit = functional.normalize(embeddings, dim=1)
        found = random_negatives(labels, self.draws)
        places = torch.stack([found.anchors, found.positives, found.negatives])
        return self.from_triplets(RealTriplets(unit[places], labels[places].flatten()))

    def from_triplets(self, real: RealTriplets) -> GroupLosses:
        """The losses of a batch's triplets."""
        gaps = unit_gaps(real.points)
        metric = against(gaps, self.run.margin, self.run.reduction)
        report = {"metric_loss": metric, "gap_real": gaps.detach().mean()}
        groups: dict[str, Tensor] = {}
        if self.discriminator is not None:
            logits = self.discriminator(real.points.flatten(0, 1))
            groups["discriminator"] = report["discriminator_real"] = real_entropy(logits, real.labels)
            report["recognised_real"] = (logits.argmax(dim=1) == real.labels).float().mean()
        active = self.step_number >= self.warm_steps
        network, arrays = metric, {}
        if active and self.run.variant == "d-only":
            network = metric + self.run.class_weight * report["discriminator_real"]
        elif active and self.run.variant != "base":
            made = self.made(real.points)
            network = self.with_made(real, made, metric, groups, report)
            report |= self.seen(real, made)
            arrays = self.points(real.points, made)
        report["loss"] = groups["network"] = network
        return GroupLosses(groups, report, arrays)

    def made(self, points: Tensor) -> Tensor:
        """Made triplets at unit length, float [3, T, D].

        Args:
            points: of the real ones, float [3, T, D].
        """
        run = self.run
        if self.generator is not None:
            made = functional.normalize(self.generator(points), dim=-1)
            return with_others_displacements(points, made) if run.variant == "permuted" else made
        if run.variant == "step":
            return stepped(points, run.step_length, run.margin)
        if run.variant == "random":
            return moved_at_random(points, run.step_length, self.directions)
        return points

    def with_made(
        self, real: RealTriplets, made: Tensor, metric: Tensor, groups: dict[str, Tensor], report: dict[str, Tensor]
    ) -> Tensor:
        """The network's loss with made triplets; the losses of the other groups go to ``groups``, before it."""
        run = self.run
        gaps = unit_gaps(made)
        synthetic, harder = against(gaps, run.margin, run.reduction), in_favour(gaps, run.margin, run.reduction)
        report |= {"synthetic_loss": synthetic, "hardening_loss": harder}
        if self.discriminator is not None:
            logits = self.discriminator(made.flatten(0, 1))
            fake, own = made_entropy(logits), real_entropy(logits, real.labels)
            groups["discriminator"] = groups["discriminator"] + run.fake_weight * fake
            report |= {"discriminator_fake": fake, "class_loss": own}
            report["class_excess"] = own - class_floor(run.fake_weight)
            report["recognised_made"] = (logits.argmax(dim=1) == self.discriminator.classes).float().mean()
            harder = run.class_weight * own + (0.0 if run.variant == "no-adv" else harder)
        if self.generator is not None:
            groups["generator"] = report["generator_loss"] = harder
        if self.step_number % COMPARE_EVERY == 0:
            report |= compare_gradients(self.parameters_of("network"), metric, synthetic)
        return (1 - run.synthetic_share) * metric + run.synthetic_share * synthetic

    @torch.no_grad()
    def seen(self, real: RealTriplets, made: Tensor) -> dict[str, Tensor]:
        """How hard made triplets are, how far their points moved, and whether they keep their class."""
        gaps = unit_gaps(made)
        moved = (made - real.points).norm(dim=-1).mean(dim=1)
        flat = real.points.flatten(0, 1), made.flatten(0, 1)
        return {
            "gap_made": gaps.mean(),
            "in_band": (gaps.abs() < self.run.margin).float().mean(),
            "opposite": ((made[0] - made[1]).pow(2).sum(dim=-1) > FAR).float().mean(),
            **{f"moved_{name}": moved[place] for place, name in enumerate(("anchor", "positive", "negative"))},
            "kept_label": labels_kept(flat[0], real.labels, flat[1], real.labels),
        }

    def points(self, real: Tensor, made: Tensor) -> dict[str, Tensor]:
        """Negatives of some triplets, real and made, and their positives, as offsets from their own anchor."""
        moment = early_and_late(self.warm_steps, self.total_steps).get(self.step_number)
        if moment is None:
            return {}
        real, made = real[:, :SHOWN], made[:, :SHOWN]
        found = {"positives": real[1] - real[0], "negatives": real[2] - real[0], "synthetic": made[2] - made[0]}
        return {f"{moment}-{name}": values for name, values in found.items()}
