"""A trial: one point of a run's search space, judged on held-out parts of the training classes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hardmine.artefacts import Job, take_twin, write_text
from hardmine.errors import TrainingFailedError, UserError
from hardmine.images import ImageStore, open_store
from hardmine.methods.log import EpochLog
from hardmine.settings.training import Training

from .checkpoint import Checkpoints
from .device import prepare_device
from .device_faults import telling_of_devices
from .loop import build, final_embeddings, follow, retrieval_scores, start
from .notice import Notice
from .progress import Progress

__all__ = ["fold_stores", "trial"]


@telling_of_devices
def trial(job: Job, folder: Path, threads: int, device_name: str) -> None:
    """Train once a fold and score the last step on the fold's classes; writes ``scores.json``.

    The images come from the training classes alone. A fold that diverges or collapses counts 0, with its reason. Where
    another run's trial had the same settings, its scores are taken.

    Raises:
        UserError: the training classes cannot be divided so.
        StoppedError: the process was asked to stop; a checkpoint is written.
    """
    if twin := take_twin(job, folder, "tuning/*/*/trial*"):
        print(f"the same as {twin}", flush=True)
        return
    device = prepare_device(device_name, threads, alone=True, gradients=True)
    training = Training.model_validate(job.settings["training"])
    store, _ = open_store(Path(job.where["packed"]), training.split)
    checkpoints, notice = Checkpoints(job, device), Notice()
    saved = checkpoints.load()
    scores: list[dict[str, Any]] = list(saved["scores"]) if saved else []
    resumed = len(scores)
    for fold in range(resumed, job.settings["folds"]):
        fit, held = fold_stores(store, job.settings["folds"], job.settings["fold_seed"])[fold]
        method, log = build(job.settings, training, fit, device, job.settings["seed"] + fold), EpochLog()
        saved = checkpoints.load() if fold == resumed else None
        if saved:
            method.load_state_dict(saved["method"])
            log.load_state_dict(saved["log"])
            print(f"resumed in fold {fold + 1} at step {method.step_number} of {method.total_steps}", flush=True)
        else:
            start(method, job)
        name = f"{job.where['run']} trial {job.where['trial']} fold {fold + 1}"
        progress = Progress(name, method.total_steps, method.step_number, method.images_per_step)

        def pause(method: Any = method, log: EpochLog = log) -> None:
            if notice.given or checkpoints.due():
                checkpoints.save({"scores": scores, "method": method.state_dict(), "log": log.state_dict()})
            notice.obey(f"{job.folder}: fold {len(scores) + 1}, step {method.step_number} of {method.total_steps}")

        def close_epoch(epoch: int, log: EpochLog = log) -> None:
            log.load_state_dict({"sums": {}, "weights": {}})

        row: dict[str, Any] = {"fold": fold + 1, "classes": held.classes, "images": len(held)}
        try:
            follow(method, log, progress, close_epoch, pause)
            embeddings, _ = final_embeddings(method, held, f"by step {method.step_number}")
            found = retrieval_scores(next(iter(embeddings.values())), held.labels)
            row |= {"map@r": found["map@r"], "recall@1": found["recall@1"], "failed": ""}
        except TrainingFailedError as failure:
            row |= {"map@r": 0.0, "recall@1": 0.0, "failed": str(failure)}
            print(f"fold {fold + 1} counts 0: {failure}", flush=True)
        scores.append(row)
        progress.close()
    notice.close()
    write_text(folder / "scores.json", json.dumps({"folds": scores}, indent=1) + "\n")


def fold_stores(store: ImageStore, folds: int, seed: int) -> list[tuple[ImageStore, ImageStore]]:
    """For each fold the images of the other classes and those of its own; every class is held out once.

    Args:
        store: the training images.
        folds: parts of the classes.
        seed: of the division.

    Raises:
        UserError: a part would have fewer than two classes, or no class with two images.
    """
    if store.classes < 2 * folds:
        raise UserError(
            f"tuning.folds: {folds} parts of {store.classes} training classes leave fewer than two in a part; at most "
            f"{store.classes // 2}."
        )
    parts = np.array_split(np.random.default_rng(seed).permutation(store.classes), folds)
    sizes = np.bincount(store.labels)
    for number, part in enumerate(parts):
        if sizes[part].max() < 2:
            raise UserError(
                f"tuning.folds: every class in part {number + 1} of {folds} has one image, so that nothing can be "
                "found there; use fewer folds, or a data set with more images a class."
            )
    held = [np.isin(store.labels, part) for part in parts]
    return [(_among(store, ~mask), _among(store, mask)) for mask in held]


def _among(store: ImageStore, mask: np.ndarray) -> ImageStore:
    """The images of a store that a mask names, classes numbered anew; no other can be reached."""
    labels = np.unique(store.labels[mask], return_inverse=True)[1].astype(np.int64)
    return replace(store, rows=store.rows[mask], labels=labels)
