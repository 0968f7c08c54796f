"""SCHEM: batches mined by class signatures and a feature bank, a violating-mean triplet loss, classification."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.base import Method, Setup
from hardmine.methods.hinge import triplet_loss
from hardmine.methods.log import EpochLog
from hardmine.mining.classes import some_of_each
from hardmine.mining.pairs import pairwise_distances, triplet_masks

from .bank import FeatureBank
from .batcher import SchemBatcher
from .classification_loss import classification_floor, classification_loss
from .search_quality import bank_agreement, hard_class_pairs, signature_recall
from .settings import SCHEM
from .signatures import ClassSignatures, group_similarity

__all__ = ["SchemMethod"]

RECALL_CLASSES = 500
"""Classes that signature recall is measured among: with thousands of them it would take as long as the epoch."""


class SchemMethod(Method):
    """Mines a batch with the weights of the moment, trains on it, and writes its embeddings back to the bank."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.run, SCHEM)
        self.run = setup.run
        super().__init__(setup)
        self.parts |= {"signatures": self.signatures, "bank": self.bank}
        self.add_optimiser(self.parameter_groups())
        batcher = self.sampler
        print(f"schem: batches of {batcher.batch_size} images of its own; training.batch is not used.", flush=True)
        largest = max(self.run.class_pool) * (self.run.groups - 1)
        if self.run.stochastic and largest > setup.classes - 1:
            print(f"schem: pools of {largest} classes are cut to the {setup.classes - 1} there are.", flush=True)

    def build_sampler(self) -> SchemBatcher:
        """The batcher with what it searches: signatures and bank."""
        setup, run = self.setup, self.run
        dimensions = setup.backbone.embedding
        self.signatures = ClassSignatures(setup.classes, dimensions, setup.generator(1)).to(setup.device)
        max_age = None if run.max_age == "unlimited" else run.max_age
        half = run.bank_precision == "float16"
        self.bank = FeatureBank(len(setup.labels), dimensions, max_age, setup.device, half)
        return SchemBatcher(setup.labels, run, setup.seed, self.embed_for_mining, self.signatures, self.bank)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network; the signatures at their own rate, never decayed, since that would change how fast they turn."""
        rate = self.setup.training.learning_rate * self.run.signature_rate
        own = {"params": list(self.signatures.parameters()), "lr": rate, "weight_decay": 0.0}
        return [*super().parameter_groups(), own]

    def begin_epoch(self, epoch: int, log: EpochLog) -> None:
        """Fill or refresh the bank where the settings ask for it; report how good the searches are."""
        run, everything = self.run, np.arange(len(self.setup.labels))
        first_pass = epoch == 0 and (run.instance_stage == "search" or run.signature_start == "class-mean")
        if first_pass or (run.refresh_epochs and epoch and epoch % run.refresh_epochs == 0):
            self.bank.write(everything, self.embed_for_mining(everything), self.step_number)
        if epoch == 0 and run.signature_start == "class-mean":
            self.signatures.start_from_means(self.bank.read(everything), self.images.labels)
        draws = np.random.default_rng([self.setup.seed, epoch])
        if run.classification_weight:
            self._report_signatures(draws, log)
            if epoch < 2:
                self._keep_pairs(("start", "first")[epoch])
        if epoch and run.instance_stage == "search":
            self._report_bank(draws, log)

    def step(self, log: EpochLog) -> None:
        """One training step: mine, forward, loss, write back, update."""
        rows = self.sampler.next_batch()
        self.set_learning_rates()
        numbers = torch.from_numpy(rows)
        loss = self.update_on(self._views(rows), lambda outputs: self.loss(outputs, numbers, log))
        if self.run.signature_renormalise:
            self.signatures.renormalise()
        log.add("loss", loss)
        self._report_pool(log)
        if self.run.classification_weight and self.step_number + 1 == self.total_steps:
            self._keep_pairs("last")

    def loss(self, outputs: dict[str, Tensor], rows: Tensor, log: EpochLog) -> Tensor:
        """Triplet loss, and the classification loss with its weight; the embeddings go to the bank."""
        run = self.run
        unit = functional.normalize(outputs["embedding"], dim=1)
        self.bank.write(rows.numpy(), unit, self.step_number)
        rows = rows.to(unit.device)
        labels = self.images.labels[rows]
        anchors = int((labels == labels[0]).sum())
        scope = anchors if run.triplet_scope == "anchor-class" else len(rows)
        positives, negatives = triplet_masks(labels, rows, scope)
        distances = pairwise_distances(unit[:scope], unit, run.distance)
        triplets = triplet_loss(distances, positives, negatives, run.margin, run.triplet_mean)
        total = triplets.value
        log.add("triplet_loss", triplets.value)
        log.add("violating", triplets.share)
        log.add("batch_images", len(rows))
        with torch.no_grad():
            log.add("negative_similarity", group_similarity(unit[:anchors], unit[anchors:]).mean())
        if run.classification_weight:
            seen = slice(anchors if run.classification_scope == "anchors" else None)
            signatures, scale = self.signatures.unit(), run.classification_scale
            classification = classification_loss(unit[seen], labels[seen], signatures, scale)
            total = total + run.classification_weight * classification
            log.add("classification_loss", classification)
            log.add("classification_above_floor", classification - classification_floor(len(signatures), scale))
        return total

    @torch.no_grad()
    def embed_for_mining(self, rows: np.ndarray) -> Tensor:
        """Embeddings that the searches compare, float32 [k, D], length 1; the network stays as it is."""
        if self.run.mining_mode == "eval":
            return self.embed_training(rows)
        kept = {name: value.clone() for name, value in self.network.named_buffers()}
        blocks = [rows[start : start + 500] for start in range(0, len(rows), 500)]
        embedded = [next(iter(self.network.embed(self.images.augmented(block)).values())).float() for block in blocks]
        for name, value in self.network.named_buffers():
            value.copy_(kept[name])
        return torch.cat(embedded)

    def _views(self, rows: np.ndarray) -> Tensor:
        """Images to train on: augmented, negatives plain where the settings ask for what the search saw."""
        if self.run.negative_view == "independent":
            return self.images.augmented(rows)
        labels = self.setup.labels[rows]
        anchors = int((labels == labels[0]).sum())
        return torch.cat([self.images.augmented(rows[:anchors]), self.images.plain(rows[anchors:])])

    def _report_pool(self, log: EpochLog) -> None:
        """Mean age of the embeddings that the pool of hard images was chosen by, and the greatest of the epoch."""
        mined = self.sampler.last
        if mined is not None and len(mined.ages):
            log.add("bank_age", float(mined.ages.mean()))
            log.set("bank_age_max", max(log.means().get("bank_age_max", 0.0), float(mined.ages.max())))

    def _report_signatures(self, draws: np.random.Generator, log: EpochLog) -> None:
        """Signature recall over 64 of up to 500 drawn classes, pools of the middle size, four fresh images a class."""
        rows = some_of_each(self.setup.labels, 4, draws)
        drawn = draws.permutation(self.setup.classes)[:RECALL_CLASSES]
        searched = np.sort(drawn)
        rows = rows[np.isin(self.setup.labels[rows], searched)]
        labels, anchors = (np.searchsorted(searched, classes) for classes in (self.setup.labels[rows], drawn[:64]))
        size = sorted(self.run.class_pool)[len(self.run.class_pool) // 2] * (self.run.groups - 1)
        signatures = self.signatures.unit().detach()[torch.from_numpy(searched).to(self.setup.device)]
        log.set("signature_recall", signature_recall(self.embed_training(rows), labels, signatures, anchors, size))

    def _report_bank(self, draws: np.random.Generator, log: EpochLog) -> None:
        """Correlation of similarities by usable bank entries with fresh ones, for one anchor group and 200 images."""
        labels = self.setup.labels
        everything = np.arange(len(labels))
        anchors = np.flatnonzero(labels == labels[draws.integers(len(labels))])[: self.run.group_size]
        rows = draws.permutation(everything[~self.bank.stale(everything, self.step_number)])[:200]
        fresh = self.embed_for_mining(np.concatenate([anchors, rows]))
        group, fresh = fresh[: len(anchors)], fresh[len(anchors) :]
        agreement = bank_agreement(group, self.bank.read(rows), fresh, self.run.group_similarity)
        if agreement is not None:
            log.set("bank_correlation", agreement)

    def _keep_pairs(self, moment: str) -> None:
        """Keep an image of each class of the six closest pairs of signatures: rows of the packed array."""
        classes = np.random.default_rng(self.setup.seed).permutation(self.setup.classes)[:1000]
        pairs, similarities = hard_class_pairs(self.signatures.unit().detach(), classes, 6)
        first = np.unique(self.setup.labels, return_index=True)[1]
        self.diagnostics.keep(f"hard_pairs_{moment}", torch.from_numpy(self.images.store.rows[first[pairs]]))
        self.diagnostics.keep(f"hard_pairs_{moment}_similarity", torch.from_numpy(similarities))
