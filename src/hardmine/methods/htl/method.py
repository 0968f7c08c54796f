"""HTL: a triplet loss whose margins follow a tree of the classes, renewed as the embedding moves."""

import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.hinge import triplet_loss
from hardmine.methods.log import EpochLog
from hardmine.mining.pairs import pairwise_distances, triplet_masks

from .margins import Margins, margins_of, mean_margin, shuffled_pairs
from .sampler import NeighbourSampler
from .settings import HTL
from .statistics import class_statistics
from .tree import ClassTree, build_tree

__all__ = ["HTLMethod"]


class HTLMethod(Method):
    """Warms up on balanced batches with a flat margin; then builds the tree, at each epoch's start anew."""

    sampler: NeighbourSampler

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, HTL)
        self.run = setup.run
        super().__init__(setup)
        self.margins = Margins()
        self.parts["margins"] = self.margins
        self.add_optimiser(self.parameter_groups())
        self.warmup_steps = round(self.run.warmup * self.total_steps)

    def build_sampler(self) -> NeighbourSampler:
        """Neighbouring classes, once there is a tree."""
        run, setup = self.run, self.setup
        return NeighbourSampler(setup.labels, run.seeds, run.group, run.images_per_class, setup.seed)

    def begin_epoch(self, epoch: int, log: EpochLog) -> None:
        """Build the tree anew; the first is that of ``step``."""
        if self.step_number > self.warmup_steps and self.run.rebuild == "each-epoch":
            self._look(log)

    def step(self, log: EpochLog) -> None:
        """One training step; the first after the warm-up builds the first tree."""
        if self.step_number == self.warmup_steps:
            if self.run.sampler == "random":
                self.sampler.nearest = np.empty((self.setup.classes, 0), dtype=np.int64)
            self._look(log)
        super().step(log)

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """L_M = 1/(2Z)·sum over all Z triplets of [D_ap - D_an + α(y_a, y_n)]_+, a scalar."""
        run = self.run
        unit = functional.normalize(outputs["embedding"], dim=1)
        rows = rows.to(unit.device)
        labels = self.images.labels[rows]
        positives, negatives = triplet_masks(labels, rows, len(rows))
        distances = pairwise_distances(unit, unit, run.distance)
        margin = self.margin_of(labels, positives, negatives)
        found = triplet_loss(distances, positives, negatives, margin, mean="all")
        log.add("violating", found.share)
        with torch.no_grad():
            flat = triplet_loss(distances, positives, negatives, run.flat_margin, mean="all")
            log.add("violating_flat", flat.share)
            used = margin if isinstance(margin, Tensor) else torch.full_like(distances, margin)
            log.add("margin", mean_margin(used, positives, negatives))
        return 0.5 * found.value

    def margin_of(self, labels: Tensor, positives: Tensor, negatives: Tensor) -> Tensor | float:
        """The margin of a batch: a number, or float [n, n] of anchors and negatives.

        Args:
            labels: int64 [n].
            positives: bool [n, n].
            negatives: bool [n, n].
        """
        values = self.margins.values
        if values is None or self.run.margins == "flat":
            return self.run.flat_margin
        margins = values.to(labels.device)[labels[:, None], labels[None, :]]
        if self.run.margins == "mean":
            return mean_margin(margins, positives, negatives).expand_as(margins)
        return margins

    def _look(self, log: EpochLog) -> None:
        """Embed all training images, build the tree, take its margins and neighbours; report on it."""
        run, labels = self.run, self.setup.labels
        if not run.needs_tree:
            return
        start = time.monotonic()
        embedded = functional.normalize(self.embed_training(np.arange(len(labels))).double(), dim=1)
        half = time.monotonic()
        distances, spreads = class_statistics(embedded, labels)
        tree = build_tree(distances, spreads, np.bincount(labels), run.tree_levels, run.linkage)
        heights = tree.heights
        if run.margins == "shuffled":
            heights = shuffled_pairs(heights, np.random.default_rng([self.setup.seed, 2, self.step_number]))
        margins = margins_of(heights, tree.spreads, run.beta, run.margin_floor)
        agreement = self.margins.agreement(distances, run.group - 1)
        self.margins.take(tree, margins)
        if run.sampler == "neighbours":
            self.sampler.nearest = self.margins.nearest
        seconds = f"embedding {half - start:.2f} s, tree {time.monotonic() - half:.2f} s"
        print(f"htl: tree after step {self.step_number}: {seconds}", flush=True)
        if agreement is not None:
            log.set("nearest_kept", agreement)
        self._report(tree, margins, log)

    def _report(self, tree: ClassTree, margins: np.ndarray, log: EpochLog) -> None:
        """Log and keep what the tree looks like."""
        pairs = ~np.eye(len(margins), dtype=bool)
        log.set("spread_mean", float(tree.thresholds[0]))
        for name, values in (("spread", tree.spreads), ("class_distance", tree.distances[pairs])):
            log.set(f"{name}_min", float(values.min()))
            log.set(f"{name}_max", float(values.max()))
        log.set("class_distance_mean", float(tree.distances[pairs].mean()))
        for how in ("min", "mean", "max"):
            log.set(f"margin_{how}", float(getattr(margins[pairs], how)()))
        log.set("margin_negative", float((margins[pairs] < 0).mean()))
        nodes, kept = tree.nodes(), self.diagnostics
        log.set("nodes_level_1", float(nodes[1]))
        shares = np.bincount(tree.levels[pairs], minlength=len(tree.thresholds)) / pairs.sum()
        for name, row in (("nodes", nodes), ("thresholds", tree.thresholds), ("level_shares", shares)):
            line = torch.from_numpy(np.asarray(row, dtype=np.float32))[None]
            before = kept.arrays.get(name)
            kept.keep(name, line if before is None else torch.cat([before, line]))
        seen = torch.tensor([self.step_number * self.images_per_step])
        before = kept.arrays.get("images")
        kept.keep("images", seen if before is None else torch.cat([before, seen]))
        merges = torch.from_numpy(tree.merges.astype(np.float32))
        kept.keep("merges_last", merges)
        if "merges_first" not in kept.arrays:
            kept.keep("merges_first", merges)
