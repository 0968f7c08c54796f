"""What Smart Mining's refresh costs at the size of Stanford Online Products: exact search, HNSW and NSG side by side.

    python benchmarks/neighbour_lists.py [--threads 1] [--device cpu] [--million]

59,551 images of 11,318 classes, 64 dimensions, lists of 128: class centres with noise stand in for embeddings. For
each search: seconds to build it, seconds to search and select for every image, peak memory of the process before and
after, recall of the lists against exact ones. The last column is search and selection as a share of an epoch, which is
what GoogLeNet takes to train on three images an anchor on this machine (timed on a few batches). ``--million`` does
HNSW with 1,000,000 x 64 alone, for its peak memory. The embedding pass is not in it. Every search has a process of
its own, since a process's peak never falls.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from hardmine.mining.class_members import ClassMembers
from hardmine.mining.neighbour_lists import NeighbourSearch
from hardmine.mining.spheres import mine

IMAGES, CLASSES, DIMENSIONS, LENGTH, KAPPA = 59_551, 11_318, 64, 128, 4.0
WIDTHS = {"exact": 0, "hnsw": 256, "nsg": 512}  # efSearch of HNSW, search_L of NSG: what a recall of 0.98 takes
QUERIES = 2000  # of the recall


def data(images: int) -> tuple[torch.Tensor, np.ndarray]:
    """Unit vectors float32 [images, D] about their class's centre, and labels; about five images a class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(images) % (images * CLASSES // IMAGES)
    centres = torch.randn(int(labels.max()) + 1, DIMENSIONS, generator=generator)
    points = torch.randn(images, DIMENSIONS, generator=generator).mul_(0.7).add_(centres[labels])
    return functional.normalize(points, dim=1), labels.numpy()


def peak() -> float:
    """Peak memory of this process, MiB; getrusage would count what ran before it in the parent process too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(index: str, images: int, device: str) -> dict[str, float]:
    """Build, search and select; see above."""
    points, labels = data(images)
    points, members = points.to(device), ClassMembers(labels)
    before, start = peak(), time.perf_counter()
    search = NeighbourSearch(points, index, WIDTHS[index])
    if device != "cpu":
        torch.cuda.synchronize()
    built = time.perf_counter()
    mine(search, np.arange(images), LENGTH, members, KAPPA, np.random.default_rng(0))
    done = time.perf_counter()
    found = {"build": built - start, "select": done - built, "before": before, "peak": peak()}
    if images == IMAGES:
        queries = np.random.default_rng(1).permutation(images)[:QUERIES]
        lists, exact = search.query(queries, LENGTH).rows, NeighbourSearch(points).query(queries, LENGTH).rows
        found["recall"] = float(np.mean([np.isin(*rows).mean() for rows in zip(exact, lists, strict=True)]))
    return found


def googlenet_seconds(device: str) -> float:
    """Seconds that GoogLeNet takes to train on one image of 224 x 224."""
    from torchvision.models import googlenet

    network = googlenet(weights=None, aux_logits=False, init_weights=False, num_classes=DIMENSIONS).to(device).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    batch = torch.randn(24 if device == "cpu" else 192, 3, 224, 224, device=device)
    batch = batch.to(memory_format=torch.channels_last)
    steps, start = 3 if device == "cpu" else 20, 0.0
    for step in range(steps + 1):
        if step == 1:
            if device != "cpu":
                torch.cuda.synchronize()
            start = time.perf_counter()
        optimiser.zero_grad()
        network(batch).pow(2).mean().backward()
        optimiser.step()
    if device != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps / len(batch)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", default="cpu")
    options.add_argument("--million", action="store_true")
    options.add_argument("--index", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    images = 1_000_000 if chosen.million else IMAGES
    if chosen.index:
        print(json.dumps(measure(chosen.index, images, chosen.device)))
        return
    epoch = 0.0
    if not chosen.million:
        seconds = googlenet_seconds(chosen.device)
        epoch = 3 * IMAGES * seconds
        print(f"GoogLeNet trains {1 / seconds:.1f} images/s: an epoch of {IMAGES:,} triplets takes {epoch:,.0f} s")
    print(f"{images:,} x {DIMENSIONS}, lists of {LENGTH}, {chosen.threads} threads, {chosen.device}")
    print("index    build s  select s  MiB before  MiB peak  recall  of an epoch")
    for index in ("hnsw",) if chosen.million else ("exact", "hnsw", "nsg"):
        command = [sys.executable, __file__, *sys.argv[1:], "--index", index]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(result.stdout.splitlines()[-1])
        share = f"{(row['build'] + row['select']) / epoch:.3%}" if epoch else "-"
        recall = f"{row['recall']:.4f}" if "recall" in row else "-"
        print(
            f"{index:8} {row['build']:7.1f} {row['select']:9.1f} {row['before']:11.0f} {row['peak']:9.0f}  {recall:>6}"
            f"  {share:>11}",
            flush=True,
        )


if __name__ == "__main__":
    main()
