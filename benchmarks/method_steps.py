"""What a training step of each method costs against its base: python -m benchmarks.method_steps.

The runs are those of experiments/glyphs-full.yaml, on random images of the size of glyphs, one thread. The two
members of a pair take turns step by step; the figure is the ratio of their mean times per trained image, the slowest
tenth of the steps left out.
"""

import statistics
import time
from pathlib import Path

import numpy as np
import torch

from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Method, Setup, build_method
from hardmine.settings import read_plan
from hardmine.training.log import EpochLog

PAIRS = (
    ("hdc", "hdc-one-level", 1.15),
    ("hdml-npair", "hdml-npair-base", 2.0),
    ("hdml-triplet", "hdml-triplet-base", 2.0),
    ("schem", "schem-v1-random", 1.35),
    ("smart-mining", "smart-mining-random", 1.35),
)
STEPS = 60


def build(run_name: str) -> Method:
    """A run of the full plan on random images, 200 classes × 20."""
    plan = read_plan(Path("experiments/glyphs-full.yaml"))
    run = plan.runs[run_name]
    training = plan.training_of(run)
    labels = np.repeat(np.arange(200), 20)
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), 32, 32, 1), dtype=np.uint8)
    device = torch.device("cpu")
    images = TrainingImages(ImageStore(pixels, np.arange(len(labels)), labels), training.augmentation, device, 0)
    method = build_method(Setup(run, plan.backbone_of(run), training, images, 1, 32, device, 0))
    method.network.train()
    return method


def step(method: Method, log: EpochLog) -> float:
    """Seconds per trained image of one step; work at the start of an epoch counts."""
    start = time.perf_counter()
    epoch, within = divmod(method.step_number, method.steps_per_epoch)
    if within == 0:
        method.begin_epoch(epoch, log)
    method.step(log)
    method.step_number += 1
    return (time.perf_counter() - start) / method.images_per_step


def main() -> None:
    """Print a row a pair."""
    torch.set_num_threads(1)
    print("| method | base | µs an image | base | ratio | at most |\n|---|---|--:|--:|--:|--:|")
    for name, base, limit in PAIRS:
        methods = build(name), build(base)
        log, times = EpochLog(), ([], [])
        for number in range(STEPS + 5):
            for method, seconds in zip(methods, times, strict=True):
                taken = step(method, log)
                if number >= 5:
                    seconds.append(taken)
        ours, theirs = (1e6 * statistics.mean(sorted(seconds)[: int(0.9 * STEPS)]) for seconds in times)
        print(f"| {name} | {base} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} | {limit} |", flush=True)


if __name__ == "__main__":
    main()
