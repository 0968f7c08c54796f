"""k-means with as many clusters as classes, and the agreement of clusters with classes."""

import numpy as np

__all__ = ["cluster", "clustering_metrics", "pairwise_f1"]


def cluster(embeddings: np.ndarray, clusters: int, restarts: int) -> np.ndarray:
    """Assign rows to clusters by k-means from k-means++ starts, the best of ``restarts`` by objective; int64 [N].

    Random starts (the default of faiss) leave even well separated clusters merged.
    """
    from sklearn.cluster import KMeans

    kmeans = KMeans(clusters, n_init=restarts, random_state=1, max_iter=100)
    return kmeans.fit_predict(np.ascontiguousarray(embeddings, dtype=np.float32)).astype(np.int64)


def clustering_metrics(labels: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
    """Nmi (arithmetic mean of the entropies), ami, and pairwise f1, in [0, 1]."""
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

    return {
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "ami": float(adjusted_mutual_info_score(labels, clusters)),
        "f1": pairwise_f1(labels, clusters),
    }


def pairwise_f1(labels: np.ndarray, clusters: np.ndarray) -> float:
    """F1 of "in one cluster" as a prediction of "in one class", over all pairs of items."""
    pairs = np.unique(np.stack([labels, clusters]), axis=1, return_counts=True)[1]
    both = _pairs(pairs)
    in_classes = _pairs(np.unique(labels, return_counts=True)[1])
    in_clusters = _pairs(np.unique(clusters, return_counts=True)[1])
    return 2 * both / (in_classes + in_clusters) if in_classes + in_clusters else 0.0


def _pairs(counts: np.ndarray) -> float:
    wide = counts.astype(np.float64)
    return float((wide * (wide - 1) / 2).sum())
