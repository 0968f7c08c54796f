"""Exact search with all metrics, and k-means, for the common table: python -m benchmarks.evaluation.

10,000 and 60,502 images of 512 dimensions for the search, 10,000 for k-means; ``benchmarks.neighbours`` and
``benchmarks.clustering`` have the peers, the proofs and the larger sizes.
"""

import os
import statistics
import tempfile
from pathlib import Path

from benchmarks import neighbours, table
from benchmarks.side_by_side import SIZES, read_data, take_turns, write_data
from benchmarks.table import Row

DIMENSIONS = 512
SEARCHES = {"10k": 3, "60k": 1}  # rounds


def medians(module: str, size: str, pair: tuple[str, str], rounds: int) -> list[dict[str, float]]:
    """Medians of what ours and the peer report: ``seconds``, ``MiB``, and what the subject adds."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_data(folder, SIZES[size], DIMENSIONS)
        if module == "benchmarks.neighbours":
            neighbours.prove(*read_data(folder))
        found = take_turns(module, pair, folder, len(os.sched_getaffinity(0)), rounds)
    return [{key: statistics.median(run[key] for run in found[name]) for key in found[name][0]} for name in pair]


def run() -> list[Row]:
    rows = []
    for size, rounds in SEARCHES.items():
        own, peer = medians("benchmarks.neighbours", size, ("metrics", "faiss"), rounds)
        title = f"{SIZES[size]:,} × {DIMENSIONS}: all retrieval metrics, K = 1000"
        how = f"all cores; peer: faiss.IndexFlatL2 add and search, {peer['MiB']:.0f} MiB"
        slowest, most = (1.2, 1500) if size == "60k" else (None, None)
        rows.append(Row("evaluation", title, own["seconds"], "s", peer["seconds"], at_most=slowest, how=how))
        rows.append(Row("evaluation", f"{title}: peak memory", own["MiB"], "MiB", at_most=most))
    own, peer = medians("benchmarks.clustering", "10k", ("ours", "library"), 1)
    title = f"{SIZES['10k']:,} × {DIMENSIONS}: k-means, NMI"
    how = "all cores; peer: pytorch-metric-learning; the target is meant for 60,502"
    rows.append(Row("evaluation", title, own["seconds"], "s", peer["seconds"], at_most=0.8, how=how))
    what = f"{title}: objective"
    rows.append(Row("evaluation", what, own["objective"], "", peer["objective"], at_most=1, how="no worse objective"))
    return rows


if __name__ == "__main__":
    table.main(run)
