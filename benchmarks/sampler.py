"""Class-balanced batches at the size of Stanford Online Products: python -m benchmarks.sampler.

59,551 images of 11,318 classes (2 to 12 images a class), 25 classes × 4 images a batch, against the library's
MPerClassSampler with an epoch of as many images as there are. One thread; medians.
"""

import itertools

import numpy as np
from pytorch_metric_learning.samplers import MPerClassSampler

from benchmarks import table
from benchmarks.table import Row
from hardmine.mining import BalancedSampler

IMAGES, CLASSES = 59_551, 11_318
BATCH = (25, 4)


def labels_like_products() -> np.ndarray:
    """Labels int64 [59551] of 11,318 classes with 2 to 12 images, in random order."""
    generator = np.random.default_rng(0)
    sizes = np.full(CLASSES, 2)
    while sizes.sum() < IMAGES:
        open_classes = np.flatnonzero(sizes < 12)
        chosen = generator.choice(open_classes, min(IMAGES - int(sizes.sum()), len(open_classes) // 2), replace=False)
        sizes[chosen] += 1
    return generator.permutation(np.repeat(np.arange(CLASSES), sizes))


def run() -> list[Row]:
    labels = labels_like_products()
    size = BATCH[0] * BATCH[1]
    sampler = BalancedSampler(labels, *BATCH, seed=0)
    peer = MPerClassSampler(labels, BATCH[1], size, length_before_new_iter=len(labels))
    steps = sampler.steps_per_epoch
    ours = np.concatenate([sampler.next_batch() for _ in range(steps)])
    theirs = np.fromiter(itertools.islice(iter(peer), len(labels)), dtype=np.int64)

    def epoch() -> None:
        for _ in range(steps):
            sampler.next_batch()

    ways = {
        "build": lambda: BalancedSampler(labels, *BATCH, seed=0),
        "build of the peer": lambda: MPerClassSampler(labels, BATCH[1], size, length_before_new_iter=len(labels)),
        "epoch": epoch,
        "epoch of the peer": lambda: list(peer),
    }
    seconds = table.alternate(ways, rounds=5)
    images = [100 * len(np.unique(rows)) / len(labels) for rows in (ours, theirs)]
    classes = [100 * len(np.unique(labels[rows])) / CLASSES for rows in (ours, theirs)]
    batches = [1e6 * seconds["epoch"] / steps, 1e6 * seconds["epoch of the peer"] / (len(peer) // size)]
    theirs_how = f"peer, MPerClassSampler: {{}}; {IMAGES:,} images, {CLASSES:,} classes"
    return [
        *(
            Row("sampler", f"{name} seen in an epoch", own, "%", at_least=100, how=theirs_how.format(f"{peers:.0f} %"))
            for name, (own, peers) in (("images", images), ("classes", classes))
        ),
        Row(
            "sampler",
            "construction",
            seconds["build"],
            "s",
            at_most=0.2,
            how=theirs_how.format(f"{seconds['build of the peer']:.2f} s"),
        ),
        Row("sampler", "time of a batch of 100, planning of the epoch included", batches[0], "µs", batches[1]),
        Row("sampler", "images drawn in an epoch, repeats to fill batches included", len(ours), "images", len(theirs)),
    ]


if __name__ == "__main__":
    table.main(run)
