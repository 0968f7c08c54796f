"""Peers and ours in turn, each measurement in a process of its own, since a process's peak memory never falls."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import table

SIZES = {"10k": 10_000, "60k": 60_502, "200k": 200_000}
CLASSES = 11_316 / 60_502  # classes an image, as in the test lists of Stanford Online Products

NOISE = 1.2  # within a class, as a multiple of the spread of the centres


def write_data(folder: Path, images: int, dimensions: int) -> None:
    """Unit vectors about class centres whose coordinates vary less and less, as embeddings do; rows in class order."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, round(images * CLASSES), images))
    scale = np.arange(1, dimensions + 1) ** -0.5
    centres = rng.standard_normal((labels.max() + 1, dimensions), dtype=np.float32) * scale
    points = centres[labels] + rng.standard_normal((images, dimensions), dtype=np.float32) * scale * NOISE
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    np.save(folder / "points.npy", points.astype(np.float32))
    np.save(folder / "labels.npy", labels)


def read_data(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """What ``write_data`` wrote: float32 [N, D], int64 [N]."""
    return np.load(folder / "points.npy"), np.load(folder / "labels.npy")


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """The result, and seconds on the clock, seconds of all processors, and the process's peak memory in MiB."""
    wall, processors = time.perf_counter(), time.process_time()
    result = work()
    spent = {"seconds": time.perf_counter() - wall, "processor seconds": time.process_time() - processors}
    return result, spent | {"MiB": table.memory()}


def take_turns(module: str, subjects: Sequence[str], folder: Path, threads: int, rounds: int) -> dict[str, list[dict]]:
    """Run ``python -m module --measure subject`` in turn; each prints a JSON object last."""
    found: dict[str, list[dict]] = {subject: [] for subject in subjects}
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    for turn in range(rounds):
        for subject in subjects if turn % 2 == 0 else reversed(subjects):
            command = [sys.executable, "-m", module, "--measure", subject, "--folder", folder, "--threads", threads]
            done = subprocess.run(
                [str(part) for part in command], env=os.environ | limits, stdout=subprocess.PIPE, check=True, text=True
            )
            found[subject].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{subject}: {found[subject][-1]}", file=sys.stderr, flush=True)
    return found


def options(subjects: Sequence[str], rounds: int) -> argparse.ArgumentParser:
    """Arguments of a script whose ``--measure`` is called by ``take_turns``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("size", nargs="?", default="10k", choices=SIZES)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--measure", choices=subjects)
    parser.add_argument("--folder", type=Path)
    return parser


def print_table(found: dict[str, list[dict]], peer: str, more: Sequence[str] = ()) -> None:
    """Medians of every subject, and the ratio of its seconds to the peer's."""
    columns = ["seconds", "processor seconds", "MiB", *more]
    print(f"| subject | {' | '.join(columns)} | seconds ÷ {peer} | processor seconds ÷ {peer} |")
    print(f"|---|{'--:|' * (len(columns) + 2)}")
    medians = {name: {c: statistics.median(run[c] for run in runs) for c in columns} for name, runs in found.items()}
    for name, own in medians.items():
        cells = " | ".join(f"{own[column]:,.4g}" if own[column] < 1000 else f"{own[column]:,.0f}" for column in columns)
        ratios = " | ".join(f"{own[column] / medians[peer][column]:.2f}" for column in columns[:2])
        print(f"| {name} | {cells} | {ratios} |")
