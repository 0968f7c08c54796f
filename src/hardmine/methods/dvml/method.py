"""DVML: an embedding for what a class has in common, a Gaussian for what varies, the metric loss on both together."""

from typing import Any

import torch
from torch import Tensor, nn

from hardmine.methods.base import Setup
from hardmine.methods.generator import Generator
from hardmine.methods.head_network import FeatureGenerator, HeadNetwork
from hardmine.methods.made_samples import (
    COMPARE_EVERY,
    compare_gradients,
    early_and_late,
    labels_kept,
    steps_of_share,
)
from hardmine.methods.routed import GroupLosses, RoutedMethod
from hardmine.mining import PairSampler, TripletSampler
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .loss import divergence, metric_loss, reconstruction_loss, variations
from .settings import DVML
from .variation import Variation, batch_recall

__all__ = ["DVMLMethod"]


class DVMLMethod(RoutedMethod):
    """Four losses: L1 divergence, L2 reconstruction, L3 on varied embeddings, L4 on embeddings.

    The decoder gets the gradient of L2; the network, with the layers of means and variances, that of the weighted sum,
    in which L2 is a constant in the first phase, unless ``detach_target`` is off.
    """

    network: HeadNetwork

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, DVML)
        self.run = setup.run
        super().__init__(setup)
        self.noise = setup.generator(1)
        self.parts["noise"] = Generator(self.noise)
        features, dimensions = self.network.head.in_features, self.network.head.out_features
        self.variation: Variation | None = None
        if self.run.encodes:
            self.variation = Variation(features, dimensions, self.run.prior_width, self.run.variation_start)
            self.parts["variation"] = self.variation.to(setup.device)
        self.add_optimiser(self.parameter_groups())
        self.decoder: FeatureGenerator | None = None
        if self.run.decodes:
            width, normalised = self.run.decoder_width, self.run.decoder_batch_norm
            self.decoder = FeatureGenerator(dimensions, width, features, normalised)
            self.add_group("decoder", self.decoder, self.run.decoder_learning_rate)

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> HeadNetwork:
        """Backbone, and the head of the settings."""
        assert isinstance(run, DVML)
        normalised = run.head == "batch-norm-linear"
        return HeadNetwork(backbone, channels, size, normalised, run.batch_norm_momentum, run.head_start)

    def build_sampler(self) -> PairSampler | TripletSampler:
        """Anchors, positives, and negatives for triplets."""
        sampler = PairSampler if self.run.base_loss == "npair" else TripletSampler
        return sampler(self.setup.labels, self.run.tuples, self.run.batches == "covering", self.setup.seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network, and the layers of means and variances at the rate of its head."""
        training, own = self.setup.training, self.parameters_of("network")
        known = {id(weight) for weight in self.network.parameters()}
        groups = super().parameter_groups()
        if self.variation is not None:
            beside = [weight for weight in own if id(weight) not in known]
            groups.append({"params": beside, "lr": training.learning_rate * training.head_rate})
        return groups

    def parameters_of(self, group: str) -> list[nn.Parameter]:
        """The weights of a group; the layers of means and variances belong to the network's."""
        own = super().parameters_of(group)
        return own + list(self.variation.parameters()) if group == "network" and self.variation is not None else own

    @property
    def second_phase(self) -> bool:
        """Whether the running step lets the reconstruction reach the network."""
        return self.step_number >= steps_of_share(self.run.first_share, self.total_steps)

    def losses(self, rows: Tensor) -> GroupLosses:
        """The losses of a batch; see ``from_features``."""
        with self.precision():
            features = self.network.features(self.augmented(rows))
        shape = (self.run.draws, len(rows), self.network.head.out_features)
        noise = torch.randn(shape, generator=self.noise).to(features.device)
        return self.from_features(features.float(), self.images.labels[rows.to(self.images.labels.device)], noise)

    def from_features(self, features: Tensor, labels: Tensor, noise: Tensor) -> GroupLosses:
        """The losses of a batch.

        Args:
            features: y, float [B, d], anchors, positives, and negatives for triplets.
            labels: int64 [B].
            noise: eps, float [T, B, D].
        """
        normed = self.network.normed(features)
        embeddings = self.network.head(normed)
        metric = metric_loss(embeddings, self.run)
        report = {"metric_loss": metric}
        if self.run.variant == "base":
            return GroupLosses({"network": metric}, {**report, "loss": metric})
        if self.variation is None:
            added = self.run.noise_width * noise
        else:
            mean, logs = self.variation(normed)
            added = variations(mean, logs, noise, self.run.sampling)
            report |= self.encoded(embeddings, labels, mean, logs)
        used = added[0].roll(1, 0) if self.run.variation_from == "shuffled" else added[0]
        varied = embeddings + used
        report["synthetic_loss"] = metric_loss(varied, self.run)
        groups = {}
        if self.decoder is not None:
            groups["decoder"] = report["reconstruction_loss"] = self.rebuilt(features, embeddings + added, report)
        groups["network"] = report["loss"] = self.weighted(report)
        report |= self.seen(embeddings, labels, varied, used)
        if self.step_number % COMPARE_EVERY == 0:
            report |= compare_gradients(self.parameters_of("network"), metric, report["synthetic_loss"])
        return GroupLosses(groups, report, self.points(embeddings, varied))

    def weighted(self, report: dict[str, Tensor]) -> Tensor:
        """The sum of the losses with the weights of the phase; one that the variant leaves out is 0."""
        weights = self.run.second_weights if self.second_phase else self.run.first_weights
        names = ("kl_loss", "reconstruction_loss", "synthetic_loss", "metric_loss")
        left_out = "synthetic_loss" if self.run.variant == "no-sample" else ""
        terms = [
            weight * report[name]
            for name, weight in zip(names, weights, strict=True)
            if name in report and name != left_out
        ]
        return torch.stack(terms).sum()

    def rebuilt(self, features: Tensor, varied: Tensor, report: dict[str, Tensor]) -> Tensor:
        """L2.

        Args:
            features: y, float [B, d].
            varied: embeddings with every draw of their variation, float [T, B, D].
            report: takes the error's share of the features' variance.
        """
        assert self.decoder is not None
        run = self.run
        entering = (varied if self.second_phase else varied.detach()).flatten(0, 1)
        rebuilt = self.decoder(entering).unflatten(0, varied.shape[:2])
        errors = (features - rebuilt).detach().pow(2).mean(dim=(0, 1)).sum()
        report["unexplained"] = errors / features.detach().var(dim=0, unbiased=False).sum().clamp(min=1e-12)
        target = features.detach() if run.detach_target else features
        return reconstruction_loss(target, rebuilt, run.reconstruction, run.scales)

    def encoded(self, embeddings: Tensor, labels: Tensor, mean: Tensor, logs: Tensor) -> dict[str, Tensor]:
        """L1, and what is known of means and variances; now and then the recall within the batch of each vector.

        Args:
            embeddings: float [B, D].
            labels: int64 [B].
            mean: mu, float [B, D].
            logs: log sigma², float [B, D].
        """
        each = divergence(mean, logs, self.run.prior_width)
        found = {"kl_loss": each.mean() if self.run.scales == "per-dimension" else each.sum(dim=1).mean()}
        found |= {"kl": each.detach().mean(), "mean_size": mean.detach().abs().mean()}
        found["sigma"] = (logs.detach() / 2).exp().mean()
        if self.step_number % COMPARE_EVERY == 0:
            pairs = slice(0, 2 * self.run.tuples)
            for name, vectors in (("embedding", embeddings), ("mean", mean), ("sum", embeddings + mean)):
                found[f"batch_recall_{name}"] = batch_recall(vectors[pairs], labels[pairs])
        return found

    @torch.no_grad()
    def seen(self, embeddings: Tensor, labels: Tensor, varied: Tensor, added: Tensor) -> dict[str, Tensor]:
        """Lengths of embeddings and variations, the latter beside the distance of a pair, and labels kept."""
        anchors, positives = embeddings.split(self.run.tuples)[:2]
        apart = (anchors - positives).norm(dim=1).mean().clamp(min=1e-12)
        return {
            "embedding_length": embeddings.norm(dim=1).mean(),
            "variation_ratio": added.norm(dim=1).mean() / apart,
            "kept_label": labels_kept(embeddings, labels, varied, labels),
            "second_phase": embeddings.new_tensor(float(self.second_phase)),
        }

    def points(self, embeddings: Tensor, varied: Tensor) -> dict[str, Tensor]:
        """The other tuples' last images, real and varied, as offsets from the first anchor."""
        moment = early_and_late(0, self.total_steps).get(self.step_number)
        if moment is None:
            return {}
        n, last = self.run.tuples, slice(len(embeddings) - self.run.tuples + 1, None)
        anchor = embeddings[:1]
        found = {"positives": embeddings[n : n + 1], "negatives": embeddings[last], "synthetic": varied[last]}
        return {f"{moment}-{name}": values - anchor for name, values in found.items()}
