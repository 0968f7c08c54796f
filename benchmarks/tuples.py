"""Selecting triplets of a batch, against pytorch-metric-learning's miners: python -m benchmarks.tuples.

Both sides get the same distance matrix (its cost is the same for both), one thread, four images a class; the triplets
are compared before anything is timed, in order too. The distance-weighted draws are compared by the tests. Memory is
the peak of a process with one selection alone, less what it had before.
"""

import torch
from pytorch_metric_learning import distances, miners
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices
from torch import Tensor

from benchmarks import table
from benchmarks.table import Row
from hardmine.mining import Triplets
from hardmine.mining.triplet_selection import (
    all_triplets,
    batch_hard_triplets,
    distance_weighted_triplets,
    semi_hard_triplets,
)

DIMENSIONS, MARGIN = 64, 0.2
SIZES = (128, 512, 1024, 2048, 4096)
MEMORY_SIZES = (512, 1024, 2048)
LARGEST_WEIGHTED = 1024  # the library's distance-weighted miner copies B² weights for every class
NAMES = ("semi-hard", "batch-hard", "all", "distance-weighted")


class Given(distances.LpDistance):
    """A matrix of distances that is there already."""

    def __init__(self, matrix: Tensor, power: int) -> None:
        super().__init__(power=power)
        self.matrix = matrix

    def forward(self, query_emb: Tensor, ref_emb: Tensor | None = None) -> Tensor:
        return self.matrix


def batch(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Unit embeddings float32 [B, D] about their class's centre, labels in random order, distances."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randperm(size, generator=generator) // 4
    centres = torch.randn(size // 4, DIMENSIONS, generator=generator)
    points = centres[labels] + 0.9 * torch.randn(size, DIMENSIONS, generator=generator)
    embeddings = torch.nn.functional.normalize(points, dim=1)
    return embeddings, labels, torch.cdist(embeddings, embeddings)


def library(name: str, size: int):
    """A call of the library's selection."""
    embeddings, labels, matrix = batch(size)
    squared = Given(matrix.square(), 2)
    if name == "all":
        return lambda: get_all_triplets_indices(labels)
    miner = {
        "semi-hard": miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=squared),
        "batch-hard": miners.BatchHardMiner(distance=squared),
        "distance-weighted": miners.DistanceWeightedMiner(distance=Given(matrix, 1)),
    }[name]
    return lambda: miner(embeddings, labels)


def ours(name: str, size: int):
    """A call of ours."""
    _, labels, matrix = batch(size)
    squared, generator = matrix.square(), torch.Generator().manual_seed(0)
    return {
        "semi-hard": lambda: semi_hard_triplets(squared, labels, MARGIN),
        "batch-hard": lambda: batch_hard_triplets(squared, labels),
        "all": lambda: all_triplets(labels),
        "distance-weighted": lambda: distance_weighted_triplets(matrix, labels, DIMENSIONS, generator),
    }[name]


def memory(side: str, name: str, size: int) -> list[float]:
    """MiB that one selection takes on top of its inputs, and MiB of the triplets it returns."""
    torch.set_num_threads(1)
    {"ours": ours, "library": library}[side](name, 16)()
    select = {"ours": ours, "library": library}[side](name, size)
    found, grown = table.growth(select)
    count = len(found) if isinstance(found, Triplets) else len(found[0])
    return [grown, 24 * count / 2**20]


def run() -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    for size in SIZES:
        for name in NAMES:
            if name == "distance-weighted" and size > LARGEST_WEIGHTED:
                continue
            ways = {"ours": ours(name, size), "library": library(name, size)}
            if name != "distance-weighted":
                own, theirs = ways["ours"](), ways["library"]()
                pairs = zip((own.anchors, own.positives, own.negatives), theirs, strict=True)
                assert all(torch.equal(one, two) for one, two in pairs), f"{name}, B = {size}: other triplets"
                del own, theirs, pairs
            found = table.alternate(ways, rounds=9 if size < 1024 else 3)
            limit = 0.2 if size >= 512 else None
            how = "same triplets, same order" if name != "distance-weighted" else "same distribution"
            times = 1000 * found["ours"], 1000 * found["library"]
            rows.append(Row("tuples", f"{name}, B = {size}", times[0], "ms", times[1], limit, how=how))
    for size in MEMORY_SIZES:
        matrix = 4 * size**2 / 2**20
        for name in NAMES:
            if name == "distance-weighted" and size > LARGEST_WEIGHTED:
                continue
            (own, returned), (theirs, _) = (
                table.alone("benchmarks.tuples", "memory", side, name, size) for side in ("ours", "library")
            )
            how = f"peer {theirs:.0f} MiB; distance matrix {matrix:.0f}, returned {returned:.0f}"
            what = f"{name}, B = {size}: memory beyond the returned triplets, in distance matrices"
            rows.append(Row("tuples", what, max(0.0, own - returned) / matrix, "matrices", at_most=8, how=how))
    return rows


if __name__ == "__main__":
    table.main(run)
