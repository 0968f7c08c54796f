"""k-means with as many clusters as classes, and the agreement of clusters with classes."""

from dataclasses import dataclass

import numpy as np

from .agreement import adjusted_mutual_information, normalised_mutual_information, pairwise_f1
from .lloyd import k_means

__all__ = ["SMALL", "Clustering", "cluster", "clustering_metrics"]

SMALL = 10_000_000
"""Up to this many pairs of a row and a cluster scikit-learn's k-means is used, beyond it ``hardmine.retrieval.lloyd``,
whose start does not take one pass over all rows a cluster."""


@dataclass(frozen=True)
class Clustering:
    """One start of k-means.

    Attributes:
        clusters: int64 [N].
        objective: sum of squared distances to the centres.
    """

    clusters: np.ndarray
    objective: float


def cluster(embeddings: np.ndarray, clusters: int, restarts: int, threads: int = 1) -> list[Clustering]:
    """k-means from ``restarts`` starts with fixed seeds, the best by its objective first, then in the order of starts.

    Random starts leave even well separated clusters merged; these are drawn far from each other (k-means++).
    """
    rows = np.ascontiguousarray(embeddings, dtype=np.float32)
    clusters = min(clusters, len(rows))
    if len(rows) * clusters > SMALL:
        starts = [Clustering(*k_means(rows, clusters, seed, threads)) for seed in range(1, restarts + 1)]
    else:
        starts = _small(rows, clusters, restarts)
    best = min(range(restarts), key=lambda start: starts[start].objective)
    return [starts[best], *starts]


def _small(rows: np.ndarray, clusters: int, restarts: int) -> list[Clustering]:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    draws = np.random.RandomState(1)
    starts = []
    for _ in range(restarts):
        kmeans = KMeans(clusters, n_init=1, random_state=draws, max_iter=100)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters
            assigned = kmeans.fit_predict(rows)
        starts.append(Clustering(assigned.astype(np.int64), float(kmeans.inertia_)))
    return starts


def clustering_metrics(labels: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
    """``nmi`` (arithmetic mean of the entropies) and pairwise ``f1`` in [0, 1]; ``ami``, at most 1, by chance 0."""
    return {
        "nmi": normalised_mutual_information(labels, clusters),
        "ami": adjusted_mutual_information(labels, clusters),
        "f1": pairwise_f1(labels, clusters),
    }
