"""What Smart Mining's refresh costs at the size of Stanford Online Products: python -m benchmarks.neighbour_lists.

59,551 images of 11,318 classes, 64 dimensions, lists of 128: class centres with noise stand in for embeddings. For
each search the seconds to build it, search and select for every image, in a process of its own, against an epoch: what
GoogLeNet takes to train on three images an anchor on this machine (timed on a few batches of 224 × 224). The embedding
pass is not in it. ``python -m benchmarks.neighbour_lists million`` does HNSW with 1,000,000 × 64 alone, for its peak
memory; it takes an hour.
"""

import sys
import time

import numpy as np
import torch
from torch.nn import functional

from benchmarks import table
from benchmarks.table import Row
from hardmine.methods.smart_mining.class_members import ClassMembers
from hardmine.methods.smart_mining.spheres import mine
from hardmine.mining.neighbour_lists import NeighbourSearch

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


def measure(index: str, images: int) -> dict[str, float]:
    """Build, search and select; see above."""
    torch.set_num_threads(1)
    points, labels = data(images)
    members = ClassMembers(labels)
    before, start = table.memory(), time.perf_counter()
    search = NeighbourSearch(points, index, WIDTHS[index])
    built = time.perf_counter()
    mine(search, np.arange(images), LENGTH, members, KAPPA, np.random.default_rng(0))
    done = time.perf_counter()
    found = {"build": built - start, "select": done - built, "before": before, "peak": table.memory()}
    if images == IMAGES:
        queries = np.random.default_rng(1).permutation(images)[:QUERIES]
        lists, exact = search.query(queries, LENGTH).rows, NeighbourSearch(points).query(queries, LENGTH).rows
        found["recall"] = float(np.mean([np.isin(*rows).mean() for rows in zip(exact, lists, strict=True)]))
    return found


def googlenet_seconds() -> float:
    """Seconds that GoogLeNet takes to train on one image of 224 x 224, one thread."""
    from torchvision.models import googlenet

    torch.set_num_threads(1)
    network = googlenet(weights=None, aux_logits=False, init_weights=False, num_classes=DIMENSIONS).train()
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    batch = torch.randn(24, 3, 224, 224).to(memory_format=torch.channels_last)

    def step() -> None:
        optimiser.zero_grad()
        network(batch).pow(2).mean().backward()
        optimiser.step()

    return table.alternate({"step": step}, rounds=3, clock=time.perf_counter)["step"] / len(batch)


def run() -> list[Row]:
    epoch = 3 * IMAGES * table.alone("benchmarks.neighbour_lists", "googlenet_seconds")
    rows = []
    for index in WIDTHS:
        found = table.alone("benchmarks.neighbour_lists", "measure", index, IMAGES)
        how = (
            f"1 thread; peer: an epoch of GoogLeNet; recall {found['recall']:.3f}, "
            f"peak {found['peak']:.0f} MiB ({found['before']:.0f} before the search)"
        )
        what = f"Smart Mining, {IMAGES:,} × {DIMENSIONS}: {index} search and selection, against an epoch"
        rows.append(Row("method steps", what, found["build"] + found["select"], "s", epoch, at_most=0.01, how=how))
    return rows


if __name__ == "__main__":
    if sys.argv[1:] == ["million"]:
        print(table.alone("benchmarks.neighbour_lists", "measure", "hnsw", 1_000_000))
    else:
        table.main(run)
