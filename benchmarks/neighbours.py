"""All retrieval metrics at K = 1000 against a bare faiss.IndexFlatL2: python -m benchmarks.neighbours [10k|60k|200k].

``metrics``: exact ranks, every retrieval metric, recall at 1, 10, 100 and 1000, and lists of 10 neighbours. ``lists``
(with --lists): exact lists of 1000 neighbours, in the order of float64. ``faiss``: add and search, K = 1000, nothing
else. Before anything is timed, the ranks of 100 queries must equal those of a full float64 sort.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.side_by_side import SIZES, options, print_table, read_data, take_turns, timed, write_data

RECALL_AT = (1, 10, 100, 1000)


def metrics(points: np.ndarray, labels: np.ndarray, threads: int) -> dict[str, float]:
    """Ours."""
    from hardmine.retrieval.metrics import all_against_rest, rank_matches, retrieval_metrics

    ranks, _ = rank_matches(all_against_rest(points, labels), 10, threads)
    return retrieval_metrics(ranks, RECALL_AT)


def lists(points: np.ndarray, labels: np.ndarray, threads: int) -> None:
    """Ours, with the lists held."""
    from hardmine.retrieval import nearest_neighbours

    nearest_neighbours(points, points, RECALL_AT[-1], np.arange(len(points)), threads)


def faiss_search(points: np.ndarray, labels: np.ndarray, threads: int) -> None:
    """The peer."""
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    index.search(points, RECALL_AT[-1])


def prove(points: np.ndarray, labels: np.ndarray) -> None:
    """Stop unless ranks and lists of some queries are those of a float64 sort."""
    from hardmine.retrieval.metrics import Task, rank_matches

    queries = np.random.default_rng(1).choice(len(points), 100, replace=False)
    task = Task(points[queries], labels[queries], points, labels, queries)
    ranks, near = rank_matches(task, 1000)
    for place, query in enumerate(queries):
        difference = points.astype(np.float64) - points[query]
        exact = np.einsum("nd,nd->n", difference, difference)
        exact[query] = np.inf
        order = np.lexsort((np.arange(len(points)), exact))[:-1]
        matching = np.flatnonzero(labels[order] == labels[query]) + 1
        assert (ranks.ranks[ranks.owners == place] == matching).all(), query
        assert (near.rows[place] == order[:1000]).all(), query
    print("Ranks and lists of 100 queries equal those of a float64 sort.\n")


def main() -> None:
    """Measure, or print the table."""
    parser = options(("metrics", "faiss", "lists"), rounds=3)
    parser.add_argument("--lists", action="store_true")
    given = parser.parse_args()
    if given.measure:
        points, labels = read_data(given.folder)
        work = {"metrics": metrics, "faiss": faiss_search, "lists": lists}[given.measure]
        found, spent = timed(lambda: work(points, labels, given.threads))
        print(json.dumps(spent | (found or {})))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, SIZES[given.size], given.dimensions)
        prove(*read_data(folder))
        subjects = ("metrics", "faiss", *(("lists",) if given.lists else ()))
        print_table(take_turns("benchmarks.neighbours", subjects, folder, given.threads, given.rounds), "faiss")


if __name__ == "__main__":
    main()
