"""NMI against pytorch-metric-learning's calculator: python -m benchmarks.clustering [10k|60k|200k].

As many clusters as classes. The objective is the sum of squared distances to the means of the clusters.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.side_by_side import SIZES, options, print_table, read_data, take_turns, timed, write_data


def ours(points: np.ndarray, labels: np.ndarray, threads: int) -> tuple[np.ndarray, float]:
    """Clusters and NMI."""
    from hardmine.retrieval.agreement import normalised_mutual_information
    from hardmine.retrieval.lloyd import k_means

    clusters, _ = k_means(points, len(np.unique(labels)), 1, threads)
    return clusters, normalised_mutual_information(labels, clusters)


def theirs(points: np.ndarray, labels: np.ndarray, threads: int) -> tuple[np.ndarray, float]:
    """Clusters and NMI of the library's own calculator."""
    import faiss
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)
    kept = []

    class Calculator(AccuracyCalculator):
        def get_cluster_labels(self, *arguments: object, **keys: object) -> object:
            kept.append(super().get_cluster_labels(*arguments, **keys))
            return kept[-1]

    calculator = Calculator(include=("NMI",), device=torch.device("cpu"))
    value = calculator.get_accuracy(torch.from_numpy(points), torch.from_numpy(labels))["NMI"]
    return np.asarray(kept[0]).ravel(), float(value)


def objective(points: np.ndarray, clusters: np.ndarray) -> float:
    """Sum of squared distances to the means."""
    order = np.argsort(clusters, kind="stable")
    starts, counts = np.unique(clusters[order], return_index=True, return_counts=True)[1:]
    means = np.add.reduceat(points[order].astype(np.float64), starts) / counts[:, None]
    return float((points.astype(np.float64) ** 2).sum() - (counts[:, None] * means**2).sum())


def main() -> None:
    """Measure, or print the table."""
    given = options(("ours", "library"), rounds=1).parse_args()
    if given.measure:
        points, labels = read_data(given.folder)
        work = ours if given.measure == "ours" else theirs
        (clusters, value), spent = timed(lambda: work(points, labels, given.threads))
        print(json.dumps(spent | {"NMI": value, "objective": objective(points, clusters)}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, SIZES[given.size], given.dimensions)
        found = take_turns("benchmarks.clustering", ("ours", "library"), folder, given.threads, given.rounds)
        print_table(found, "library", ("NMI", "objective"))


if __name__ == "__main__":
    main()
