"""How long settling takes: python -m benchmarks.settling [artefacts]."""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from hardmine.artefacts import Job, settle
from hardmine.artefacts.making import making


def main(count: int = 1000) -> None:
    """Make a chain of small artefacts (packed data, models, metrics, a report) and settle it when all is good."""
    os.chdir(tempfile.mkdtemp())
    packed = Job("p", "preprocess", "data/packed/d", ("images.npy", "items.csv"), (), {"n": 1}, {})
    models = [
        Job(
            "p",
            "train",
            f"models/p/r{i}/seed0",
            ("model.safetensors", "history.csv"),
            (packed.folder,),
            {"rate": i},
            {},
        )
        for i in range(count // 2)
    ]
    metrics = [
        Job("p", "evaluate", f"metrics/p/r{i}/seed0", ("metrics.json",), (model.folder,), {"k": [1, 2]}, {})
        for i, model in enumerate(models)
    ]
    jobs = [packed, *models, *metrics]
    for job in jobs:
        with making(job) as folder:
            for name in job.outputs:
                Path(folder, name).write_text(f"{job.folder} {name}")
    settle(jobs)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        assert settle(jobs) == []
        times.append(time.perf_counter() - start)
    middle = statistics.median(times)
    print(f"settling {len(jobs)} good artefacts: median {middle:.3f} s, {min(times):.3f} to {max(times):.3f} s")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
