"""BIER: all groups in one forward pass, boosting only in the weights of the pairs, one backward pass."""

from typing import Any

import torch
from torch import Tensor

from hardmine.methods.base import Setup
from hardmine.methods.ensemble import EnsembleMethod
from hardmine.methods.generator import Generator
from hardmine.methods.log import EpochLog
from hardmine.settings.backbones import BackboneSettings
from hardmine.settings.run import RunSettings

from .diversity import Regressors, activation_products, adversarial_products, norm_penalty
from .loss import GroupLoss, group_losses
from .network import BIERNetwork
from .settings import BIER

__all__ = ["BIERMethod"]


class BIERMethod(EnsembleMethod):
    """Boosting independent embeddings robustly, with a diversity loss where asked for."""

    network: BIERNetwork

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, BIER)
        self.run = setup.run
        super().__init__(setup)
        self.draws = setup.generator(1)
        self.parts["draws"] = Generator(self.draws)
        self.regressors: Regressors | None = None
        if self.run.diversity == "adversarial":
            sizes = self.run.sizes(setup.backbone.embedding)
            self.regressors = Regressors(sizes, self.run.hidden).to(setup.device)
            self.parts["regressors"] = self.regressors
        self.add_optimiser(self.parameter_groups())

    @classmethod
    def build_network(cls, run: RunSettings, backbone: BackboneSettings, channels: int, size: int) -> BIERNetwork:
        """The backbone with a linear layer a group."""
        assert isinstance(run, BIER)
        return BIERNetwork(run, backbone, channels, size)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network, and the adversary at the trunk's rate without weight decay."""
        groups = super().parameter_groups()
        if self.regressors is not None:
            rate = self.setup.training.learning_rate
            groups.append({"params": list(self.regressors.parameters()), "lr": rate, "weight_decay": 0.0})
        return groups

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Mean of the groups' losses, and the diversity loss."""
        labels = self.images.labels[rows.to(self.images.labels.device)]
        vectors = [value for name, value in outputs.items() if name != "features"]
        found = group_losses(vectors, labels, self.run, self.draws)
        total = torch.stack([group.value for group in found]).mean()
        log.add("deviance", total)
        for number, (group, vector) in enumerate(zip(found, vectors, strict=True), start=1):
            self._report(number, group, vector, labels, log)
        self._keep(found, labels)
        return total + self.diversity(outputs["features"], log) if "features" in outputs else total

    def diversity(self, features: Tensor, log: EpochLog) -> Tensor:
        """The diversity loss with its weights, a scalar; its gradient reaches the W_k and the adversary only.

        Args:
            features: h, float [n, features].
            log: takes its terms.
        """
        run, views = self.run, self.network.views(features)
        axis = run.norm_axis
        if axis == "released":
            axis = "outputs" if run.diversity == "activation" else "inputs"
        penalty = torch.stack([norm_penalty(matrix, axis) for matrix in self.network.matrices]).sum()
        if self.regressors is None:
            products = activation_products(views)
        else:
            products = adversarial_products(views, self.regressors, run.adversary == "reversed")
            penalty = penalty + self.regressors.penalty()
        log.add("diversity_products", products)
        log.add("norm_penalty", penalty)
        return run.diversity_weight * products + run.norm_weight * penalty

    @torch.no_grad()
    def _report(self, number: int, group: GroupLoss, vectors: Tensor, labels: Tensor, log: EpochLog) -> None:
        """Log one group: loss, mean weights and cosines by sign, the weight of pairs with u < 0, length of z."""
        first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
        same = labels[first] == labels[second]
        name = f"learner{number}"
        log.add(f"{name}_loss", group.value)
        for kind, places in (("positive", same), ("negative", ~same)):
            if places.any():
                log.add(f"{name}_{kind}_weight", group.weights[places].mean())
                log.add(f"{name}_{kind}_cosine", group.similarities[places].mean())
        if len(same):
            violating = group.weights[group.scores < 0].sum() / group.weights.sum().clamp(min=1e-12)
            log.add(f"{name}_violating_weight", violating)
        log.add(f"{name}_length", vectors.norm(dim=1).mean())

    def _keep(self, found: list[GroupLoss], labels: Tensor) -> None:
        """Keep weights and scores of all pairs of the last batch."""
        if self.step_number + 1 == self.total_steps:
            self.diagnostics.keep("weights", torch.stack([group.weights for group in found]))
            self.diagnostics.keep("scores", torch.stack([group.scores for group in found]))
            self.diagnostics.keep("labels", labels)
