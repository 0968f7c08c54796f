"""What methods with several learners share: how much the learners differ, measured on the same images all along."""

from abc import abstractmethod
from itertools import combinations
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from hardmine.backbones import EmbeddingNetwork
from hardmine.images.batches import block_of
from hardmine.mining.classes import some_of_each

from .base import Method, Setup
from .levels import independent_learners, learner_embeddings, similarity_correlations
from .log import EpochLog

__all__ = ["EnsembleMethod", "EnsembleNetwork"]

PROBE = 200
"""Images, at most, on which learners are compared; four a class."""


class EnsembleNetwork(EmbeddingNetwork):
    """A network of several learners."""

    weights: tuple[float, ...]
    """Of the learners' unit embeddings where they are joined, one a learner."""

    @abstractmethod
    def learners(self, images: Tensor) -> list[Tensor]:
        """Embeddings of the learners, not normalised, one float [n, d] each."""

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """The learners joined as ``embedding``, alone as ``learner1``, …, and further joins: ``learner_embeddings``."""
        return learner_embeddings(self.learners(images), self.weights)


class EnsembleMethod(Method):
    """A method with several learners."""

    network_class: ClassVar[type[EmbeddingNetwork]] = EnsembleNetwork
    network: EnsembleNetwork

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        draws = np.random.default_rng([setup.seed, 4])
        classes = draws.permutation(setup.classes)[: PROBE // 4]
        rows = some_of_each(setup.labels, 4, draws)
        self.probe = rows[np.isin(setup.labels[rows], classes)]

    def step(self, log: EpochLog) -> None:
        """One training step; the last of an epoch, and of training, is followed by a look at the learners."""
        super().step(log)
        self.look_at_ends(log)

    def look_at_ends(self, log: EpochLog) -> None:
        """``look`` after the last step of an epoch or of training; for a subclass that has a step of its own."""
        done = self.step_number + 1
        if done % self.steps_per_epoch == 0 or done == self.total_steps:
            self.look(log, last=done == self.total_steps)

    def look(self, log: EpochLog, last: bool) -> None:
        """Report how much the learners' pair similarities correlate; keep the correlations after the last step."""
        if len(self.network.weights) == 1:
            return
        found = self.correlations()
        pairs = list(combinations(range(len(found)), 2))
        mean = float(np.mean([float(found[first, second]) for first, second in pairs]))
        log.set("correlation", mean)
        log.set("independent_learners", independent_learners(len(found), max(0.0, mean)))
        if last:
            self.diagnostics.keep("correlations", found)

    @torch.no_grad()
    def correlations(self) -> Tensor:
        """Correlation of the learners' pair similarities on fixed training images as they are at test, [M, M]."""
        block = block_of(self.setup.size)
        was_training = self.network.training
        self.network.eval()
        parts = [
            self.network.learners(self.images.plain(self.probe[start : start + block]))
            for start in range(0, len(self.probe), block)
        ]
        self.network.train(was_training)
        joined = [torch.cat(learner).float() for learner in zip(*parts, strict=True)]
        return similarity_correlations([torch.nn.functional.normalize(learner, dim=1) for learner in joined])
