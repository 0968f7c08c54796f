import numpy as np
import pytest
from oracles import average_precision_and_first_rank, mutual_information, pairwise_f1, retrieval

from hardmine.retrieval import cluster, clustering_metrics, rank_matches, retrieval_metrics
from hardmine.retrieval.agreement import adjusted_mutual_information
from hardmine.retrieval.lloyd import k_means
from hardmine.retrieval.metrics import Task, all_against_rest, ranking_metrics


def measure(embeddings: np.ndarray, labels: np.ndarray, recall_at: tuple[int, ...]) -> dict[str, float]:
    return retrieval_metrics(rank_matches(all_against_rest(embeddings, labels))[0], recall_at)


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


@pytest.mark.parametrize("threads", [1, 2])
def test_metrics_do_not_depend_on_threads_or_blocks_or_a_common_shift(threads: int) -> None:
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 30, 300)
    embeddings = (rng.standard_normal((300, 6)) + 100).astype(np.float32)
    ranks, lists = rank_matches(all_against_rest(embeddings, labels), 12, threads)
    found = retrieval_metrics(ranks, (1, 5))
    expected = retrieval(embeddings, labels, (1, 5))
    assert all(found[name] == pytest.approx(value, abs=1e-12) for name, value in expected.items())
    assert lists.rows.shape == (300, 12)


@pytest.mark.parametrize("identical", [False, True])
def test_ranks_over_the_whole_gallery_equal_an_explicit_sort(identical: bool) -> None:
    rng = np.random.default_rng(4)
    gallery, queries = (rng.integers(-1, 2, (count, 3)).astype(np.float32) for count in (40, 30))
    labels, query_labels = rng.integers(0, 9, 40), rng.integers(0, 12, 30)
    task = all_against_rest(gallery, labels) if identical else Task(queries, query_labels, gallery, labels)
    found = ranking_metrics(rank_matches(task)[0], (1, 5))
    averages, firsts = average_precision_and_first_rank(task.queries, task.query_labels, gallery, labels, task.identity)
    assert found["map"] == pytest.approx(np.mean([value for value in averages if value is not None]), abs=1e-12)
    for k in (1, 5):
        assert found[f"cmc@{k}"] == pytest.approx(np.mean([first is not None and first <= k for first in firsts]))


def test_a_query_without_a_match_is_a_miss_for_recall_and_left_out_of_the_rest() -> None:
    angles = np.deg2rad([0, 5, 50, 58, 52])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = measure(embeddings, np.array([0, 0, 1, 1, 2]), (1, 2, 4))
    assert [found[f"recall@{k}"] for k in (1, 2, 4)] == [0.4, 0.8, 0.8]
    assert found["r_precision"] == 0.5


def test_one_image_has_an_empty_gallery_and_gives_zeros_and_no_nan() -> None:
    ranks, lists = rank_matches(all_against_rest(np.ones((1, 3), dtype=np.float32), np.array([0])), 10)
    found = retrieval_metrics(ranks, (1,))
    assert found["recall@1"] == found["map@r"] == ranking_metrics(ranks, (1,))["map"] == 0.0
    assert lists.rows.shape == (1, 0)


def test_one_class_is_right_everywhere_even_beyond_the_gallery() -> None:
    rows = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    found = measure(rows, np.zeros(7, dtype=np.int64), (1, 1000))
    assert found == {"recall@1": 1.0, "recall@1000": 1.0, "r_precision": 1.0, "map@r": 1.0}
    assert clustering_metrics(np.zeros(7), cluster(rows, 1, 1)[0].clusters) == {"nmi": 1.0, "ami": 1.0, "f1": 1.0}


def test_matches_count_the_class_without_the_query() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert rank_matches(all_against_rest(rows, np.array([0, 0, 1])))[0].matches.tolist() == [1, 1, 0]
    task = Task(rows[:2], np.array([0, 5]), rows, np.array([0, 0, 1]))
    assert rank_matches(task)[0].matches.tolist() == [2, 0]


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


@pytest.mark.parametrize("seed", range(4))
def test_ami_equals_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import adjusted_mutual_info_score

    rng = np.random.default_rng(seed)
    labels, clusters = rng.integers(0, 30, 300), rng.integers(0, 2 + 20 * seed, 300)
    clusters = np.where(rng.random(300) < 0.5, clusters, labels)
    expected = adjusted_mutual_info_score(labels, clusters)
    assert adjusted_mutual_information(labels, clusters) == pytest.approx(expected, abs=1e-10)
    assert adjusted_mutual_information(labels, (labels + 7) % 30) == 1.0


def separate(rng: np.random.Generator, classes: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(classes), images)
    points = rng.standard_normal((classes, 8))[labels] * 10 + rng.standard_normal((classes * images, 8)) * 0.1
    return points.astype(np.float32), labels


def test_k_means_finds_separate_clusters_and_repeats_itself() -> None:
    points, labels = separate(np.random.default_rng(0), 6, 30)
    first, second = cluster(points, 6, 5), cluster(points, 6, 5)
    assert clustering_metrics(labels, first[0].clusters)["nmi"] == pytest.approx(1.0)
    assert all((one.clusters == other.clusters).all() for one, other in zip(first, second, strict=True))


def test_the_best_start_comes_first_and_is_that_of_scikit_learn() -> None:
    from sklearn.cluster import KMeans

    points = np.random.default_rng(1).standard_normal((300, 6)).astype(np.float32)
    best, *starts = cluster(points, 15, 4)
    assert len(starts) == 4
    assert len({start.objective for start in starts}) > 1
    assert best.objective == min(start.objective for start in starts)
    expected = KMeans(15, n_init=4, random_state=1, max_iter=100).fit(points)
    assert (best.clusters == expected.labels_).all()


def test_k_means_for_many_clusters_finds_separate_ones() -> None:
    points, labels = separate(np.random.default_rng(0), 300, 5)
    clusters, objective = k_means(points, 300, seed=1)
    found = clustering_metrics(labels, clusters)
    assert found["nmi"] > 0.99
    assert (k_means(points, 300, seed=1)[0] == clusters).all()
    means = np.stack([points[clusters == number].mean(axis=0) for number in range(300)])
    assert objective == pytest.approx(((points - means[clusters]) ** 2).sum(), rel=1e-4)


def test_k_means_for_many_clusters_is_as_good_as_scikit_learns() -> None:
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(150), 6)
    points = (rng.standard_normal((150, 16))[labels] + rng.standard_normal((900, 16)) * 0.6).astype(np.float32)
    assert k_means(points, 150, seed=1)[1] < 1.03 * KMeans(150, n_init=1, random_state=0).fit(points).inertia_


def test_k_means_copes_with_fewer_different_rows_than_clusters() -> None:
    points = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    clusters, objective = k_means(points, 8, seed=1)
    assert objective == pytest.approx(0.0, abs=1e-6)
    assert clusters.min() >= 0
    assert clusters.max() < 8
    assert len(np.unique(cluster(points, 8, 2)[0].clusters)) >= 3
