"""What a training step of each method costs against its base loss: python -m benchmarks.method_steps.

Letters: the runs of experiments/glyphs-full.yaml on random images of the size of glyphs; HDML once more with the
defaults of its paper. Photographs: random 112-px images with BVLC GoogLeNet in float32, each method with its own
defaults. One thread. The two members of a pair take turns step by step; the figure is mean processor time per trained
image, the slowest tenth of the steps left out (what an epoch does at its start is in the mean). Smart Mining's
selection is timed apart and set against the training of the rest of its epoch.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from benchmarks import setups, table
from benchmarks.table import Row
from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.methods.smart_mining import method as smart_mining
from hardmine.training.device import prepare_device


@dataclass(frozen=True)
class Pair:
    """A method, its base, and the largest ratio allowed."""

    method: str | dict[str, Any]
    base: str | dict[str, Any]
    limit: float | None


HDML = {"method": "hdml", "head_start": 0.2}
HUNDRED = {"training": {"batch": {"classes": 10, "images_per_class": 10}}}
SIXTY = {"training": {"batch": {"classes": 10, "images_per_class": 6}}}
HEADS = {"method": "hdc", "head_channels": 128, "head_features": 1024}
RANDOM_STAGES = {"class_stage": "random", "instance_stage": "random"}
LETTERS = {
    "HDC": Pair("hdc", "hdc-one-level", 1.15),
    "HDML N-pair, settings of glyphs": Pair("hdml-npair", "hdml-npair-base", 2.0),
    "HDML N-pair, defaults of the paper": Pair(HDML, {**HDML, "variant": "base"}, 2.0),
    "HDML triplet": Pair("hdml-triplet", "hdml-triplet-base", 2.0),
    "SCHEM with bank": Pair("schem", "schem-v1-random", 1.35),
    "Smart Mining, with its pass over all images": Pair("smart-mining", "smart-mining-random", None),
}
PHOTOGRAPHS = {
    "HDC": Pair({**HEADS, **SIXTY}, {**HEADS, "ratios": [1], **SIXTY}, 1.15),
    "HDML N-pair": Pair(
        {"method": "hdml", "batch_size": 60}, {"method": "hdml", "batch_size": 60, "variant": "base"}, 2.0
    ),
    "SCHEM with bank": Pair({"method": "schem"}, {"method": "schem", **RANDOM_STAGES}, 1.35),
}


def step(method: Method, log: EpochLog) -> float:
    """Processor seconds per trained image of one step; work at the start of an epoch counts."""
    start = time.process_time()
    setups.advance(method, log)
    return (time.process_time() - start) / method.images_per_step


def compare(first: Any, second: Any, steps: int, warm: int) -> tuple[float, float]:
    """Microseconds per trained image of two methods."""
    log, methods = EpochLog(), (first, second)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(steps + warm):
        for method, seconds in zip(methods, times, strict=True):
            taken = step(method, log)
            if number >= warm:
                seconds.append(taken)
    own, base = (1e6 * statistics.mean(sorted(seconds)[: max(1, int(0.9 * steps))]) for seconds in times)
    return own, base


def selection_share(method: Any = None) -> Row:
    """Search and selection of one epoch of Smart Mining (on glyphs, unless given), against the rest of its epoch."""
    method, log = method or setups.letters("smart-mining"), EpochLog()
    spent = []
    plain = smart_mining.mine

    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.process_time()
        found = plain(*arguments, **options)
        spent.append(time.process_time() - start)
        return found

    smart_mining.mine = timed
    epochs = 2 + method.run.random_epochs
    for _ in range(epochs * method.steps_per_epoch):
        if method.step_number % method.steps_per_epoch == 0:
            start = time.process_time()
        setups.advance(method, log)
    training = time.process_time() - start - spent[-1]
    smart_mining.mine = plain
    what = "Smart Mining on letters: search and selection, against the rest of its epoch"
    how = "1 thread; 4,000 images; the pass over all images counts as training"
    return Row("method steps", what, 1000 * spent[-1], "ms", 1000 * training, at_most=0.01, how=how)


def run() -> list[Row]:
    prepare_device("cpu", 1)
    rows = []
    for name, pair in LETTERS.items():
        methods = (setups.letters(side) for side in (pair.method, pair.base))
        own, base = compare(*methods, steps=60, warm=5)
        how = "1 thread; peer: its base loss"
        rows.append(Row("method steps", f"letters: {name}", own, "µs an image", base, at_most=pair.limit, how=how))
    for name, pair in PHOTOGRAPHS.items():
        methods = (setups.photographs(side, "float32") for side in (pair.method, pair.base))
        own, base = compare(*methods, steps=4, warm=1)
        how = "1 thread; peer: its base loss"
        rows.append(Row("method steps", f"112 px: {name}", own, "µs an image", base, at_most=pair.limit, how=how))
    return [*rows, selection_share()]


if __name__ == "__main__":
    table.main(run)
