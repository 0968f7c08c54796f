"""Indexes of images: how fast they are made, brought up to date and searched, and how much memory that takes.

    python -m benchmarks.indexing vectors [--count 1000000] [--factory Flat HNSW16 IVF1024,PQ32np] [--threads 1]
    python -m benchmarks.indexing update [--threads 2]
    python -m benchmarks.indexing embed MODEL IMAGES [--threads 2]

``vectors``: a whole index of made-up images (unit vectors of 128 dimensions, ten images a class, near a space of 32
dimensions as embeddings are; only reading and embedding of files is left out) is written, then opened and searched in
another process, so that each has a peak memory of its own. Times are processor time: with one thread what an idle
machine takes, with more their sum.
``update``: 10 images are added to an index of 10,000, by the command. ``embed``: images/s of a folder through decoding
and network, beside the network's own (the same images, decoded beforehand), taken in
turns; by the clock, and by processor time, which other processes disturb less.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DIMENSIONS, LATENT, CLUSTER, QUERIES, LENGTH = 128, 32, 10, 1000, 10
TUNES = {"HNSW": ("", "efSearch=256"), "IVF": ("", "nprobe=256")}


def clustered(count: int, seed: int) -> np.ndarray:
    """Unit vectors float32 [count, D]: class centres and differences within classes in 32 dimensions, noise in all."""
    numbers = np.random.default_rng([seed, 1])
    basis = np.random.default_rng(0).standard_normal((LATENT, DIMENSIONS), dtype=np.float32)
    centres = numbers.standard_normal((-(-count // CLUSTER), LATENT), dtype=np.float32)
    latent = np.repeat(centres, CLUSTER, axis=0)[:count]
    latent += 0.5 * numbers.standard_normal((count, LATENT), dtype=np.float32)
    vectors = latent @ basis
    vectors += 0.5 * numbers.standard_normal(vectors.shape, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def peak() -> float:
    """Peak memory of this process, MiB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


class MadeUpModel:
    """Stands in for a model whose vectors are already there."""

    digest, dimensions = "0" * 64, DIMENSIONS


def make(folder: Path, count: int, factory: str, threads: int) -> dict[str, float]:
    """Write an index as ``hardmine index`` does, from vectors that are already there."""
    from hardmine.search import updating

    def embed(wish: Any, waiting: list[str], known: Any) -> tuple[dict[str, str], dict[str, str]]:
        digests = [f"{number:064x}" for number in range(len(waiting))]
        for start in range(0, len(waiting), 100_000):
            part = slice(start, start + 100_000)
            known.add(digests[part], clustered(len(digests[part]), start))
        return dict(zip(waiting, digests, strict=True)), {}

    names = [f"pictures/{number // 1000:04d}/{number:07d}.jpg" for number in range(count)]
    updating.files_in = lambda images: names
    updating._stat = lambda images, names: ({name: (1, 1) for name in names}, {})
    updating._embed = embed
    model: Any = MadeUpModel()
    start = time.process_time()
    updating.update_index(updating.Wish(model, folder, folder, folder, factory, threads=threads))
    return {"build": time.process_time() - start, "peak": peak()}


def query(folder: Path, threads: int, exact: Path, tune: str) -> dict[str, float]:
    """Search the index, one query after another and all at once; the lists of the exact index are kept in a file."""
    import faiss

    from hardmine.search.index import open_index

    faiss.omp_set_num_threads(threads)
    start = time.process_time()
    index = open_index(folder, tune)
    found: dict[str, float] = {"open": time.process_time() - start}
    rows = np.random.default_rng(1).integers(0, len(index.table.vectors), QUERIES)
    queries = index.table.vectors[np.sort(rows)] + 0.02 * np.random.default_rng(2).standard_normal(
        (QUERIES, DIMENSIONS), dtype=np.float32
    )
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    lists, _ = index.search(queries, LENGTH)
    if index.state.factory == "Flat":
        np.save(exact, lists)
    best = np.load(exact)
    found["recall"] = float(np.mean([np.isin(*pair).mean() for pair in zip(best, lists, strict=True)]))
    start = time.process_time()
    index.search(queries, LENGTH)
    found["together"] = QUERIES / (time.process_time() - start)
    some = queries[: 100 if index.state.factory == "Flat" else QUERIES]
    start = time.process_time()
    for one in some:
        index.search(one[None], LENGTH)
    found["alone"] = len(some) / (time.process_time() - start)
    return found | {"peak": peak()}


