import numpy as np
import pytest
from oracles import mutual_information, pairwise_f1, retrieval

from hardmine.retrieval import cluster, clustering_metrics, retrieval_metrics
from hardmine.retrieval.metrics import matches_per_query, needed_neighbours, retrieve


def measure(embeddings: np.ndarray, labels: np.ndarray, recall_at: tuple[int, ...]) -> dict[str, float]:
    neighbours, matches = retrieve(embeddings, labels, recall_at)
    return retrieval_metrics(neighbours, labels, labels, matches, recall_at)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_explicit_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 12, 90)
    embeddings = (rng.standard_normal((90, 6)) + labels[:, None] * 0.4).astype(np.float32)
    found = measure(embeddings, labels, (1, 2, 8))
    for name, value in retrieval(embeddings, labels, (1, 2, 8)).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_metrics_equal_those_of_pytorch_metric_learning() -> None:
    torch = pytest.importorskip("torch")
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(20), 8)
    embeddings = (rng.standard_normal((160, 8)) + rng.standard_normal((20, 8))[labels]).astype(np.float32)
    names = ("precision_at_1", "r_precision", "mean_average_precision_at_r")
    calculator = AccuracyCalculator(include=names, k="max_bin_count", device=torch.device("cpu"))
    theirs = calculator.get_accuracy(torch.from_numpy(embeddings), torch.from_numpy(labels))
    ours = measure(embeddings, labels, (1,))
    for name, own in zip(names, ("recall@1", "r_precision", "map@r"), strict=True):
        assert ours[own] == pytest.approx(theirs[name], abs=1e-6)


def test_a_query_without_a_match_is_a_miss_for_recall_and_left_out_of_the_rest() -> None:
    angles = np.deg2rad([0, 5, 50, 58, 52])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = measure(embeddings, np.array([0, 0, 1, 1, 2]), (1, 2, 4))
    assert [found[f"recall@{k}"] for k in (1, 2, 4)] == [0.4, 0.8, 0.8]
    assert found["queries_without_match"] == 1
    assert found["r_precision"] == 0.5


def test_one_class_of_one_image_gives_zeros_and_no_nan() -> None:
    found = measure(np.ones((1, 3), dtype=np.float32), np.array([0]), (1,))
    assert found["recall@1"] == found["map@r"] == 0.0


def test_matches_count_the_class_without_the_query() -> None:
    gallery = np.array([0, 0, 1])
    assert matches_per_query(gallery, gallery, np.arange(3)).tolist() == [1, 1, 0]
    assert matches_per_query(np.array([0, 5]), gallery, None).tolist() == [2, 0]
    assert needed_neighbours((1, 2), np.array([1, 7])) == 7


def test_clustering_metrics_have_the_worked_values() -> None:
    found = clustering_metrics(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    assert found["nmi"] == pytest.approx(0.343711, abs=1e-6)
    assert found["f1"] == pytest.approx(0.4)
    other = clustering_metrics(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1]))
    assert other["nmi"] == pytest.approx(0.478704, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_clustering_metrics_equal_double_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, clusters = rng.integers(0, 5, 40), rng.integers(0, 6, 40)
    found = clustering_metrics(labels, clusters)
    information, (first, second) = mutual_information(labels.tolist(), clusters.tolist())
    assert found["nmi"] == pytest.approx(2 * information / (first + second), abs=1e-9)
    assert found["f1"] == pytest.approx(pairwise_f1(labels, clusters), abs=1e-12)


def test_k_means_finds_separate_clusters_and_repeats_itself() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 30)
    points = (rng.standard_normal((6, 8))[labels] * 10 + rng.standard_normal((180, 8)) * 0.1).astype(np.float32)
    first, second = cluster(points, 6, 5), cluster(points, 6, 5)
    assert clustering_metrics(labels, first)["nmi"] == pytest.approx(1.0)
    assert (first == second).all()
