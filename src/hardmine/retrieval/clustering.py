"""k-means with as many clusters as classes, and the agreement of clusters with classes."""

import numpy as np

__all__ = ["cluster", "clustering_metrics", "pairwise_f1"]


def cluster(embeddings: np.ndarray, clusters: int, restarts: int, threads: int = 1) -> np.ndarray:
    """Assign rows to clusters by k-means (faiss), the best of ``restarts`` fixed seeds by objective; int64 [N]."""
    import faiss

    faiss.omp_set_num_threads(threads)
    rows = np.ascontiguousarray(embeddings, dtype=np.float32)
    best: tuple[float, np.ndarray] | None = None
    for seed in range(restarts):
        kmeans = faiss.Kmeans(
            rows.shape[1], clusters, niter=25, seed=seed + 1, min_points_per_centroid=1, max_points_per_centroid=len(rows)
        )
        kmeans.train(rows)
        distances, assignment = kmeans.index.search(rows, 1)
        objective = float(distances.astype(np.float64).sum())
        if best is None or objective < best[0]:
            best = objective, assignment[:, 0]
    assert best is not None
    return best[1].astype(np.int64)


def clustering_metrics(labels: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
    """nmi (arithmetic mean of the entropies), ami, and pairwise f1, in [0, 1]."""
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
