"""Miners and batch samplers for a training loop of your own.

What is mined in a batch unpacks into index tensors that losses of pytorch-metric-learning take; what is mined among all
training images gives rows of these. Names and arguments here are kept from one minor version to the next.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.arguments import checked
from hardmine.errors import UserError
from hardmine.methods.hdc.selection import select_pairs
from hardmine.methods.schem.bank import FeatureBank
from hardmine.methods.schem.batcher import SchemBatcher
from hardmine.methods.schem.classification_loss import classification_loss
from hardmine.methods.schem.settings import SCHEM
from hardmine.methods.schem.signatures import ClassSignatures
from hardmine.methods.smart_mining.class_members import ClassMembers
from hardmine.methods.smart_mining.controller import Controller
from hardmine.methods.smart_mining.spheres import OUTSIDE, mine
from hardmine.mining.neighbour_lists import NeighbourSearch, automatic_length
from hardmine.mining.pairs import BatchPairs, pairwise_distances
from hardmine.mining.samplers import BalancedSampler
from hardmine.mining.triplet_selection import (
    all_triplets,
    batch_hard_triplets,
    distance_weighted_triplets,
    semi_hard_triplets,
)
from hardmine.mining.tuples import Triplets, random_negatives

__all__ = [
    "BalancedSampler",
    "HardPairs",
    "SignatureBatches",
    "SphereTriplets",
    "TripletMiner",
    "Triplets",
]

Selection = Literal["all", "random", "semihard", "hard", "distance"]


class TripletMiner:
    """Triplets of a batch: all, one random negative a pair, semi-hard, batch-hard, or distance-weighted.

    Args:
        selection: which.
        margin: of semi-hard triplets, on squared distances of unit vectors.
        seed: of random and distance-weighted ones.

    Raises:
        UserError: there is no such selection.
    """

    def __init__(self, selection: Selection = "semihard", margin: float = 0.2, seed: int = 0) -> None:
        if selection not in get_args(Selection):
            raise UserError(
                f"TripletMiner: selection '{selection}' is none; allowed: {', '.join(get_args(Selection))}."
            )
        self.selection, self.margin = selection, margin
        self._seed = seed
        self._generators: dict[str, torch.Generator] = {}

    @torch.no_grad()
    def __call__(self, embeddings: Tensor, labels: Tensor) -> Triplets:
        """Mine a batch: embeddings float [n, D] of any length, labels int64 [n]; ``a, p, n = miner(…)`` works."""
        unit = functional.normalize(embeddings.detach(), dim=1)
        match self.selection:
            case "random":
                return random_negatives(labels, self._generator("cpu"))
            case "semihard":
                return semi_hard_triplets(pairwise_distances(unit, unit, "squared"), labels, self.margin)
            case "hard":
                return batch_hard_triplets(pairwise_distances(unit, unit, "squared"), labels)
            case "distance":
                distances = pairwise_distances(unit, unit, "euclidean")
                generator = self._generator(str(embeddings.device))
                return distance_weighted_triplets(distances, labels, embeddings.shape[1], generator)
        return all_triplets(labels)

    def _generator(self, device: str) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]


class HardPairs:
    """HDC's mining: the hardest share of a batch's pairs, positives and negatives apart (Yuan et al. 2017, section 3).

    Args:
        ratio: h, the share that is kept.
    """

    def __init__(self, ratio: float = 0.5) -> None:
        if not 0 < ratio <= 1:
            raise UserError(f"HardPairs: ratio {ratio} is no share; allowed: above 0, up to 1.")
        self.ratio = ratio

    @torch.no_grad()
    def __call__(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pairs as losses of pytorch-metric-learning take them: both ends of positives, both of negatives, int64.

        Args:
            embeddings: float [n, D], of any length.
            labels: int64 [n].
        """
        unit = functional.normalize(embeddings.detach(), dim=1)
        (kept,) = select_pairs([functional.pdist(unit).square()], BatchPairs.of(labels), (self.ratio,))
        first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
        return first[kept.positives], second[kept.positives], first[kept.negatives], second[kept.negatives]


@dataclass(frozen=True)
class Mined:
    """Triplets among all training images.

    Attributes:
        triplets: int64 [M, 3], rows: anchor, positive, negative.
        mined: bool [M], which lie outside their sphere; the others are random.
    """

    triplets: np.ndarray
    mined: np.ndarray


