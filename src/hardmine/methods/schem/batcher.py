"""SCHEM's batches: an anchor group, hard classes by their signatures, hard images in them, a random draw.

The source of batches depends on the weights of the moment, so it is a sampler that asks for embeddings and has state.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from hardmine.errors import UserError

from .bank import Embed, FeatureBank, instance_pool
from .settings import SCHEM
from .signatures import ClassSignatures, class_pool

__all__ = ["Mined", "SchemBatcher"]


@dataclass(frozen=True)
class Mined:
    """A batch and the pools it came from.

    Attributes:
        anchors: int64 [a], images of the anchor class.
        negatives: int64 [m], images of other classes.
        classes: int64, the pool of classes P_c; empty where all classes are allowed.
        pool: int64, the pool of hard images P_s, in its order; empty where any image of any class may come.
        ages: int64, ages of the bank's entries of the pool; empty where no embedding was needed.
    """

    anchors: np.ndarray
    negatives: np.ndarray
    classes: np.ndarray
    pool: np.ndarray
    ages: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The batch, anchors first."""
        return np.concatenate([self.anchors, self.negatives])


class SchemBatcher:
    """Batches of one anchor class and mined negatives.

    Args:
        labels: int64 [N], 0..C-1.
        settings: the method's; ``class_stage`` and ``instance_stage`` make the controls of the same shape.
        seed: of all draws.
        embed: embeds training images with the weights of the moment.
        signatures: of the classes.
        bank: of the images' embeddings.

    Raises:
        UserError: no class has two images, or there is only one class.
    """

    def __init__(
        self,
        labels: np.ndarray,
        settings: SCHEM,
        seed: int,
        embed: Embed,
        signatures: ClassSignatures,
        bank: FeatureBank,
    ) -> None:
        self.labels, self.settings, self.embed = labels, settings, embed
        self.signatures, self.bank = signatures, bank
        sizes = np.bincount(labels)
        order = np.argsort(labels, kind="stable")
        self.members = np.split(order, np.cumsum(sizes)[:-1])
        self._anchor_classes = np.flatnonzero(sizes >= 2)
        self._anchor_images = np.flatnonzero(sizes[labels] >= 2)
        if np.count_nonzero(sizes) < 2 or not len(self._anchor_classes):
            raise UserError(
                f"schem: the training split has {np.count_nonzero(sizes)} classes, {len(self._anchor_classes)} of them "
                "with two images or more; at least 2 classes are needed, one of them with two images."
            )
        self._generator = np.random.default_rng(seed)
        self._nobody = np.empty(0, dtype=np.int64)
        self._round = self._nobody
        self._ahead: np.ndarray | None = None
        self.step = 0
        self.last: Mined | None = None

    @property
    def wanted(self) -> int:
        """Negatives in a batch, (K-1)·eta."""
        return (self.settings.groups - 1) * self.settings.group_size

    @property
    def batch_size(self) -> int:
        """Images in a full batch, K·eta."""
        return self.settings.groups * self.settings.group_size

    @property
    def steps_per_epoch(self) -> int:
        """Batches that hold as many images as there are."""
        return max(1, len(self.labels) // self.batch_size)

    def next_batch(self) -> np.ndarray:
        """The next batch, int64 [n], the anchors first."""
        if self.settings.mining_lag:
            rows = self._ahead if self._ahead is not None else self.mine().rows
            self._ahead = self.mine().rows
        else:
            rows = self.mine().rows
        self.step += 1
        return rows

    def mine(self) -> Mined:
        """Choose a batch with the weights of the moment; steps without gradient, the network stays as it is."""
        anchors = self._anchor_group()
        own = int(self.labels[anchors[0]])
        search = self.step >= self.settings.warmup_steps
        class_search = search and self.settings.class_stage == "search"
        instance_search = search and self.settings.instance_stage == "search"
        embedded = self.embed(anchors) if class_search or instance_search else None
        if embedded is not None:
            self.bank.write(anchors, embedded, self.step)
        everywhere = self.settings.class_stage == "all"
        classes = self._nobody if everywhere else self._classes(own, embedded if class_search else None)
        if instance_search and embedded is not None:
            pool, ages = self._hard_images(own, classes, embedded)
            negatives = self._draw(pool)
        else:
            pool = negatives = self._nobody if everywhere else self._group_of_each(classes)
            ages = self._nobody
        self.last = Mined(anchors, self._filled(own, negatives), classes, pool, ages)
        return self.last

    def _anchor_group(self) -> np.ndarray:
        """B: eta distinct images of one class; of a small class all of them, repeated where the settings say so."""
        if self.settings.anchor_choice == "image":
            label = self.labels[self._generator.choice(self._anchor_images)]
        else:
            if not len(self._round):
                self._round = self._generator.permutation(self._anchor_classes)
            label, self._round = self._round[0], self._round[1:]
        size = self.settings.group_size
        group = self._generator.permutation(self.members[label])[:size]
        return np.resize(group, size) if self.settings.anchor_shortfall == "repeat" else group

    def _classes(self, own: int, anchors: Tensor | None) -> np.ndarray:
        """P_c: nearest to the anchors, or random ones where these are not given."""
        factors = self.settings.class_pool
        factor = int(factors[self._generator.integers(len(factors))]) if self.settings.stochastic else 1
        size = factor * (self.settings.groups - 1)
        if anchors is not None:
            pool = class_pool(anchors, self.signatures.unit().detach(), own, size, self.settings.group_similarity)
            return pool.cpu().numpy()
        others = np.delete(np.arange(len(self.members)), own)
        return self._generator.permutation(others)[:size]

    def _hard_images(self, own: int, classes: np.ndarray, anchors: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """P_s and the ages of its entries in the bank."""
        if len(classes):
            candidates = np.sort(np.concatenate([self.members[label] for label in classes]))
        else:
            candidates = np.flatnonzero(self.labels != own)
        size = self.wanted * (self.settings.instance_pool if self.settings.stochastic else 1)
        how = self.settings.group_similarity
        pool = instance_pool(anchors, candidates, self.bank, self.embed, self.step, size, how)
        searched = len(candidates) > size
        return pool, self.bank.ages(pool, self.step) if searched else self._nobody

    def _draw(self, pool: np.ndarray) -> np.ndarray:
        """The negatives of a batch from the pool of hard images."""
        if self.settings.draw == "with-replacement" and len(pool):
            return self._generator.choice(pool, self.wanted)
        return self._generator.permutation(pool)[: self.wanted]

    def _group_of_each(self, classes: np.ndarray) -> np.ndarray:
        """As many random images as a group has, from each of K-1 classes of the pool."""
        chosen = self._generator.permutation(classes)[: self.settings.groups - 1]
        size = self.settings.group_size
        return np.concatenate([self._generator.permutation(self.members[label])[:size] for label in chosen])

    def _filled(self, own: int, negatives: np.ndarray) -> np.ndarray:
        """Negatives up to the wanted number with unused images of other classes, as far as there are any."""
        missing = self.wanted - len(negatives)
        if missing <= 0:
            return negatives
        unused = self.labels != own
        unused[negatives] = False
        return np.concatenate([negatives, self._generator.permutation(np.flatnonzero(unused))[:missing]])

    def state_dict(self) -> dict[str, Any]:
        """Random numbers, the class order they refer to, the batch mined ahead."""
        return {
            "labels": hashlib.sha256(self.labels.astype(np.int64).tobytes()).hexdigest(),
            "generator": self._generator.bit_generator.state,
            "round": self._round,
            "ahead": self._ahead,
            "step": self.step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved state.

        Raises:
            UserError: it belongs to other images or another order of classes.
        """
        if state["labels"] != self.state_dict()["labels"]:
            raise UserError(
                "schem: the checkpoint belongs to other training images or another order of classes, so its signatures "
                "would stand for the wrong classes. Restore the data set, or delete the checkpoint to train anew."
            )
        self._generator.bit_generator.state = state["generator"]
        self._round = np.array(state["round"], dtype=np.int64)
        self._ahead = None if state["ahead"] is None else np.array(state["ahead"], dtype=np.int64)
        self.step = state["step"]
