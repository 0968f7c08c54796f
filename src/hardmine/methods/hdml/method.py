"""HDML: every tuple made as hard as the metric can bear, by moving negatives and generating their features."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hardmine.backbones.layers import glorot
from hardmine.errors import UserError
from hardmine.methods.base import Setup
from hardmine.methods.head_network import FeatureGenerator, HeadNetwork
from hardmine.methods.log import EpochLog
from hardmine.methods.routed import RoutedMethod
from hardmine.mining import PairSampler, TripletSampler
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .loss import decay_loss, reconstruction_loss
from .network import Balance, decayed_weights
from .settings import HDML
from .tuples import tuples_of

__all__ = ["HDMLMethod", "Losses"]


@dataclass
class Losses:
    """What one step has computed, all from one forward pass.

    Attributes:
        metric: J_metric, for the network.
        generator: J_gen, for the generator; None for the base loss alone.
        classifier: cross-entropy on real features, for the classifier; None for the base loss alone.
        average: what feeds the average metric loss.
        report: scalars to log, in the order in which they are computed.
        arrays: points around the first anchor, for the figures.
    """

    metric: Tensor
    generator: Tensor | None
    classifier: Tensor | None
    average: Tensor
    report: dict[str, Tensor]
    arrays: dict[str, Tensor] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, Tensor]:
        """The loss of each group of weights."""
        found = {"generator": self.generator, "classifier": self.classifier, "network": self.metric}
        return {name: loss for name, loss in found.items() if loss is not None}


class HDMLMethod(RoutedMethod):
    """N-pair or triplet loss on real tuples, and on synthetic ones that are harder.

    Three groups of weights, each with an optimiser of its own that gets the gradient of its own loss only: the
    network that of J_metric (through the generator and the pulling as well), the generator that of J_gen, the
    classifier of features that of its cross-entropy on real features.
    """

    network: HeadNetwork

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.run: HDML = setup.run  # type: ignore[assignment]
        if setup.training.weight_decay:
            raise UserError(
                "training.weight_decay: hdml has a weight_decay of its own; leave training.weight_decay at 0."
            )
        self.synthetic = self.run.variant != "base"
        self.tuples = tuples_of(self.run)
        block = self.run.average_block
        self.balance = Balance(self.run, self.steps_per_epoch if block == "epoch" else block)
        self.parts["balance"] = self.balance
        self._add_network_optimiser()
        if self.synthetic:
            features = self.network.head.in_features
            self.generator = FeatureGenerator(self.network.head.out_features, self.run.generator_width, features)
            self.classifier = glorot(nn.Linear(features, setup.classes))
            scheduled = self.run.generator_schedule == "same"
            self.add_group("generator", self.generator, self.run.generator_learning_rate, scheduled)
            self.add_group("classifier", self.classifier, self.run.classifier_learning_rate, scheduled)

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> HeadNetwork:
        """Backbone, and the head of the settings."""
        assert isinstance(run, HDML)
        normalised = run.head == "batch-norm-linear"
        return HeadNetwork(backbone, channels, size, normalised, run.batch_norm_momentum, run.head_start)

    def build_sampler(self) -> PairSampler | TripletSampler:
        """Anchors, positives, and negatives for triplets."""
        run: Any = self.setup.run
        sampler = PairSampler if run.base_loss == "npair" else TripletSampler
        return sampler(self.setup.labels, run.tuples, run.batches == "covering", self.setup.seed)

    def _add_network_optimiser(self) -> None:
        decayed = decayed_weights(self.network)
        names = {id(weight) for weight in decayed}
        others = [weight for weight in self.network.parameters() if id(weight) not in names]
        rate = self.setup.training.learning_rate
        decay: dict[str, Any] = {}
        if self.run.weight_decay_form == "decoupled" and self.run.weight_decay:
            if self.setup.training.optimiser != "adam":
                raise UserError(
                    "weight_decay_form: decoupled needs training.optimiser: adam; SGD would not decouple it."
                )
            decay = {"weight_decay": self.run.weight_decay, "decoupled_weight_decay": True}
        self.add_optimiser([{"params": decayed, "lr": rate, **decay}, {"params": others, "lr": rate}])

    def end_step(self, losses: Losses, values: Mapping[str, float], log: EpochLog) -> None:  # type: ignore[override]
        """The averages, and what follows from them for the next step."""
        self.log_balance(log)
        if self.synthetic and self.balance.push(float(losses.average.detach()), values["generator_loss"]):
            chosen = f"alpha {self.balance.alpha:.6g} and beta {self.balance.beta:.6g}"
            print(f"hdml: {chosen} chosen after step {self.step_number + 1}", flush=True)

    def losses(self, rows: Tensor) -> Losses:
        """All losses of a batch.

        Args:
            rows: int64 [B], anchors, positives, and negatives for triplets.
        """
        with self.precision():
            features = self.network.features(self.augmented(rows))
        features = features.float()
        embeddings = self.network.embedding_of(features)
        labels = self.images.labels[rows.to(self.images.labels.device)]
        metric = self.tuples.metric_loss(embeddings)
        report = {"metric_loss": metric}
        decayed = metric
        if self.run.weight_decay_form == "in-loss" and self.run.weight_decay:
            report["decay"] = decay_loss(decayed_weights(self.network), self.run.weight_decay)
            decayed = metric + report["decay"]
        if not self.synthetic:
            return Losses(decayed, None, None, metric, {**report, "loss": decayed})
        return self.with_synthetic(features, embeddings, labels, metric, decayed, report)

    def with_synthetic(
        self,
        features: Tensor,
        embeddings: Tensor,
        labels: Tensor,
        metric: Tensor,
        decayed: Tensor,
        report: dict[str, Tensor],
    ) -> Losses:
        """The losses with synthetic tuples.

        Args:
            features: y, float [B, d].
            embeddings: z, float [B, D].
            labels: int64 [B].
            metric: J_m.
            decayed: J_m with weight decay, where it is part of the loss.
            report: scalars so far.
        """
        run = self.run
        pulled, factors = self.tuples.pulled(embeddings, self.balance.hardness, run.stop_gradient == "lambda0")
        entering = torch.cat([embeddings, pulled])
        made = self.generator(entering.detach() if run.stop_gradient == "pull" else entering)
        rebuilt, synthetic = made.split([len(embeddings), len(pulled)])
        again = self.network.embedding_of(synthetic, keep_statistics=run.batch_norm_statistics == "both")
        report["synthetic_loss"] = self.tuples.synthetic_loss(again)

        report["reconstruction_loss"] = (1 - run.soft_share) * reconstruction_loss(
            features, rebuilt, run.reconstruction
        )
        recognised, means = self.tuples.recognition(self.classifier(synthetic), labels)
        report["soft_loss"] = run.soft_share * run.soft_factor * recognised
        kept = [
            name
            for name, left_out in (("reconstruction_loss", "no-recon"), ("soft_loss", "no-soft"))
            if run.variant != left_out
        ]
        report["generator_loss"] = torch.stack([report[name] for name in kept]).sum()
        classifier = nn.functional.cross_entropy(self.classifier(features), labels)
        report |= {"classifier_real": classifier, "classifier_synthetic": recognised / means}

        weight = self.balance.weight
        total = weight * decayed + (1 - weight) * report["synthetic_loss"]
        report |= {"loss": total, "lambda0": factors.detach().mean()}
        average = {"weighted-with-decay": weight * decayed, "with-decay": decayed, "metric": metric}[run.metric_average]
        return Losses(
            total, report["generator_loss"], classifier, average, report, self.points(embeddings, pulled, again)
        )

    def log_balance(self, log: EpochLog) -> None:
        """Log hardness, weight and averages as this step used them, and alpha and beta once they are known."""
        if not self.synthetic:
            return
        log.add("lambda", self.balance.hardness)
        log.add("weight", self.balance.weight)
        log.add("metric_average", self.balance.metric.value)
        log.add("generator_average", self.balance.generator.value)
        for name, value in (("alpha", self.balance.alpha), ("beta", self.balance.beta)):
            if value is not None:
                log.set(name, value)

    def points(self, embeddings: Tensor, pulled: Tensor, made: Tensor) -> dict[str, Tensor]:
        """What ``Tuples.seen`` gives, in the first step that pulls and in the last one; else nothing."""
        moments = {self.balance.metric.block: "early", self.total_steps - 1: "late"}
        if self.step_number not in moments:
            return {}
        seen = self.tuples.seen(embeddings, pulled, made)
        return {f"{moments[self.step_number]}-{name}": values for name, values in seen.items()}
