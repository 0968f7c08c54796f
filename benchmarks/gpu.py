"""Training steps on a GPU against the same steps on data that is there already: python -m benchmarks.gpu.

112-px photographs with BVLC GoogLeNet in bf16: images/s of the whole step, reading and augmentation included, against
the step on one batch in the device's memory. Without a GPU it says so.
"""

import statistics
import time
from collections.abc import Callable

import torch

from benchmarks import setups, table
from benchmarks.table import Row
from hardmine.methods.log import EpochLog

STEPS = 50


def seconds(step: Callable[[], object]) -> float:
    """Median seconds of a step, the device's work waited for."""
    times = []
    for number in range(STEPS + 5):
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        if number >= 5:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def run() -> list[Row]:
    if not torch.cuda.is_available():
        return [Row("GPU", "no GPU on this machine: nothing measured", float("nan"), "")]
    run_settings = {"method": "triplet", "selection": "semihard"}
    method, log = setups.photographs(run_settings, "bf16", device="cuda"), EpochLog()
    rows = torch.from_numpy(method.sampler.next_batch())
    images = method.images.plain(rows)

    def resident() -> None:
        with method.precision():
            outputs = method.network(images)
        method.update(method.loss({name: value.float() for name, value in outputs.items()}, rows, log))

    whole, bare = seconds(lambda: setups.advance(method, log)), seconds(resident)
    rates = method.images_per_step / whole, method.images_per_step / bare
    memory = torch.cuda.max_memory_allocated() / 2**20
    what = "112 px, BVLC GoogLeNet, bf16: the step against the same on data in memory"
    return [Row("GPU", what, rates[0], "images/s", rates[1], at_least=0.95, how=f"{memory:.0f} MiB at most")]


if __name__ == "__main__":
    table.main(run)
