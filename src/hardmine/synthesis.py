"""HDML's synthesis for a training loop of your own: tuples pulled harder, brought back to features, trained on too.

Names and arguments here are kept from one minor version to the next, as those of ``hardmine.losses``.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hardmine.arguments import Tuples, checked, triplets_of
from hardmine.backbones.layers import glorot
from hardmine.errors import UserError
from hardmine.methods.hdml.loss import decay_loss, reconstruction_loss
from hardmine.methods.hdml.network import Balance, decayed_weights
from hardmine.methods.hdml.settings import HDML
from hardmine.methods.hdml.tuples import tuples_of
from hardmine.methods.head_network import FeatureGenerator

__all__ = ["HDMLSynthesis", "SynthesisLosses", "class_pairs"]

OPTIONS = (
    *("alpha", "beta", "calibrate", "first_lambda", "first_weight", "metric_average", "average_block"),
    *("stop_gradient", "generator_width", "generator_learning_rate", "classifier_learning_rate"),
    *("soft_share", "soft_factor", "reconstruction", "l2", "margin", "weight_decay"),
)
"""Keys of ``HDML`` that an ``HDMLSynthesis`` takes."""
_GROUPS = ("network", "generator", "classifier")


@dataclass(frozen=True)
class SynthesisLosses:
    """What one step has computed; each loss is for weights of its own.

    Attributes:
        network: w·J_m + (1 - w)·J_syn, a scalar, for trunk and head.
        generator: reconstruction and classification, a scalar, for the generator.
        classifier: cross-entropy on real features, a scalar, for the classifier.
        average: what feeds the average that the hardness follows, a scalar.
        report: scalars worth logging by name, ``hardness`` and ``weight`` among them.
    """

    network: Tensor
    generator: Tensor
    classifier: Tensor
    average: Tensor
    report: dict[str, float]


class HDMLSynthesis(nn.Module):
    """Hardness-aware synthesis (Zheng et al. 2019): N-pair or triplet loss on real tuples and on harder, made ones.

    Negatives are pulled towards their anchors among the embeddings, a generator makes features of what was pulled, the
    head embeds these, and the loss on them joins that on real tuples. Hardness and weight follow from averages of the
    losses. Three groups of weights learn, each from its own loss: ``backward`` gives each its gradients.

    Args:
        trunk: images → features y, float [B, d].
        head: features → embeddings z, float [n, D], of any length; as small as one linear layer.
        features: d.
        dimensions: D.
        classes: C; labels are 0 to C - 1.
        base_loss: on pairs or triplets.
        options: ``alpha``, ``beta``, ``calibrate``, ``average_block`` (steps) and others of ``HDML`` that ``OPTIONS``
            lists, with the same defaults.

    Raises:
        UserError: an option is unknown or its value impossible.
    """

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        features: int,
        dimensions: int,
        classes: int,
        base_loss: Literal["npair", "triplet"] = "npair",
        **options: Any,
    ) -> None:
        super().__init__()
        self.run = checked(HDML, "hdml", {"base_loss": base_loss, **options}, ("base_loss", *OPTIONS))
        if self.run.average_block == "epoch":
            raise UserError("HDML: average_block: 'epoch' is not known in a loop of your own; give a number of steps.")
        self.network = nn.ModuleList([trunk, head])
        self.generator = FeatureGenerator(dimensions, self.run.generator_width, features)
        self.classifier = glorot(nn.Linear(features, classes))
        self.balance = Balance(self.run, self.run.average_block)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Groups of weights for one optimiser, Adam in the paper: network, generator, classifier.

        Args:
            learning_rate: of trunk and head; the others have rates of their own among the options.
        """
        rates = (learning_rate, self.run.generator_learning_rate, self.run.classifier_learning_rate)
        return [{"params": self._weights(name), "lr": rate} for name, rate in zip(_GROUPS, rates, strict=True)]

    def forward(self, images: Tensor, labels: Tensor, tuples: Tuples = None) -> SynthesisLosses:
        """All losses of a batch.

        Args:
            images: what the trunk takes, B of them.
            labels: int64 [B].
            tuples: for ``triplet`` those of a miner, all of the batch unless given; for ``npair`` two index tensors,
                anchors and positives, each pair of another class; ``class_pairs`` unless given.

        Raises:
            UserError: the batch has no negatives, or the tuples are not of the base loss.
        """
        run, (trunk, head) = self.run, self.network
        places = self._places(labels, tuples)
        form = tuples_of(run)
        form.n = len(places[0])  # type: ignore[attr-defined]
        rows = torch.cat(places)
        features, labels = trunk(images)[rows], labels[rows]
        embeddings = head(features)
        metric = form.metric_loss(embeddings)
        decayed = metric + decay_loss(decayed_weights(self.network), run.weight_decay) if run.weight_decay else metric

        pulled, _ = form.pulled(embeddings, self.balance.hardness, run.stop_gradient == "lambda0")
        entering = torch.cat([embeddings, pulled])
        made = self.generator(entering.detach() if run.stop_gradient == "pull" else entering)
        rebuilt, synthetic = made.split([len(embeddings), len(pulled)])
        harder = form.synthetic_loss(head(synthetic))
        recognised, _ = form.recognition(self.classifier(synthetic), labels)
        rebuilding = (1 - run.soft_share) * reconstruction_loss(features, rebuilt, run.reconstruction)
        generator = rebuilding + run.soft_share * run.soft_factor * recognised

        weight = self.balance.weight
        total = weight * decayed + (1 - weight) * harder
        average = {"weighted-with-decay": weight * decayed, "with-decay": decayed, "metric": metric}[run.metric_average]
        classifier = nn.functional.cross_entropy(self.classifier(features), labels)
        named = {"metric_loss": metric, "synthetic_loss": harder, "generator_loss": generator, "loss": total}
        report = {name: float(value.detach()) for name, value in named.items()}
        report |= {"hardness": self.balance.hardness, "weight": weight}
        return SynthesisLosses(total, generator, classifier, average, report)

    def backward(self, losses: SynthesisLosses) -> None:
        """Give every group of weights the gradient of its own loss, in place of ``backward()`` of a loss.

        The averages take this step's values, so call it once for each ``forward``.

        Args:
            losses: of the last ``forward``.
        """
        for name in _GROUPS:
            weights = [weight for weight in self._weights(name) if weight.requires_grad]
            found = torch.autograd.grad(
                getattr(losses, name), weights, retain_graph=name != "classifier", allow_unused=True
            )
            for weight, gradient in zip(weights, found, strict=True):
                weight.grad = gradient
        self.balance.push(float(losses.average.detach()), float(losses.generator.detach()))

    def get_extra_state(self) -> dict[str, Any]:
        """The averages, and alpha and beta, for checkpoints."""
        return self.balance.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take them from a checkpoint."""
        self.balance.load_state_dict(state)

    def _weights(self, group: str) -> list[nn.Parameter]:
        return list(getattr(self, group).parameters())

    def _places(self, labels: Tensor, tuples: Tuples) -> tuple[Tensor, ...]:
        """Index tensors of anchors, positives, and negatives for triplets; int64 [n] each."""
        if self.run.base_loss == "triplet":
            places: tuple[Tensor, ...] = triplets_of(labels, tuples)
        else:
            places = class_pairs(labels) if tuples is None else tuple(tuples)
            if len(places) != 2:
                raise UserError(f"tuples: npair takes two tensors, anchors and positives; {len(places)} were given.")
        least = 2 if self.run.base_loss == "npair" else 1
        if len(places[0]) < least:
            raise UserError(
                "HDMLSynthesis: the batch has no negatives; npair needs two classes with two images each, triplet two "
                "images of a class and one of another."
            )
        return places


def class_pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """The first two images of every class that has two: anchors and positives, int64 [n] each.

    Args:
        labels: int64 [B].
    """
    order = labels.argsort(stable=True)
    _, counts = labels[order].unique_consecutive(return_counts=True)
    starts = (counts.cumsum(0) - counts)[counts > 1]
    return order[starts], order[starts + 1]