def vectors(count: int, factories: list[str], threads: int) -> None:
    print(f"{count:,} x {DIMENSIONS}, {threads} threads, {QUERIES} queries, {LENGTH} wanted")
    print("| index | written, s (peak, MiB) | opened, s (peak, MiB) | search | queries/s alone | together | recall |")
    print("|---|--:|--:|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as place:
        for factory in factories:
            folder, exact = Path(place, "index"), Path(place, "exact.npy")
            made = _in_a_process("make", str(folder), str(count), factory, str(threads))
            for tune in next((tunes for start, tunes in TUNES.items() if factory.startswith(start)), ("",)):
                asked = _in_a_process("query", str(folder), str(threads), str(exact), tune)
                cells = [f"{made['build']:.0f} ({made['peak']:.0f})", f"{asked['open']:.1f} ({asked['peak']:.0f})"]
                cells += [tune or "default", *(f"{asked[name]:.0f}" for name in ("alone", "together"))]
                print(f"| {factory} | {' | '.join(cells)} | {asked['recall']:.3f} |", flush=True)
            (folder / "index.json").unlink()


def update(threads: int) -> None:
    """Ten images more in an index of 10,000, three times; and the command's own start."""
    from PIL import Image
    from safetensors.torch import save_file

    from hardmine.artefacts import digest
    from hardmine.search.config import ModelConfig, NetworkConfig, Preprocessing
    from hardmine.search.model import build_network

    with tempfile.TemporaryDirectory() as place:
        model, images, index = (Path(place, name) for name in ("model", "images", "index"))
        network = NetworkConfig(method={"method": "random"}, backbone={"name": "small-cnn"})
        prepared = Preprocessing(size=32, resize="warp", channels=3, crop=32)
        config = ModelConfig(network=network, preprocessing=prepared, weights="0" * 64)
        model.mkdir()
        save_file(build_network(config).state_dict(), model / "model.safetensors")
        config = config.model_copy(update={"weights": digest(model / "model.safetensors")})
        (model / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
        images.mkdir()
        numbers = np.random.default_rng(0)

        def add(first: int, count: int) -> None:
            for number in range(first, first + count):
                small = Image.fromarray(numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8))
                small.resize((64, 64)).save(images / f"{number:06d}.jpg")

        command = [Path(sys.executable).parent / "hardmine", "index", model, images, "-o", index]

        def timed(*given: object) -> float:
            start = time.perf_counter()
            subprocess.run([str(part) for part in given], check=True, capture_output=True)
            return time.perf_counter() - start

        add(0, 10_000)
        print(f"10,000 new images: {timed(*command, '--threads', threads):.1f} s")
        for round_number in range(3):
            time.sleep(2.5)  # longer than a file's time is doubted
            add(20_000 + 10 * round_number, 10)
            whole = timed(*command, "--threads", threads)
            start = timed(sys.executable, "-c", f"import hardmine, torch, faiss; hardmine.load({str(model)!r})")
            print(f"10 images more: {whole:.1f} s, of which starting and loading the model {start:.1f} s")


def embed(model_folder: Path, images: Path, threads: int, rounds: int = 7) -> None:
    """Images/s of a folder and of the network alone, taken in turns."""
    import hardmine
    from hardmine.search.reading import files_in, pixels_of

    model = hardmine.load(model_folder, threads=threads)
    names = files_in(images)[:512]
    decoded = {name: pixels_of(images / name, model.config.preprocessing) for name in names}

    def rates(read: Any) -> tuple[float, float]:
        """Images a second of the clock, and of processor time."""
        start, used = time.perf_counter(), time.process_time()
        count = sum(len(block.items) for block in model.stream(names, read))
        return count / (time.perf_counter() - start), count / (time.process_time() - used)

    rates(decoded.__getitem__)
    alone, folder = [], []
    for _ in range(rounds):
        alone.append(rates(decoded.__getitem__))
        folder.append(rates(lambda name: pixels_of(images / name, model.config.preprocessing)))
    print(
        f"{len(names)} images, network input {model.config.preprocessing.crop} px, {threads} threads, {rounds} rounds"
    )
    for title, which in (("of the clock", 0), ("of processor time", 1)):
        shares = [one[which] / other[which] for one, other in zip(folder, alone, strict=True)]
        print(
            f"images a second {title}: network alone {statistics.median(rate[which] for rate in alone):.1f}, folder "
            f"{statistics.median(rate[which] for rate in folder):.1f}; share {statistics.median(shares):.1%} "
            f"({min(shares):.1%} to {max(shares):.1%})"
        )


def _in_a_process(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.indexing", f"_{arguments[0]}", *arguments[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["_make"]:
        print(json.dumps(make(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))))
        return
    if sys.argv[1:2] == ["_query"]:
        print(json.dumps(query(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("vectors", "update", "embed"):
        part = parts.add_parser(name)
        part.add_argument("--threads", type=int, default=2)
        if name == "vectors":
            part.set_defaults(threads=1)
            part.add_argument("--count", type=int, default=1_000_000)
            part.add_argument("--factory", nargs="+", default=["Flat", "HNSW16", "IVF1024,PQ32np"])
        if name == "embed":
            part.add_argument("model", type=Path)
            part.add_argument("images", type=Path)
    chosen = parser.parse_args()
    if chosen.part == "vectors":
        vectors(chosen.count, chosen.factory, chosen.threads)
    elif chosen.part == "update":
        update(chosen.threads)
    else:
        embed(chosen.model, chosen.images, chosen.threads)


if __name__ == "__main__":
    main()
