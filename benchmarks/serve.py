"""The server of an index over HTTP: python -m benchmarks.serve.

Eight clients at once send JPEG files of 128 × 128 pixels to ``hardmine serve`` on an exact index of 100,000 vectors of
128 dimensions with a small network; then one client alone. Beside it: the same searches in one thread of one process,
without HTTP, and ``hardmine search`` as a command for each query. Clients share the processors with the server; times
are what a client waits.
"""

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks import table
from benchmarks.indexing import DIMENSIONS, embeddings, model_folder, photographs
from benchmarks.table import Row

IMAGES, CLIENTS, QUERIES, PICTURES, WANTED = 100_000, 8, 100, 50, 10
NETWORK = {"name": "small-cnn", "embedding": DIMENSIONS}


def index_of(place: Path) -> tuple[Path, list[bytes]]:
    """An index of made-up vectors of a model with random weights, and pictures to search with."""
    import numpy as np

    import hardmine
    from hardmine.search.copies import Copies, numbers_of
    from hardmine.search.state import IndexState, MadeBy
    from hardmine.search.store import FILES, commit, hold, stage
    from hardmine.search.updating import _write_images, _write_vectors
    from hardmine.search.vectors import build_faiss

    model = hardmine.load(model_folder(place / "model", NETWORK, 32), "cpu", threads=1)
    names = [f"{number // 1000:04d}/{number:07d}.jpg" for number in range(IMAGES)]
    digests, looks = {name: f"{row:064x}" for row, name in enumerate(names)}, dict.fromkeys(names, (1, 1, 1, 1))
    made_by, folder = MadeBy(folder=str(place / "model"), digest=model.digest, dimensions=DIMENSIONS), place / "index"
    with hold(folder), stage(folder) as target:
        vectors = embeddings(IMAGES, 0)
        numbers = numbers_of(vectors)
        np.save(target / "vectors.npy", vectors)
        build_faiss(vectors, Copies.of(numbers), "Flat", target / "index.faiss", 1)
        _write_images(target / "images.parquet", names, looks, digests, numbers)
        _write_vectors(target / "vectors.parquet", names, digests, vectors)
        sizes = {name: (target / name).stat().st_size for name in FILES}
        state = IndexState(
            model=made_by, images=str(place), factory="Flat", count=IMAGES, unreadable={}, scanned_ns=0, sizes=sizes
        )
        commit(folder, state)
    photographs(place / "queries", 0, PICTURES)
    return folder, [path.read_bytes() for path in sorted((place / "queries").iterdir())]


def asked(port: int, pictures: list[bytes], count: int, seconds: list[float]) -> None:
    """One client: a connection, one query after another."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for number in range(count):
        start = time.perf_counter()
        connection.request("POST", f"/search?k={WANTED}", pictures[number % len(pictures)])
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200, reply.status
        seconds.append(time.perf_counter() - start)


def crowd(port: int, pictures: list[bytes], clients: int) -> tuple[float, list[float]]:
    """Queries a second of some clients at once, and what each query took."""
    seconds: list[float] = []
    threads = [threading.Thread(target=asked, args=(port, pictures, QUERIES, seconds)) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(seconds) / (time.perf_counter() - start), seconds


def in_process(folder: str, pictures: str) -> float:
    """Queries a second of one thread without HTTP."""
    import torch

    from hardmine.search.query import as_json
    from hardmine.search.searching import open_searcher

    torch.set_num_threads(1)
    searcher = open_searcher(Path(folder), device="cpu", threads=1)
    queries = [path.read_bytes() for path in sorted(Path(pictures).iterdir())]

    def search(data: bytes) -> None:
        as_json(searcher.answers(["query"], searcher.vector_of(data), WANTED))

    search(queries[0])
    start = time.perf_counter()
    for data in queries:
        search(data)
    return len(queries) / (time.perf_counter() - start)


def served(folder: Path, pictures: list[bytes]) -> dict[int, tuple[float, list[float]]]:
    """What a server gives by the number of clients."""
    command = [sys.executable, "-m", "hardmine.cli", "serve", str(folder), "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
            asked(port, pictures, 20, [])
            return {clients: crowd(port, pictures, clients) for clients in (CLIENTS, 1)}
        finally:
            process.terminate()


def run() -> list[Row]:
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as named:
        place = Path(named)
        folder, pictures = index_of(place)
        found = served(folder, pictures)
        plain = table.alone("benchmarks.serve", "in_process", str(folder), str(place / "queries"))
        command = [sys.executable, "-m", "hardmine.cli", "search", str(folder), str(place / "queries/000000.jpg")]
        start = time.perf_counter()
        for _ in range(3):
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        alone = 3 / (time.perf_counter() - start)
    rows = []
    for clients, (rate, seconds) in found.items():
        title = f"{IMAGES:,} × {DIMENSIONS}, exact, {clients} client{'s' * (clients > 1)}"
        target = 50 if clients > 1 else None
        how = f"small-cnn, 32 px; one thread without HTTP {plain:.0f}, 'hardmine search' as a command {alone:.2f}"
        rows.append(Row("serve", f"{title}: queries answered", rate, "queries/s", at_least=target, how=how))
        median, most = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        rows.append(Row("serve", f"{title}: wait, median", 1000 * median, "ms"))
        rows.append(Row("serve", f"{title}: wait, 95th percentile", 1000 * most, "ms"))
    return rows


if __name__ == "__main__":
    table.main(run)
