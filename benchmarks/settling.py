"""How long settling takes: python -m benchmarks.settling."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks import table
from benchmarks.table import Row
from hardmine.artefacts import WORK, Job, code_of, settle
from hardmine.artefacts.making import making
from hardmine.settings.methods import METHODS


def chain(count: int) -> list[Job]:
    """Packed data, models on it, metrics of these: ``count`` artefacts and one more."""
    packed = Job("p", "preprocess", "data/packed/d", ("images.npy", "items.csv"), (), {"n": 1}, {})
    files = ("model.safetensors", "history.csv")
    methods = [(WORK["train"], *METHODS.code(name)) for name in METHODS.table]
    models = [
        Job("p", "train", folder, files, (packed.folder,), {"rate": number}, {}, methods[number % len(methods)])
        for number, folder in enumerate(f"models/p/r{number}/seed0" for number in range(count // 2))
    ]
    code = (WORK["evaluate"],)
    metrics = [
        Job("p", "evaluate", f"metrics/p/r{number}/seed0", ("metrics.json",), (model.folder,), {"k": [1, 2]}, {}, code)
        for number, model in enumerate(models)
    ]
    return [packed, *models, *metrics]


def settled(count: int) -> dict[str, float]:
    """Seconds that settling takes when all is good, in a process that has read no code yet: medians of nine.

    Returns:
        ``cached``, with the digests of ``scratch/code.json``, and ``first``, without them.
    """

    def settle_anew(cached: bool) -> None:
        if not cached:
            Path("scratch/code.json").unlink()
        code_of((), fresh=True)
        settle(jobs)

    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        jobs = chain(count)
        for job in jobs:
            with making(job) as folder:
                for name in job.outputs:
                    Path(folder, name).write_text(f"{job.folder} {name}")
        settle(jobs)
        assert settle(jobs) == {}
        ways = {"cached": lambda: settle_anew(True), "first": lambda: settle_anew(False)}
        seconds = table.alternate(ways, rounds=9, clock=time.perf_counter)
        os.chdir("/")
    return seconds


def run() -> list[Row]:
    seconds = settled(1000)
    return [
        Row("pipeline", "settling 1,001 good artefacts", seconds["cached"], "s", at_most=0.25, how="median of nine"),
        Row("pipeline", "the same, code read anew", seconds["first"], "s", at_most=1.5, how="median of nine"),
    ]


if __name__ == "__main__":
    table.main(run)