class SphereTriplets:
    """Smart Mining: once an epoch, triplets outside an exclusion sphere about each anchor, and its controller.

    Harwood et al. 2017, Algorithm 1 and section 3.3. Tell ``observe`` the share of violating triplets of an epoch, and
    the next ``mine`` takes the scale that its line asks for.

    Args:
        labels: int64 [N], class numbers from 0.
        target_error: share of violating triplets that is wanted.
        kappa: scale of the first sphere, on squared distances.
        kappa_max: the largest.
        index: how neighbours are found: ``exact``, ``hnsw``, ``nsg``.
        length: of a neighbour list; three times the largest class and 64 more unless given.
        seed: of the random parts.

    Raises:
        UserError: there is one class only, or no class has two images.
    """

    def __init__(
        self,
        labels: np.ndarray,
        target_error: float = 0.6,
        kappa: float = 16.0,
        kappa_max: float = 64.0,
        index: Literal["exact", "hnsw", "nsg"] = "exact",
        length: int | None = None,
        seed: int = 0,
    ) -> None:
        self.kappa = kappa
        self._members = ClassMembers(np.asarray(labels))
        self._length = length or automatic_length(np.asarray(labels))
        self._controller = Controller(target_error, kappa_max)
        self._index = index
        self._generator = np.random.default_rng(seed)

    def mine(self, embeddings: Tensor) -> Mined:
        """One triplet for each image whose class has another one, in random order.

        Args:
            embeddings: float [N, D] of all training images, of any length.
        """
        unit = functional.normalize(embeddings.detach().float(), dim=1)
        search = NeighbourSearch(unit, self._index, 2 * self._length)
        anchors = self._generator.permutation(self._members.anchors)
        found = mine(search, anchors, self._length, self._members, self.kappa, self._generator)
        return Mined(found.triplets, found.flags <= OUTSIDE)

    def observe(self, error: float) -> float:
        """Take the share of violating triplets of an epoch; returns the scale of the next one, which ``mine`` takes."""
        self._controller.observe(self.kappa, error)
        self.kappa = self._controller.propose().kappa
        return self.kappa

    def state_dict(self) -> dict[str, Any]:
        """Scale, measurements and random numbers, for checkpoints."""
        state = {"kappa": self.kappa, "controller": self._controller.state_dict()}
        return {**state, "generator": self._generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.kappa = state["kappa"]
        self._controller.load_state_dict(state["controller"])
        self._generator.bit_generator.state = state["generator"]


class SignatureBatches:
    """SCHEM: batches of an anchor class and hard images of hard classes, by class signatures (Suh et al. 2019).

    A batch sampler for a ``DataLoader`` (without workers: each batch hangs on the weights of the moment). Give the
    parameters of ``signatures`` to the optimiser too, add ``loss`` to the triplet loss, and call ``keep`` after each
    step, so that fewer images are embedded again for the search.

    Args:
        labels: int64 [N], class numbers from 0.
        embed: gives rows int64 [k] their embeddings, float [k, D], with the weights of the moment, without gradient.
        dimensions: D.
        device: of signatures and bank.
        seed: of all draws.
        options: keys of ``SCHEM`` that its batches hang on, such as ``groups``, ``group_size``, ``class_pool``,
            ``instance_pool``, ``max_age``.

    Raises:
        UserError: no class has two images, there is one class only, or an option cannot be.
    """

    def __init__(
        self,
        labels: np.ndarray,
        embed: Callable[[np.ndarray], Tensor],
        dimensions: int,
        device: torch.device | str = "cpu",
        seed: int = 0,
        **options: Any,
    ) -> None:
        allowed = ("groups", "group_size", "class_pool", "instance_pool", "class_stage", "instance_stage", "stochastic")
        run = checked(SCHEM, "schem", options, (*allowed, "warmup_steps", "group_similarity", "max_age"))
        labels = np.asarray(labels)
        max_age = None if run.max_age == "unlimited" else run.max_age
        generator = torch.Generator().manual_seed(seed)
        self.signatures = ClassSignatures(int(labels.max()) + 1, dimensions, generator).to(device)
        self.bank = FeatureBank(len(labels), dimensions, max_age, device)

        def unit(rows: np.ndarray) -> Tensor:
            with torch.no_grad():
                return functional.normalize(embed(rows).float(), dim=1)

        self._batcher = SchemBatcher(labels, run, seed, unit, self.signatures, self.bank)

    def loss(self, embeddings: Tensor, labels: Tensor, scale: float = 1.0) -> Tensor:
        """The classification loss that teaches the signatures, a scalar.

        Args:
            embeddings: float [n, D], of any length.
            labels: int64 [n].
            scale: of the cosines; 1 in the paper, higher values make the signatures mean more.
        """
        return classification_loss(functional.normalize(embeddings, dim=1), labels, self.signatures.unit(), scale)

    def keep(self, rows: np.ndarray, embeddings: Tensor) -> None:
        """Put a step's embeddings float [k, D] of ``rows`` int64 [k] into the bank."""
        self.bank.write(np.asarray(rows), functional.normalize(embeddings.detach().float(), dim=1), self._batcher.step)

    def __len__(self) -> int:
        """Batches in a round through as many images as there are."""
        return self._batcher.steps_per_epoch

    def __iter__(self) -> Iterator[list[int]]:
        """The rows of each batch, the anchors first."""
        for _ in range(len(self)):
            yield self._batcher.next_batch().tolist()

    def state_dict(self) -> dict[str, Any]:
        """Draws and bank, for checkpoints; the signatures are a module of their own."""
        return {"batches": self._batcher.state_dict(), "bank": self.bank.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._batcher.load_state_dict(state["batches"])
        self.bank.load_state_dict(state["bank"])
