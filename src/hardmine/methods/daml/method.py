"""DAML: a generator makes every tuple a negative that the metric gets wrong, and the metric learns from it."""

from typing import Any

import torch
from torch import Tensor

from hardmine.methods.base import Setup
from hardmine.methods.made_samples import (
    COMPARE_EVERY,
    compare_gradients,
    early_and_late,
    labels_kept,
    steps_of_share,
)
from hardmine.methods.routed import GroupLosses, RoutedMethod
from hardmine.methods.tuple_losses import triplet_gaps
from hardmine.mining import PairSampler, TripletSampler
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .loss import GeneratorTerms, generator_terms, share_of_way
from .making import best_shares, build_generator, make
from .network import DAMLNetwork
from .settings import DAML
from .tuples import tuples_of

__all__ = ["DAMLMethod"]


class DAMLMethod(RoutedMethod):
    """N-pair or triplet loss on real tuples, and on tuples with a made negative.

    With ``routing: routed`` the network gets the gradient of its own loss (through the generator as well) and the
    generator that of J_gen; with ``joint`` both get that of the sum.
    """

    network: DAMLNetwork

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, DAML)
        self.run = setup.run
        super().__init__(setup)
        self.unused_weights = self.run.warm_loss == "features"  # the head rests meanwhile
        self.tuples = tuples_of(self.run, setup.device)
        self.add_optimiser(self.parameter_groups())
        self.generator = None
        if self.run.makes_by_network:
            self.generator = build_generator(self.run, self.network.width)
            rate, decay = self.run.generator_learning_rate, setup.training.weight_decay
            self.add_group("generator", self.generator, rate, weight_decay=decay)

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> DAMLNetwork:
        """Backbone, features and head of the settings."""
        assert isinstance(run, DAML)
        return DAMLNetwork(run, backbone, channels, size)

    def build_sampler(self) -> PairSampler | TripletSampler:
        """Anchors, positives, and negatives for triplets."""
        sampler = PairSampler if self.run.base_loss == "npair" else TripletSampler
        return sampler(self.setup.labels, self.run.tuples, self.run.batches == "covering", self.setup.seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The head, and all below it, whose rate has a factor of its own after the warm steps."""
        rate = self.setup.training.learning_rate
        head = [own for name, own in self.network.named_parameters() if name.startswith("head")]
        trunk = [own for name, own in self.network.named_parameters() if not name.startswith("head")]
        return [{"params": head, "lr": rate}, {"params": trunk, "lr": rate, "trunk": True}]

    @property
    def warm_steps(self) -> int:
        """Steps at the start without made negatives in the network's loss."""
        return steps_of_share(self.run.warm_share, self.total_steps)

    @property
    def share(self) -> float:
        """Q of the running step."""
        return 0.0 if self.step_number < self.warm_steps else self.run.synthetic_share

    def set_learning_rates(self) -> None:
        """The schedule's, and the trunk's own factor after the warm steps."""
        super().set_learning_rates()
        if self.step_number >= self.warm_steps:
            for group in self.optimisers[0].param_groups:
                if group.get("trunk"):
                    group["lr"] *= self.run.trunk_factor

    def losses(self, rows: Tensor) -> GroupLosses:
        """The losses of a batch; see ``from_features``."""
        with self.precision():
            features = self.network.features(self.augmented(rows))
        return self.from_features(features.float(), self.images.labels[rows.to(self.images.labels.device)])

    def from_features(self, features: Tensor, labels: Tensor) -> GroupLosses:
        """The losses of a batch.

        Args:
            features: y, float [B, d], anchors, positives, and negatives for triplets.
            labels: int64 [B].
        """
        if self.step_number < self.warm_steps and self.run.warm_loss == "features":
            metric = self.tuples.real_loss(features)
            return GroupLosses({"network": metric}, {"metric_loss": metric, "loss": metric})
        embeddings = self.network.embedding_of(features)
        metric = self.tuples.real_loss(embeddings)
        if self.run.variant == "base":
            return GroupLosses({"network": metric}, {"metric_loss": metric, "loss": metric})
        return self.with_made(features, embeddings, labels, metric)

    def with_made(self, features: Tensor, embeddings: Tensor, labels: Tensor, metric: Tensor) -> GroupLosses:
        """The losses with made negatives.

        Args:
            features: y, float [B, d].
            embeddings: z, float [B, D].
            labels: int64 [B].
            metric: J_m on real tuples.
        """
        run, rows = self.run, self.tuples.rows
        shares = best_shares(features, embeddings, rows, run)
        points = make(features, shares, rows, self.generator, run)
        like = features if run.made_statistics == "real" else None
        made = self.network.embedding_of(points, keep_statistics=False, like=like)
        used = made[self.tuples.permutation] if run.variant == "permuted" else made
        synthetic = self.tuples.made_loss(embeddings, used)
        terms = generator_terms(features, embeddings, points, made, rows, run)
        generator = terms.total(run)
        network = (1 - self.share) * metric + self.share * synthetic
        report = {"metric_loss": metric, "synthetic_loss": synthetic, "loss": network, "generator_loss": generator}
        report |= {"hard_loss": terms.hard, "reg_loss": terms.reg, "adv_loss": terms.adv}
        report |= self.seen(features, embeddings, points, terms, shares)
        report["kept_label"] = labels_kept(embeddings, labels, made, labels[rows.negatives])
        report["share"] = metric.new_tensor(self.share)
        if self.step_number % COMPARE_EVERY == 0:
            report |= compare_gradients(self.parameters_of("network"), metric, synthetic)
        return GroupLosses(self.routed(network, generator), report, self.points(embeddings, made))

    def routed(self, network: Tensor, generator: Tensor) -> dict[str, Tensor]:
        """The loss of each group.

        Args:
            network: (1 - q)·J_m on real tuples + q·J_m on made ones.
            generator: J_gen.
        """
        if self.generator is None:
            return {"network": network}
        if self.run.routing == "joint" and self.step_number >= self.warm_steps:
            return {"generator": network + generator, "network": network + generator}
        return {"generator": generator, "network": network}

    @torch.no_grad()
    def seen(
        self, features: Tensor, embeddings: Tensor, points: Tensor, terms: GeneratorTerms, shares: Tensor
    ) -> dict[str, Tensor]:
        """Violating shares of real and made tuples, and where made negatives lie beside where theory puts them."""
        rows = self.tuples.rows
        real = triplet_gaps(embeddings[rows.anchors], embeddings[rows.positives], embeddings[rows.negatives])
        way, off = share_of_way(features, points, rows)
        return {
            "violating_real": (real + self.run.margin > 0).float().mean(),
            "violating_made": (terms.violations > 0).float().mean(),
            "way": way.mean(),
            "best_way": shares.mean(),
            "off_line": off.mean(),
        }

    def points(self, embeddings: Tensor, made: Tensor) -> dict[str, Tensor]:
        """Real and made negatives as offsets from their anchor: of the first anchor for pairs, of all for triplets."""
        moment = early_and_late(self.warm_steps, self.total_steps).get(self.step_number)
        if moment is None:
            return {}
        shown = self.run.tuples - 1 if self.run.base_loss == "npair" else self.run.tuples
        rows = self.tuples.rows
        anchors = embeddings[rows.anchors[:shown]]
        positives = 1 if self.run.base_loss == "npair" else shown
        found = {
            "positives": (embeddings[rows.positives[:shown]] - anchors)[:positives],
            "negatives": embeddings[rows.negatives[:shown]] - anchors,
            "synthetic": made[:shown] - anchors,
        }
        return {f"{moment}-{name}": values for name, values in found.items()}
