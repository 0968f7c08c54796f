"""The medoids of a batch: greedy, refined, from the classes' own medoids too; without gradient, in float64.

Symbols: n images, δ their distances, k classes and so medoids S, F(S) = -sum over i of min over j in S of δ_ij, Δ how
wrong the clustering is. Ties go to the lower row, after rounding to 12 digits; a medoid is its own, duplicates or not.
"""

from dataclasses import dataclass

import numpy as np

from .partitions import wrongness

__all__ = ["Clustering", "MedoidSearch", "facility_search"]

DIGITS = 12


@dataclass(frozen=True)
class Clustering:
    """Medoids and the clustering by them.

    Attributes:
        medoids: int64 [k], rows, in the order in which they came.
        owners: int64 [n], the medoid's row of each image.
        value: F(S).
        wrong: Δ(S).
    """

    medoids: np.ndarray
    owners: np.ndarray
    value: float
    wrong: float


class MedoidSearch:
    """Looks for the clustering that maximises F(S) + γΔ(S).

    Args:
        distances: δ, float [n, n].
        labels: int64 [n], any numbers.
        gamma: γ, on the sum over images.
        margin: see ``wrongness``.

    Attributes:
        evaluations: clusterings whose Δ was computed.
    """

    def __init__(self, distances: np.ndarray, labels: np.ndarray, gamma: float, margin: str = "nmi") -> None:
        self.distances = np.round(distances.astype(np.float64), DIGITS)
        names, self.classes = np.unique(labels, return_inverse=True)
        self.count, self.gamma, self.margin = len(names), gamma, margin
        self.evaluations = 0

    def greedy(self) -> np.ndarray:
        """K rounds, each adding the image that raises F + γΔ most; int64 [k]."""
        images = len(self.classes)
        medoids = np.empty(0, dtype=np.int64)
        for _ in range(self.count):
            candidates = np.setdiff1d(np.arange(images), medoids)
            owners, nearest = self._with_each(medoids, candidates)
            scores = self._scores(-nearest.sum(axis=1), owners)
            medoids = np.append(medoids, candidates[_best(scores)])
        return medoids

    def refine(self, medoids: np.ndarray, rounds: int) -> np.ndarray:
        """In each round and for each cluster in turn, the member that serves best as its medoid; int64 [k].

        A member's score is the sum of its distances to the members as they were at the round's start, and γΔ of the
        clustering with it: so F + γΔ never falls.
        """
        medoids = medoids.copy()
        for _ in range(rounds):
            before, owners = medoids.copy(), self.clustering(medoids).owners
            for place, medoid in enumerate(before):
                members = np.flatnonzero(owners == medoid)
                swapped, _ = self._with_each(np.delete(medoids, place), members)
                sums = -self.distances[np.ix_(members, members)].sum(axis=1)
                medoids[place] = members[_best(self._scores(sums, swapped))]
            if np.array_equal(medoids, before):
                break
        return medoids

    def clustering(self, medoids: np.ndarray) -> Clustering:
        """What medoids, int64 [k], give."""
        owners, nearest = self._with_each(medoids[:-1], medoids[-1:])
        wrong = float(wrongness(self._tables(owners), self.margin)[0])
        return Clustering(medoids, owners[0], -float(nearest.sum()), wrong)

    def of_classes(self) -> np.ndarray:
        """The best medoid of each class, int64 [k], by class."""
        medoids = []
        for label in range(self.count):
            members = np.flatnonzero(self.classes == label)
            sums = self.distances[np.ix_(members, members)].sum(axis=1)
            medoids.append(members[_best(-sums)])
        return np.array(medoids)

    def score(self, found: Clustering) -> float:
        """F + γΔ."""
        return found.value + self.gamma * found.wrong

    def _with_each(self, medoids: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Owners int64 [m, n] and distances to them float64 [m, n], with each of m candidates beside the medoids."""
        images = np.arange(len(self.classes))
        base_owner, base = np.full(len(images), len(images)), np.full(len(images), np.inf)
        if len(medoids):
            ordered = np.sort(medoids)
            columns = self.distances[:, ordered]
            base_owner, base = ordered[columns.argmin(axis=1)], columns.min(axis=1)
            base_owner[medoids], base[medoids] = medoids, 0.0
        new = self.distances[candidates]
        closer = (new < base) | ((new == base) & (candidates[:, None] < base_owner))
        closer[:, medoids] = False
        closer[np.arange(len(candidates)), candidates] = True
        return np.where(closer, candidates[:, None], base_owner), np.where(closer, new, base)

    def _scores(self, sums: np.ndarray, owners: np.ndarray) -> np.ndarray:
        """Sums + γΔ, float64 [m]; -inf for those that cannot be the best, since Δ is at most 1."""
        scores = np.full(len(sums), -np.inf)
        first = _best(sums)
        for chosen in (np.array([first]), np.flatnonzero(sums + self.gamma >= sums[first] - 10.0**-DIGITS)):
            chosen = chosen[(sums[chosen] + self.gamma >= scores.max() - 10.0**-DIGITS) & np.isneginf(scores[chosen])]
            if len(chosen):
                scores[chosen] = sums[chosen] + self.gamma * wrongness(self._tables(owners[chosen]), self.margin)
                self.evaluations += len(chosen)
        return scores

    def _tables(self, owners: np.ndarray) -> np.ndarray:
        """Images in each cluster and class, int64 [m, K, C]."""
        lines, images = owners.shape
        slots = np.zeros((lines, images), dtype=np.int64)
        slots[np.arange(lines)[:, None], owners] = 1
        slots = slots.cumsum(axis=1) - 1
        clusters = int(slots.max()) + 1
        places = np.take_along_axis(slots, owners, axis=1) + clusters * np.arange(lines)[:, None]
        flat = (places * self.count + self.classes[None]).ravel()
        return np.bincount(flat, minlength=lines * clusters * self.count).reshape(lines, clusters, self.count)


def facility_search(search: MedoidSearch, rounds: int = 5, warm: bool = True) -> tuple[Clustering, dict[str, float]]:
    """The clustering of a batch that scores best, and what the parts of the search gained.

    Args:
        search: of the batch.
        rounds: of refinement, at most.
        warm: refine from the classes' own medoids too, and keep the better; then F(S) + γΔ is at least that of the
            classes' medoids.
    """
    start = search.greedy()
    greedy = search.clustering(start)
    found = search.clustering(search.refine(start, rounds))
    gains = {"refine_gain": search.score(found) - search.score(greedy), "warm_gain": 0.0}
    if warm:
        other = search.clustering(search.refine(search.of_classes(), rounds))
        gain = search.score(other) - search.score(found)
        if gain > 10.0**-DIGITS:
            found, gains["warm_gain"] = other, gain
    return found, gains


def _best(scores: np.ndarray) -> int:
    """Place of the largest score, the first among equal ones."""
    return int(np.round(scores, DIGITS).argmax())
