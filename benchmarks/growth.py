"""How the methods' own parts grow with N, C, B and D: slopes of log time over log size: python -m benchmarks.growth.

N images, C classes, B images in a batch, D dimensions. A slope is that of a straight line through the logarithms of
four sizes, each twice the one before; the target is the exponent of the cost model (docs/methods), which small sizes
stay below and caches may exceed a little: 0.3 is granted. One thread, processor time.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from benchmarks import table
from benchmarks.table import Row
from hardmine.methods.hdc.loss import level_loss, squared_distances
from hardmine.methods.hdc.selection import select_pairs
from hardmine.methods.hdml.pulling import pull_npair
from hardmine.methods.head_network import FeatureGenerator
from hardmine.methods.schem.bank import FeatureBank, instance_pool
from hardmine.methods.schem.classification_loss import classification_loss
from hardmine.methods.schem.signatures import class_pool
from hardmine.methods.smart_mining.class_members import ClassMembers
from hardmine.methods.smart_mining.spheres import mine
from hardmine.mining import BalancedSampler
from hardmine.mining.neighbour_lists import NeighbourSearch
from hardmine.mining.pairs import BatchPairs
from hardmine.mining.triplet_selection import batch_hard_triplets, semi_hard_triplets
from hardmine.training.device import prepare_device

Work = Callable[[], object]
GRANTED = 0.3


def unit(count: int, dimensions: int) -> torch.Tensor:
    """Random unit vectors float32 [count, dimensions]."""
    return functional.normalize(torch.randn(count, dimensions, generator=torch.Generator().manual_seed(0)), dim=1)


def sphere_mining(images: int, dimensions: int) -> Work:
    """Smart Mining: exact search and selection for 1,024 anchors, lists of 64."""
    search, members = NeighbourSearch(unit(images, dimensions)), ClassMembers(np.arange(images) // 5)
    return lambda: mine(search, np.arange(1024), 64, members, 4.0, np.random.default_rng(0))


def class_search(classes: int, dimensions: int) -> Work:
    """SCHEM: the class search of one anchor group."""
    anchors, signatures = unit(10, dimensions), unit(classes, dimensions)
    return lambda: class_pool(anchors, signatures, 0, 16)


def classification(classes: int, dimensions: int) -> Work:
    """SCHEM: the classification loss of a batch, forward and backward, with the lengths of the signatures."""
    batch, targets = unit(50, dimensions), torch.arange(50)
    weight = unit(classes, dimensions).requires_grad_()

    def work() -> None:
        weight.grad = None
        classification_loss(batch, targets, functional.normalize(weight, dim=1)).backward()

    return work


def image_search(images: int, dimensions: int) -> Work:
    """SCHEM: the image search of one anchor group in 80 images of a bank of N."""
    bank, rows = FeatureBank(images, dimensions, None, "cpu"), np.arange(images)
    bank.write(rows, unit(images, dimensions), 0)
    anchors, candidates = unit(10, dimensions), np.random.default_rng(0).permutation(images)[:80]
    return lambda: instance_pool(anchors, candidates, bank, lambda rows: anchors[:0], 0, 40)


def pair_mining(batch: int, dimensions: int) -> Work:
    """HDC: distances, selection and loss of one level, forward and backward."""
    vectors, pairs = unit(batch, dimensions).requires_grad_(), BatchPairs.of(torch.arange(batch) // 10)

    def work() -> None:
        vectors.grad = None
        distances = squared_distances(vectors)
        level_loss(distances, select_pairs([distances], pairs, (0.5,))[0]).value.backward()

    return work


def synthesis(pairs: int, dimensions: int) -> Work:
    """HDML N-pair: pulling and the generator on n² candidates, forward and backward."""
    anchors, positives = unit(pairs, dimensions).requires_grad_(), unit(2 * pairs, dimensions)[pairs:]
    generator = FeatureGenerator(dimensions, 256, 128)

    def work() -> None:
        anchors.grad = None
        generator(pull_npair(anchors, positives, 0.7).points.flatten(0, 1)).square().sum().backward()

    return work


def selection(select: Callable[..., object], *more: float) -> Callable[[int], Work]:
    """Triplets of a batch, four images a class."""

    def of(batch: int) -> Work:
        points, labels = unit(batch, 64), torch.arange(batch) // 4
        distances = torch.cdist(points, points).square()
        return lambda: select(distances, labels, *more)

    return of


def sampling(images: int) -> Work:
    """An epoch of class-balanced batches, five images a class."""
    sampler = BalancedSampler(np.arange(images) // 5, 25, 4, 0)
    return lambda: [sampler.next_batch() for _ in range(sampler.steps_per_epoch)]


def slope(build: Callable[[int], Work], first: int) -> tuple[float, float]:
    """The slope over ``first`` and three doublings, and milliseconds at the last size."""
    sizes = [first * 2**power for power in range(4)]
    seconds = table.alternate({str(size): build(size) for size in sizes}, rounds=7, warm=2)
    times = [seconds[str(size)] for size in sizes]
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0]), 1000 * times[-1]


CASES: tuple[tuple[str, str, Callable[[int], Work], int, float], ...] = (
    ("Smart Mining: search and selection of an anchor", "N", lambda n: sphere_mining(n, 64), 4000, 1),
    ("Smart Mining: search and selection", "D", lambda d: sphere_mining(8000, d), 64, 1),
    ("SCHEM: class search", "C", lambda c: class_search(c, 512), 4000, 1),
    ("SCHEM: class search", "D", lambda d: class_search(16_000, d), 64, 1),
    ("SCHEM: classification loss", "C", lambda c: classification(c, 512), 4000, 1),
    ("SCHEM: image search in the classes found", "N", lambda n: image_search(n, 512), 8000, 0),
    ("HDC: pairs of one level", "B", lambda b: pair_mining(b, 128), 64, 2),
    ("HDC: pairs of one level", "D", lambda d: pair_mining(128, d), 64, 1),
    ("HDML N-pair: pulling and generator", "n", lambda n: synthesis(n, 64), 16, 2),
    ("HDML N-pair: pulling and generator", "D", lambda d: synthesis(48, d), 32, 1),
    ("triplets: semi-hard", "B", selection(semi_hard_triplets, 0.2), 256, 2),
    ("triplets: batch-hard", "B", selection(batch_hard_triplets), 256, 2),
    ("sampler: an epoch, batches × classes", "N", sampling, 8000, 2),
)


def run() -> list[Row]:
    prepare_device("cpu", 1)  # as every training job
    rows = []
    for title, symbol, build, first, exponent in CASES:
        found, last = slope(build, first)
        how = f"{first:,} to {8 * first:,}, where it takes {last:.3g} ms; cost model {exponent}"
        what = f"{title}, exponent of {symbol}"
        rows.append(Row("growth", what, found, "exponent", at_most=exponent + GRANTED, how=how))
    return rows


if __name__ == "__main__":
    table.main(run)
