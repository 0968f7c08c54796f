"""How far two partitions of the same items agree."""

import numpy as np

__all__ = ["adjusted_mutual_information", "normalised_mutual_information", "pairwise_f1"]


def normalised_mutual_information(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Mutual information over the arithmetic mean of the entropies; 1 for two trivial partitions."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters))


def adjusted_mutual_information(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Mutual information above what chance gives, over the mean entropy above it (Vinh et al. 2010).

    1 for equal partitions. Clusters of one size are treated together: with thousands of classes that takes
    milliseconds where one step for each pair of a class and a cluster takes long.
    """
    in_classes, in_clusters = (np.unique(numbers, return_counts=True)[1] for numbers in (labels, clusters))
    cells, counts = np.unique(np.stack([labels, clusters]), axis=1, return_counts=True)
    if len(counts) == len(in_classes) == len(in_clusters):
        return 1.0
    class_sizes = in_classes[np.searchsorted(np.unique(labels), cells[0])]
    cluster_sizes = in_clusters[np.searchsorted(np.unique(clusters), cells[1])]
    items = len(labels)
    information = float((counts / items * np.log(items * counts / (class_sizes * cluster_sizes))).sum())
    chance = _expected_information(in_classes, in_clusters, items)
    above = (_entropy(in_classes) + _entropy(in_clusters)) / 2 - chance
    least = float(np.finfo(np.float64).eps)
    return (information - chance) / (min(above, -least) if above < 0 else max(above, least))


def _entropy(counts: np.ndarray) -> float:
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _expected_information(in_classes: np.ndarray, in_clusters: np.ndarray, items: int) -> float:
    """Expected mutual information of two random partitions with these sizes (Vinh et al. 2010, theorem 1)."""
    from scipy.special import gammaln

    total = 0.0
    for size, classes in zip(*np.unique(in_classes, return_counts=True), strict=True):
        for other, clusters in zip(*np.unique(in_clusters, return_counts=True), strict=True):
            shared = np.arange(max(1, size + other - items), min(size, other) + 1)
            chance = gammaln([size + 1, other + 1, items - size + 1, items - other + 1]).sum() - gammaln(items + 1)
            for rest in (shared, size - shared, other - shared, items - size - other + shared):
                chance = chance - gammaln(rest + 1)
            terms = shared / items * np.log(items * shared / (int(size) * int(other))) * np.exp(chance)
            total += int(classes) * int(clusters) * float(terms.sum())
    return total


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
