"""Images per second of training on glyphs: python -m benchmarks.training

One process with one thread, then as many processes as cores at once; beside them, in the same run and on the same
data, the bare step (one batch already in memory, no augmentation, same network and loss) and the usual peer: a
DataLoader with the library's sampler, loss and miner.
"""

import multiprocessing
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages, normalise
from hardmine.methods import Method, Setup, build_method
from hardmine.settings import load_plan
from hardmine.training.log import EpochLog

STEPS = 60


def build() -> Method:
    """triplet-semihard with the defaults, on random images of the size of glyphs."""
    run = {"method": "triplet", "selection": "semihard"}
    plan = load_plan({"plan": "p", "baseline": "r", "dataset": {"name": "glyphs"}, "runs": {"r": run}}, "benchmark")
    labels = np.repeat(np.arange(200), 20)
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), 32, 32, 1), dtype=np.uint8)
    device = torch.device("cpu")
    training = plan.training_of(plan.runs["r"])
    images = TrainingImages(ImageStore(pixels, np.arange(len(labels)), labels), training.augmentation, device, 0)
    method = build_method(Setup(plan.runs["r"], plan.backbone, training, images, 1, 32, device, 0))
    method.network.train()
    return method


def rate(step, images: int) -> float:
    """Median images/s over steps, after five to warm up."""
    times = []
    for number in range(STEPS + 5):
        start = time.perf_counter()
        step()
        if number >= 5:
            times.append(time.perf_counter() - start)
    return images / statistics.median(times)


def ours(_: int = 0) -> float:
    """The training step as the loop runs it."""
    torch.set_num_threads(1)
    method, log = build(), EpochLog()

    def step() -> None:
        method.step(log)
        method.step_number += 1

    return rate(step, method.images_per_step)


def bare() -> float:
    """Forward, loss, backward, update of one batch in memory."""
    method = build()
    rows = torch.from_numpy(method.sampler.next_batch())
    images, log = method.images.plain(rows), EpochLog()
    return rate(lambda: method.update(method.loss(method.network(images), rows, log)), len(rows))


class Images(Dataset):
    """Single images, as a DataLoader wants them, shifted by up to two pixels."""

    def __init__(self, store: ImageStore) -> None:
        self.store = store

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        image = normalise(torch.from_numpy(self.store.read(np.array([row]))))[0]
        down, right = torch.randint(-2, 3, (2,)).tolist()
        return torch.roll(image, (down, right), (1, 2)), int(self.store.labels[row])


def peer(workers: int) -> float:
    """A DataLoader with MPerClassSampler, TripletMarginMiner and TripletMarginLoss on the same network."""
    from pytorch_metric_learning.samplers import MPerClassSampler

    method = build()
    store = method.images.store
    sampler = MPerClassSampler(store.labels, 4, batch_size=100, length_before_new_iter=100 * (STEPS + 10))
    loader = iter(DataLoader(Images(store), batch_size=100, sampler=sampler, num_workers=workers, drop_last=True))

    def step() -> None:
        images, labels = next(loader)
        images = images.contiguous(memory_format=torch.channels_last)
        value, _ = method.loss_module(method.network(images)["embedding"], labels)
        method.update(value)

    return rate(step, 100)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    cores = len(os.sched_getaffinity(0))
    rows = [("ours, one process", ours()), ("bare step", bare())]
    rows += [(f"DataLoader, {workers} workers", peer(workers)) for workers in (0, 2)]
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        rows.append(
            (f"ours, {cores} processes on {cores} cores, summed", sum(pool.map(ours, range(cores), chunksize=1)))
        )
    print("| | images/s |\n|---|--:|")
    for name, value in rows:
        print(f"| {name} | {value:,.0f} |")


if __name__ == "__main__":
    main()
