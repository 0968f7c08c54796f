"""Images per second of training on glyphs and on photographs: python -m benchmarks.training.

The peer is what is usual: a DataLoader with two workers, the library's sampler, miner and loss, on the same network,
optimiser, images and batch. Its augmentation is the same, made image by image: a shift on glyphs, crop and mirror on
photographs, out of the same array (a peer that decodes files would be slower). It is there twice: as such scripts are
written, tensors in torch's default layout (the target is against this one), and with our layout, channels last, which
shows what the rest of the difference is. Ours keeps freed memory, as every training job does. Beside them the bare
step: one batch already in memory, no augmentation, same network and loss. One training with one thread, then as many at
once as there are cores, as the pipeline trains; each in a process of its own. The sides take turns, and the figure is
the median of the rounds, each the median of its steps. The targets are those of all cores in use.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks import setups, table
from benchmarks.table import Row
from hardmine.images import ImageStore
from hardmine.images.batches import normalise
from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.training.device import prepare_device

RUN = {"method": "triplet", "selection": "semihard"}
WORKERS = 2
ROUNDS = {"glyphs": 3, "photographs": 2}
STEPS = {"glyphs": 60, "photographs": 4}
KINDS = {
    "glyphs": ("glyphs, 32 px, small CNN", 1.5),
    "photographs float32": ("112 px, BVLC GoogLeNet, float32", 1.2),
    "photographs bf16": ("112 px, BVLC GoogLeNet, bf16", None),
}
NAMES = {"peer": "a DataLoader", "peer, channels last": "a DataLoader with our layout"}
AVX512_BF16 = "avx512_bf16"


def build(kind: str) -> Method:
    """triplet-semihard on the images of a kind."""
    name, _, precision = kind.partition(" ")
    return setups.photographs(RUN, precision) if name == "photographs" else setups.letters(RUN)


def rate(kind: str, step: Callable[[], object], images: int) -> float:
    """Median images/s over steps, a tenth of them to warm up."""
    times, wanted = [], STEPS[kind.split()[0]]
    for number in range(wanted + max(2, wanted // 10)):
        start = time.perf_counter()
        step()
        if number >= max(2, wanted // 10):
            times.append(time.perf_counter() - start)
    return images / statistics.median(times)


def ours(kind: str) -> float:
    """The training step as the loop runs it."""
    prepare_device("cpu", 1)
    method, log = build(kind), EpochLog()
    return rate(kind, lambda: setups.advance(method, log), method.images_per_step)


def data_path(kind: str) -> list[float]:
    """Milliseconds of choosing a batch, reading and augmenting it, and of the whole step."""
    prepare_device("cpu", 1)
    method, log = build(kind), EpochLog()

    def data() -> Tensor:
        return method.images.augmented(method.sampler.next_batch())

    steps = STEPS[kind.split()[0]]
    ways = {"data": data, "step": lambda: setups.advance(method, log)}
    found = table.alternate(ways, steps, warm=2, clock=time.perf_counter)
    return [1000 * found["data"], 1000 * found["step"]]


def bare(kind: str) -> float:
    """Forward, loss, backward, update of one batch in memory."""
    prepare_device("cpu", 1)
    method = build(kind)
    rows = torch.from_numpy(method.sampler.next_batch())
    images, log = method.images.plain(rows), EpochLog()

    def step() -> None:
        with method.precision():
            outputs = method.network(images)
        method.update(method.loss({name: value.float() for name, value in outputs.items()}, rows, log))

    return rate(kind, step, len(rows))


class Images(Dataset[Any]):
    """Single images, changed at random, as a DataLoader wants them."""

    def __init__(self, store: ImageStore, crop: int) -> None:
        self.store = store
        self.crop = crop

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        image = normalise(torch.from_numpy(self.store.read(np.array([row]))))[0]
        if self.crop:
            down, right = torch.randint(image.shape[1] - self.crop + 1, (2,)).tolist()
            image = image[:, down : down + self.crop, right : right + self.crop]
            image = image.flip(2) if torch.rand(()) < 0.5 else image
        else:
            down, right = torch.randint(-2, 3, (2,)).tolist()
            image = torch.roll(image, (down, right), (1, 2))
        return image, int(self.store.labels[row])


def peer(kind: str, layout: torch.memory_format = torch.contiguous_format) -> float:
    """A DataLoader with MPerClassSampler, TripletMarginMiner and TripletMarginLoss on the same network."""
    from pytorch_metric_learning import distances, losses, miners
    from pytorch_metric_learning.samplers import MPerClassSampler

    torch.set_num_threads(1)
    method = build(kind)
    method.network.to(memory_format=layout)
    store, batch = method.images.store, method.images_per_step
    squared = distances.LpDistance(power=2)
    miner = miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=squared)
    criterion = losses.TripletMarginLoss(margin=0.2, distance=squared)
    sampler = MPerClassSampler(store.labels, 4, batch_size=batch, length_before_new_iter=100 * batch)
    images = Images(store, method.images.augmentation.crop)
    loader = iter(DataLoader(images, batch_size=batch, sampler=sampler, num_workers=WORKERS, drop_last=True))

    def step() -> None:
        pixels, labels = next(loader)
        with method.precision():
            outputs = method.network(pixels.contiguous(memory_format=layout))
        embeddings = outputs["embedding"].float()
        method.update(criterion(embeddings, labels, miner(embeddings, labels)))

    return rate(kind, step, batch)


def peer_channels_last(kind: str) -> float:
    """The same with our memory layout."""
    return peer(kind, torch.channels_last)


SIDES: dict[str, Callable[[str], float]] = {
    "ours": ours,
    "peer": peer,
    "peer, channels last": peer_channels_last,
    "bare": bare,
}


def together(side: str, kind: str, trainings: int) -> float:
    """Summed images/s of several trainings of one side at once, one thread each."""
    with ProcessPoolExecutor(trainings, multiprocessing.get_context("spawn")) as pool:
        return sum(pool.map(SIDES[side], [kind] * trainings))


def run() -> list[Row]:
    cores = len(os.sched_getaffinity(0))
    rows = []
    for kind, (title, least) in KINDS.items():
        if kind.endswith("bf16") and AVX512_BF16 not in Path("/proc/cpuinfo").read_text():
            continue
        for trainings in sorted({1, cores}):
            how = f"{trainings} at once, summed, 1 thread each" if trainings > 1 else "1 thread"
            peers = f"{how}; peer: as many with a DataLoader of {WORKERS} workers each"
            title_here = f"{title}, {trainings} at once, against"
            sides = list(SIDES) if least else ["ours", "bare"]  # bf16 in torch's default layout is a fraction as fast
            rates: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(ROUNDS[kind.split()[0]]):
                for side, values in rates.items():
                    values.append(together(side, kind, trainings))
            found = {side: statistics.median(values) for side, values in rates.items()}
            own = found.pop("ours")
            rows.append(Row("training", f"{title_here} the bare step", own, "images/s", found.pop("bare"), how=how))
            for side, theirs in found.items():
                what = f"{title_here} {NAMES[side]}"
                target = least if trainings == cores and side == "peer" else None
                rows.append(Row("training", what, own, "images/s", theirs, at_least=target, how=peers))
        data, whole = table.alone("benchmarks.training", "data_path", kind)
        how = "1 thread; choosing, reading, augmenting a batch; peer: the whole step"
        rows.append(Row("data path", f"{title}: share of the step", data, "ms", whole, at_most=0.05, how=how))
    return rows


if __name__ == "__main__":
    table.main(run)
