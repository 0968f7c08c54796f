"""Indexes of images: python -m benchmarks.indexing.

A whole index of made-up images is written and, in another process, opened and searched, so that each has a peak memory
of its own; only reading and embedding of files is left out. The vectors have length 1, 128 dimensions and ten images a
class, and lie near a space of 32 dimensions, as embeddings do. Then: ten images more in an index of 10,000; a folder of
photographs through decoding and network beside the network alone. One thread; times are processor time, which is what
an idle machine takes.
"""

import io
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import table
from benchmarks.table import Row

DIMENSIONS, LATENT, CLASS, QUERIES, WANTED = 128, 32, 10, 1000, 10
INDEXES = {"Flat": ("",), "HNSW16": ("", "efSearch=256"), "IVF1024,PQ32np": ("", "nprobe=256")}
"""faiss's descriptions, and how thoroughly they are searched; empty for the default."""


def embeddings(count: int, seed: int) -> np.ndarray:
    """Unit vectors float32 [count, D]."""
    numbers = np.random.default_rng([seed, 1])
    basis = np.random.default_rng(0).standard_normal((LATENT, DIMENSIONS), dtype=np.float32)
    centres = numbers.standard_normal((-(-count // CLASS), LATENT), dtype=np.float32)
    latent = np.repeat(centres, CLASS, axis=0)[:count]
    latent += 0.5 * numbers.standard_normal((count, LATENT), dtype=np.float32)
    vectors = latent @ basis
    vectors += 0.5 * numbers.standard_normal(vectors.shape, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


class MadeUpModel:
    """Stands in for a model whose vectors are already there."""

    digest, dimensions = "0" * 64, DIMENSIONS


def write(place: str, count: int, factory: str) -> dict[str, float]:
    """Write an index as ``hardmine index`` does, from vectors that are already there."""
    from hardmine.search import updating
    from hardmine.settings.datasets.own_files import Pictures

    def embed(wish: Any, waiting: list[str], known: Any) -> tuple[dict[str, str], dict[str, str]]:
        digests = [f"{number:064x}" for number in range(len(waiting))]
        for start in range(0, len(waiting), 100_000):
            part = slice(start, start + 100_000)
            known.add(digests[part], embeddings(len(digests[part]), start))
        return dict(zip(waiting, digests, strict=True)), {}

    names = [f"pictures/{number // 1000:04d}/{number:07d}.jpg" for number in range(count)]
    updating.found_in = lambda images: Pictures(names, [], [], "")
    updating._stat = lambda images, names: ({name: (1, 1, 1, 1) for name in names}, {})
    updating._embed = embed
    model: Any = MadeUpModel()
    folder = Path(place, "index")
    start = time.process_time()
    updating.update_index(updating.Wish(model, folder, folder, folder, factory))
    return {"seconds": time.process_time() - start, "peak": table.memory()}


def search(place: str, parameters: str) -> dict[str, float]:
    """Search the index; the lists of the exact one are kept beside it."""
    import faiss

    from hardmine.search.index import open_index

    faiss.omp_set_num_threads(1)
    index, exact = open_index(Path(place, "index"), parameters), Path(place, "exact.npy")
    rows = np.sort(np.random.default_rng(1).integers(0, len(index.table.vectors), QUERIES))
    noise = np.random.default_rng(2).standard_normal((QUERIES, DIMENSIONS), dtype=np.float32)
    queries = index.table.vectors[rows] + 0.02 * noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    lists, _ = index.search(queries, WANTED)
    if index.state.factory == "Flat":
        np.save(exact, lists)
    pairs = zip(np.load(exact), lists, strict=True)
    recall = float(np.mean([np.isin(*pair).mean() for pair in pairs]))
    some = queries[: 100 if index.state.factory == "Flat" else QUERIES]
    start = time.process_time()
    for query in some:
        index.search(query[None], WANTED)
    return {"rate": len(some) / (time.process_time() - start), "recall": recall, "peak": table.memory()}


def indexes(count: int, descriptions: dict[str, tuple[str, ...]]) -> list[Row]:
    """Written and searched, one index after another."""
    rows, exact = [], None
    with tempfile.TemporaryDirectory() as place:
        for factory, searches in descriptions.items():
            title = f"{factory}, {count:,} × {DIMENSIONS}"
            made = table.alone("benchmarks.indexing", "write", place, count, factory)
            rows.append(Row("indexing", f"{title}: written", made["seconds"], "s", how="processor time, one thread"))
            rows.append(Row("indexing", f"{title}: peak memory writing", made["peak"], "MiB", at_most=4096))
            for parameters in searches:
                found = table.alone("benchmarks.indexing", "search", place, parameters)
                exact = exact or found["rate"]
                how = f"peer: exact; recall {found['recall']:.3f} of the exact {WANTED}"
                named = f"{title}: one query after another" + (f", {parameters}" if parameters else "")
                rows.append(Row("indexing", named, found["rate"], "queries/s", peer=exact, how=how))
                rows.append(Row("indexing", f"{title}: peak memory searching", found["peak"], "MiB", at_most=4096))
            Path(place, "index", "index.json").unlink()
    return rows


def model_folder(folder: Path, backbone: dict[str, Any], size: int) -> Path:
    """An exported model with random weights for RGB images."""
    import json

    from safetensors.torch import save_file

    from hardmine.artefacts import digest
    from hardmine.methods import method_class
    from hardmine.search.config import ModelConfig, NetworkConfig, Preprocessing
    from hardmine.settings.backbones import backbone_from
    from hardmine.settings.methods import run_from

    folder.mkdir()
    config = ModelConfig(
        network=NetworkConfig(method={"method": "random"}, backbone=backbone),
        preprocessing=Preprocessing(size=size, resize="warp", channels=3, crop=size),
        weights="0" * 64,
    )
    method = run_from(config.network.method)
    network = method_class(method.method).build_network(method, backbone_from(backbone), 3, size)
    save_file(network.state_dict(), folder / "model.safetensors")
    config = config.model_copy(update={"weights": digest(folder / "model.safetensors")})
    (folder / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    return folder


def photographs(folder: Path, first: int, count: int) -> None:
    """JPEG files of 128 × 128 pixels, smooth shapes with fine grain, about 5 KB each."""
    from PIL import Image

    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        numbers = np.random.default_rng(number)
        coarse = Image.fromarray(numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((128, 128))
        fine = Image.fromarray(numbers.integers(0, 256, (64, 64, 3), dtype=np.uint8)).resize((128, 128))
        buffer = io.BytesIO()
        Image.blend(coarse, fine, 0.15).save(buffer, "JPEG", quality=90)
        (folder / f"{number:06d}.jpg").write_bytes(buffer.getvalue())


def ten_more() -> float:
    """Seconds to bring an index of 10,000 images up to date with ten more, model loaded; median of three."""
    import hardmine
    from hardmine.search.updating import Wish, update_index

    with tempfile.TemporaryDirectory() as place:
        images, folder = Path(place, "images"), Path(place, "index")
        model = hardmine.load(model_folder(Path(place, "model"), {"name": "small-cnn"}, 32), "cpu", threads=1)
        photographs(images, 0, 10_000)
        seconds = []
        for number in range(4):
            start = time.perf_counter()
            update_index(Wish(model, Path(place, "model"), images, folder))
            seconds.append(time.perf_counter() - start)
            time.sleep(2.5)  # longer than the time of a file is doubted
            photographs(images, 10_000 + 10 * number, 10)
    return float(np.median(seconds[1:]))


def folder_and_network() -> dict[str, float]:
    """Seconds of processor time an image takes through decoding and GoogLeNet, and through GoogLeNet alone."""
    import hardmine
    from hardmine.search.reading import files_in, pixels_of

    with tempfile.TemporaryDirectory() as place:
        backbone = {"name": "bvlc-googlenet", "weights": "none"}
        model = hardmine.load(model_folder(Path(place, "model"), backbone, 112), "cpu", threads=1)
        images = Path(place, "images")
        photographs(images, 0, 256)
        names = files_in(images)
        prepared = model.config.preprocessing
        decoded = {name: pixels_of(images / name, prepared) for name in names}
        ways = {
            "network": lambda: list(model.stream(names, decoded.__getitem__)),
            "folder": lambda: list(model.stream(names, lambda name: pixels_of(images / name, prepared))),
        }
        return {way: seconds / len(names) for way, seconds in table.alternate(ways, rounds=7).items()}


def run() -> list[Row]:
    os.environ["OMP_NUM_THREADS"] = "1"
    here = "benchmarks.indexing"
    rows = [*indexes(100_000, {"Flat": ("",)}), *indexes(1_000_000, INDEXES)]
    seconds = table.alone(here, "ten_more")
    rows.append(Row("indexing", "ten images more in an index of 10,000", seconds, "s", at_most=5, how="model loaded"))
    taken = table.alone(here, "folder_and_network")
    rates = 1 / taken["folder"], 1 / taken["network"]
    how = "peer: the network on decoded images; GoogLeNet, 112 px, JPEG of 128 px"
    rows.append(Row("indexing", "embedding a folder", rates[0], "images/s", peer=rates[1], at_least=0.9, how=how))
    return rows


if __name__ == "__main__":
    table.main(run)
