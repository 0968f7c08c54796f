"""A GPU: speed of a step, jobs that share it, agreement with the processor: python -m benchmarks.gpu.

112-px images of noise with BVLC GoogLeNet: images/s of the whole step, reading and augmentation included, against the
step on one batch in the device's memory, and against the processor with all its cores; then several jobs at once, each
in a process of its own, as HARDMINE_DEVICES=0,0,… has them. Agreement: the first steps of every run of
glyphs-full.yaml and reality-cub.yaml in float32, from equal weights and the same images, on both.
"""

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import torch

from benchmarks import setups, table
from benchmarks.table import Row
from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.settings import read_plan
from hardmine.training.device import prepare_device

RUN = {"method": "triplet", "selection": "semihard"}
WHAT = "112 px, BVLC GoogLeNet"
STEPS = 50
SHARING = (1, 2, 4, 8, 16)
SHARED_STEPS = 40
COMPARED_STEPS = 3
SAME = 1e-5
_together: Any = None
"""Where the jobs that share a device wait for each other."""


def seconds(step: Callable[[], object], steps: int) -> float:
    """Median seconds of a step, the device's work waited for."""
    times = []
    for number in range(steps + 5):
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        if number >= 5:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def speed(precision: str) -> list[Row]:
    """The step on the device against the same on data in memory, and against the processor."""
    prepare_device("cuda", len(os.sched_getaffinity(0)))
    torch.cuda.reset_peak_memory_stats()
    method, log = setups.photographs(RUN, precision, device="cuda"), EpochLog()
    rows = torch.from_numpy(method.sampler.next_batch())
    images = method.images.plain(rows)

    def resident() -> None:
        with method.precision():
            outputs = method.network(images)
        method.update(method.loss({name: value.float() for name, value in outputs.items()}, rows, log))

    whole, bare = seconds(lambda: setups.advance(method, log), STEPS), seconds(resident, STEPS)
    how = f"torch's tensors: {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB of the device at most"
    on_processor = setups.photographs(RUN, precision)
    slow = seconds(lambda: setups.advance(on_processor, log), 5)
    rate = method.images_per_step / whole
    return [
        Row("GPU", f"{WHAT}, {precision}: the step against the same on data in memory", rate, "images/s",
            method.images_per_step / bare, at_least=0.95, how=how),
        Row("GPU", f"{WHAT}, {precision}: the step against the processor's", rate, "images/s",
            method.images_per_step / slow, how=f"peer: {torch.get_num_threads()} threads"),
    ]  # fmt: skip


def share(precision: str, device: str, steps: int) -> float:
    """Images/s of one of several jobs, all begun together."""
    prepare_device(device, 1)
    method, log = setups.photographs(RUN, precision, device=device), EpochLog()
    for number in range(steps + 5):
        if number == 5:
            float(next(method.network.parameters()).detach().sum())  # waits for the device
            _together.wait(timeout=300)  # one that fails must not keep the others waiting
            start = time.perf_counter()
        setups.advance(method, log)
    float(next(method.network.parameters()).detach().sum())
    return steps * method.images_per_step / (time.perf_counter() - start)


def _meet(barrier: Barrier) -> None:
    global _together
    _together = barrier


def shared(precision: str, device: str = "cuda", steps: int = SHARED_STEPS) -> list[Row]:
    """Several jobs on one device, summed, against one alone."""
    context, rates = multiprocessing.get_context("spawn"), {}
    for jobs in SHARING:
        if jobs > len(os.sched_getaffinity(0)):
            break
        barrier = context.Barrier(jobs)
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_meet, initargs=(barrier,)) as pool:
            rates[jobs] = sum(pool.map(share, *zip(*[(precision, device, steps)] * jobs, strict=True)))
    return [
        Row("GPU", f"{WHAT}, {precision}: {jobs} jobs share it, summed", rate, "images/s", rates[1], how="peer: 1 job")
        for jobs, rate in rates.items()
        if jobs > 1
    ]


def losses(method: Method) -> list[dict[str, float]]:
    """What the first steps report."""
    found = []
    for _ in range(COMPARED_STEPS):
        log = EpochLog()
        setups.advance(method, log)
        found.append(log.means())
    return found


def differences(build: Callable[[str], Method], device: str) -> list[float]:
    """By how much, at most, a run's loss differs between a device and the processor, by step; relative."""
    here, there = losses(build("cpu")), losses(build(device))
    return [
        max(abs(one[key] - other[key]) / max(abs(one[key]), 1e-2) for key in one if "loss" in key)
        for one, other in zip(here, there, strict=True)
    ]


def agreement(title: str, builds: dict[str, Callable[[str], Method]], device: str = "cuda") -> list[Row]:
    """How many runs report the same loss at the first step, and by how much they differ after updates."""
    prepare_device(device, 4)
    found = {}
    for name, build in builds.items():
        if not build("cpu").total_steps:
            continue  # nothing is trained
        found[name] = differences(build, device)
        print(f"{title} {name}: {' '.join(f'{value:.1e}' for value in found[name])}", file=sys.stderr, flush=True)
    return rows_of(title, found)


def rows_of(title: str, found: dict[str, list[float]]) -> list[Row]:
    """Rows of what ``differences`` gives for each run."""
    others = {name: values[0] for name, values in found.items() if not values[0] <= SAME}
    named = "; ".join(f"{name} {value:.1e}" for name, value in sorted(others.items(), key=lambda item: -item[1]))
    what = f"{title}, float32: runs whose first loss is the processor's within {SAME:.0e} of it"
    how = f"peer: all runs; others: {named or 'none'}"
    equal = Row("GPU", what, len(found) - len(others), "runs", len(found), how=how)
    last = {name: values[-1] for name, values in found.items()}
    worst = max(last, key=lambda name: last[name])
    what = f"{title}, float32: difference of the loss of step {COMPARED_STEPS}, median of runs"
    how = f"greatest: {worst} {last[worst]:.1e}"
    return [equal, Row("GPU", what, statistics.median(last.values()), "of the loss", how=how)]


def compared(device: str = "cuda") -> list[Row]:
    """Agreement on letters and on photographs."""
    letters = read_plan(Path("experiments/glyphs-full.yaml"))
    small = {name: lambda device, name=name: setups.letters(name, device=device) for name in letters.runs}
    content = read_plan(Path("experiments/reality-cub.yaml"))
    plan = content.model_copy(update={"training": content.training.model_copy(update={"precision": "float32"})})
    large = {name: lambda device, name=name: setups.build(plan, name, (128, 3), 40, 15, device) for name in plan.runs}
    return agreement("glyphs, small CNN", small, device) + agreement(WHAT, large, device)


def run() -> list[Row]:
    if not torch.cuda.is_available():
        return [Row("GPU", "no GPU on this machine: nothing measured", float("nan"), "")]
    return [*speed("float32"), *speed("bf16"), *shared("bf16"), *compared()]


if __name__ == "__main__":
    table.main(run)
