"""Artefacts of a plan that was never trained, for tests of the report: random, small, the same for the same seed."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from hardmine.artefacts import Job, Record, digest
from hardmine.artefacts.record import write_record
from hardmine.datasets import Items, write_items
from hardmine.figures.report import figures
from hardmine.images import write_images

RECALL_AT = (1, 2, 4)
PACKED = "data/packed/fake"


@dataclass
class Plan:
    """What the artefacts are of.

    Attributes:
        runs: names; the first is the baseline, and each is better than the one before it.
        seeds: of every run.
        classes: names of the test classes.
        images: of each test class.
        edge: of an image, in pixels.
        channels: 1 or 3.
        apart: queries and gallery are different images, as in In-shop.
        notes: more settings of every training.
        missing: values left out of ``metrics.json``, as (run, seed, metric).
        unknown: values that are nan there, as (run, seed, metric).
        splits: those that are measured.
        reversed_on_test: the last run is worst on test classes, and best on validation classes.
        without_match: share of the queries without a match; among the values where it is not 0.
        job_settings: more settings of the figures job.
        failed: trainings that failed, as (run, seed).
        trials: of every run but the first; each has one key, and the chosen one is the third.
    """

    runs: Sequence[str] = ("base", "triplet-semihard", "hdc")
    seeds: Sequence[int] = (0, 1, 2)
    classes: Sequence[str] = tuple(f"class {number}" for number in range(8))
    images: int = 6
    edge: int = 16
    channels: int = 1
    apart: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    missing: Iterable[tuple[str, int, str]] = ()
    unknown: Iterable[tuple[str, int, str]] = ()
    splits: Sequence[str] = ("validation", "test")
    reversed_on_test: bool = False
    without_match: float = 0.0
    job_settings: dict[str, Any] = field(default_factory=dict)
    failed: Iterable[tuple[str, int]] = ()
    trials: int = 0

    @property
    def job(self) -> Job:
        """The figures job."""
        settings = {
            "plan": "fake",
            "dataset": "fakes",
            "baseline": self.runs[0],
            "seeds": list(self.seeds),
            "runs": {run: {"method": "triplet"} for run in sorted(self.runs)},
            "order": list(self.runs),
            "recall_at": list(RECALL_AT),
            "protocol": "fair",
            "figures": ["recall", "curves", "loss"],
            **self.job_settings,
        }
        if self.trials:
            budget = {"trials": self.trials, "folds": 3, "rate_trials": 1, "rule": "best", "images": [100]}
            keys = {run: ["training.learning_rate", "margin"] for run in self.runs[1:]}
            settings["tuning"] = {**budget, "keys": keys, "like": {self.runs[0]: self.runs[1]}}
        inputs = tuple(f"models/fake/{run}/seed{seed}" for run in self.runs for seed in self.seeds)
        return Job("fake", "figures", "report/fake", (), inputs, settings, {"packed": PACKED})


def write_artefacts(plan: Plan, folder: Path, neighbours: int = 10) -> None:
    """Write everything the figures verb reads below ``folder``."""
    rng = np.random.default_rng(0)
    count = len(plan.classes) * plan.images
    labels = np.repeat(np.arange(len(plan.classes)), plan.images)
    train = 4  # rows before the test images, so that rows and positions differ
    rows = np.arange(train, train + count)
    waves = np.sin(np.linspace(0, 9, plan.edge)[:, None] * rng.uniform(0.2, 1, len(plan.classes)))
    images = np.zeros((train + count, plan.edge, plan.edge, plan.channels), dtype=np.uint8)
    for row, label in zip(rows, labels, strict=True):
        picture = (
            128 + 90 * np.outer(waves[:, label], np.roll(waves[:, label], row)) + rng.normal(0, 12, images.shape[1:3])
        )
        images[row] = np.clip(picture, 0, 255)[..., None]
    (folder / PACKED).mkdir(parents=True)
    write_images(folder / PACKED / "images.npy", images)
    query = np.arange(count) % 3 == 0 if plan.apart else np.ones(count, dtype=bool)
    gallery = ~query if plan.apart else query
    roles = ["query" if own else "gallery" for own in query] if plan.apart else ["both"] * count
    write_items(
        folder / PACKED / "items.csv",
        Items(
            [f"{row}.png" for row in range(train + count)],
            ["trained"] * train + [plan.classes[label] for label in labels],
            ["train"] * train + ["test"] * count,
            ["train"] * train + roles,
        ),
    )
    centres = rng.normal(size=(len(plan.classes), 12))
    for number, run in enumerate(plan.runs):
        for seed in plan.seeds:
            noise = rng.normal(size=(count, 12)) * 1.6 / (1 + 0.3 * number)
            vectors = (centres[labels] + noise).astype(np.float32)
            _write_run(plan, folder, (run, number, seed), rng, (rows, vectors, query, gallery), neighbours)


def _write_run(
    plan: Plan,
    folder: Path,
    place: tuple[str, int, int],
    rng: np.random.Generator,
    space: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    neighbours: int,
) -> None:
    run, number, seed = place
    rows, vectors, query, gallery = space
    part = f"fake/{run}/seed{seed}"
    for verb in ("models", "embeddings", "metrics"):
        (folder / verb / part).mkdir(parents=True)
    save_file({"rows": rows, "embedding": vectors}, folder / "embeddings" / part / "embeddings.safetensors")
    products = vectors[query] @ vectors[gallery].T
    distances = (vectors[query] ** 2).sum(1)[:, None] + (vectors[gallery] ** 2).sum(1)[None] - 2 * products
    distances[rows[query][:, None] == rows[gallery][None]] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    lists = {
        "queries": rows[query],
        "rows": np.ascontiguousarray(rows[gallery][order]),
        "distances": np.ascontiguousarray(np.take_along_axis(distances, order, axis=1)),
    }
    save_file(lists, folder / "metrics" / part / "neighbours.safetensors")
    values = []
    for metric, k in [*(("recall", k) for k in RECALL_AT), ("map@r", None), ("nmi", None)]:
        for split in plan.splits:
            rank = len(plan.runs) - 1 - number if plan.reversed_on_test and split == "test" else number
            value = float(0.3 + 0.1 * rank + 0.05 * RECALL_AT.index(k or 1) + rng.normal(0, 0.01))
            if (run, seed, metric) in list(plan.missing):
                continue
            value = float("nan") if (run, seed, metric) in list(plan.unknown) else value
            head = {"embedding": "embedding", "split": split, "protocol": "all", "draw": 0}
            values.append({**head, "metric": metric, "k": k, "value": value})
    if plan.without_match:
        values.append({**head, "metric": "without_match", "k": None, "value": plan.without_match})
    (folder / "metrics" / part / "metrics.json").write_text(json.dumps({"counts": {}, "values": values}))
    epochs = np.arange(1, 5)
    history = {"epoch": epochs, "images": 100 * epochs, "loss": 1 / epochs}
    history["val_recall@1"] = 0.2 + 0.05 * number + 0.1 * np.log(epochs) + rng.normal(0, 0.005, 4)
    pd.DataFrame(history).to_csv(folder / "models" / part / "history.csv", index=False)
    record = {
        "settings": {"method": {"method": "triplet"}, "seed": seed, **plan.notes},
        "inputs": {},
        "outputs": {"model.safetensors": f"{number:02x}{seed:02x}" * 16},
        "sizes": {},
        "made_with": {"hardmine": "0.0", "commit": "c0ffee", **{key: str(value) for key, value in plan.notes.items()}},
    }
    if (run, seed) in list(plan.failed):
        record["failed"] = {"reason": "training: 'loss' became nan <b>.", "step": 1234, "counts": "epoch 2"}
    (folder / "models" / part / "made.json").write_text(json.dumps(record))
    if plan.trials and number and seed == plan.seeds[0]:
        table = folder / "tuning/fake" / run / "table"
        table.mkdir(parents=True)
        scores = np.linspace(0.2, 0.1, plan.trials) + 0.01 * number
        scores[2] = 0.5
        columns = {"trial": range(plan.trials), "searched": ["own", "rate", *["all"] * (plan.trials - 2)]}
        columns["training.learning_rate"] = ["", *["0.002"] * (plan.trials - 1)]
        columns["margin"] = ["", "", *["0.3"] * (plan.trials - 2)]
        columns |= {"map@r": scores, "map@r_se": 0.01, "recall@1": 2 * scores, "below_best": 0.5 - scores}
        columns |= {"below_best_se": 0.01, "distance": 0.5, "failed": [0, 1, *[0] * (plan.trials - 2)], "rule": "best"}
        columns["chosen"] = ["yes" if trial == 2 else "" for trial in range(plan.trials)]
        pd.DataFrame(columns).to_csv(table / "trials.csv", index=False)


def make_report(plan: Plan, folder: Path, neighbours: int = 10) -> Path:
    """Write artefacts below ``folder`` and the report of them; its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_artefacts(plan, folder, neighbours)
    with contextlib.chdir(folder):
        report = Path("report/fake")
        figures(plan.job, report)
        names = sorted(str(path.relative_to(report)) for path in report.rglob("*") if path.is_file())
        write_record(report, Record(plan.job.settings, {}, {name: digest(report / name) for name in names}, {}, {}))
    return folder / "report/fake"


def read_data(path: Path) -> dict[str, Any]:
    """What a data script stores, by name, read without running it."""
    found = {}
    for line in path.read_text(encoding="ascii").splitlines():
        head, _, value = line.partition("] = ")
        if head.startswith('window.report["'):
            found[head.removeprefix('window.report["').removesuffix('"')] = json.loads(value.removesuffix(";"))
    return found
