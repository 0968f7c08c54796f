"""The training loop, top to bottom."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from hardmine.artefacts import Job, note_failure, writing
from hardmine.errors import TrainingFailedError, UserError
from hardmine.images import ImageStore, open_store
from hardmine.images.batches import TrainingImages, block_of, middle, normalise
from hardmine.methods import Method, Setup, build_method
from hardmine.methods.log import EpochLog
from hardmine.retrieval.metrics import all_against_rest, rank_matches, retrieval_metrics
from hardmine.settings.backbones import backbone_from
from hardmine.settings.methods import run_from
from hardmine.settings.training import Training

from .checkpoint import Checkpoints
from .device import prepare_device
from .device_faults import telling_of_devices
from .history import History
from .notice import Notice
from .progress import Progress
from .resolved import decided

__all__ = ["build", "embed_rows", "final_embeddings", "follow", "read_weights", "retrieval_scores", "start", "train"]

HISTORY = "history.csv"
"""Beside the model; while training runs, after every epoch in the job's folder in ``scratch/``."""


@telling_of_devices
def train(job: Job, folder: Path, threads: int, device_name: str) -> None:
    """Train one run with one seed; writes ``model.safetensors``, ``history.csv``, ``diagnostics.safetensors``.

    A training that diverges (a loss is not finite) or collapses (all embeddings on a point) is a result: it counts with
    the best epoch before that, else with the untrained network, and its record says so.

    Raises:
        StoppedError: the process was asked to stop; a checkpoint is written.
    """
    device = prepare_device(device_name, threads, alone=True, gradients=True)
    settings = decided(job)
    method, validation = _build(job, settings, device)
    history, log, best = History(), EpochLog(), Best(fair=settings["protocol"] == "fair")
    parts: dict[str, Any] = {"method": method, "history": history, "log": log, "best": best}
    checkpoints = Checkpoints(job, device)
    saved = checkpoints.load()
    if saved:
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        print(f"resumed at step {method.step_number} of {method.total_steps}", flush=True)
    else:
        (job.scratch / HISTORY).unlink(missing_ok=True)
        start(method, job)

    progress = Progress(
        f"{job.where['run']} seed {job.where['seed']}", method.total_steps, method.step_number, method.images_per_step
    )
    notice = Notice()

    def close_epoch(epoch: int) -> None:
        _close_epoch(method, validation, epoch, history, log, best)
        history.write(job.scratch / HISTORY)

    def pause() -> None:
        if notice.given or checkpoints.due():
            checkpoints.save({name: part.state_dict() for name, part in parts.items()})
        notice.obey(f"{job.folder}: step {method.step_number} of {method.total_steps}")

    weights = None
    try:
        follow(method, log, progress, close_epoch, pause)
    except TrainingFailedError as failure:
        weights = best.weights or _untrained(job, settings, device)
        counts = f"epoch {best.epoch}" if best.weights else "the untrained network"
        note_failure(str(failure), failure.step or method.step_number, counts)
        print(f"{failure} It counts with {counts}.", flush=True)
    progress.close()
    notice.close()

    weights = weights or best.weights or _weights(method)
    _write_tensors(folder / "model.safetensors", weights)
    _write_tensors(folder / "diagnostics.safetensors", method.diagnostics.arrays)
    history.write(folder / HISTORY)


def follow(
    method: Method,
    log: EpochLog,
    progress: Progress,
    close_epoch: Callable[[int], None],
    pause: Callable[[], None],
) -> None:
    """The steps of a training, from where its method stands.

    Args:
        method: what is trained.
        log: takes what steps report.
        progress: is told of every step.
        close_epoch: called after the last step of an epoch, with its number from 0.
        pause: called after every step.

    Raises:
        TrainingFailedError: a loss or the network is not finite, or ``close_epoch`` says so.
    """
    method.network.train()
    while method.step_number < method.total_steps:
        epoch, within = divmod(method.step_number, method.steps_per_epoch)
        try:
            if within == 0:
                method.begin_epoch(epoch, log)
            method.step(log)
        except TrainingFailedError as failure:
            failure.step = method.step_number + 1
            raise
        except (RuntimeError, ValueError, IndexError, ArithmeticError) as error:
            if all(bool(value.isfinite().all()) for value in method.network.parameters()):
                raise
            fault = TrainingFailedError(
                f"training: the network is not finite any more after step {method.step_number}. "
                "A smaller training.learning_rate or a training.gradient_clip may help."
            )
            fault.step = method.step_number + 1
            raise fault from error
        method.step_number += 1
        progress.advance(log)
        if method.step_number % method.steps_per_epoch == 0 or method.step_number == method.total_steps:
            close_epoch(epoch)
        pause()


class Best:
    """The weights of the epoch that is best on validation classes, or of the last epoch."""

    def __init__(self, fair: bool) -> None:
        self.fair = fair
        self.score = -1.0
        self.epoch = 0
        self.weights: dict[str, Tensor] | None = None

    def offer(self, score: float | None, epoch: int, weights: dict[str, Tensor]) -> None:
        """Keep these weights if they are the better ones; on a tie, the later."""
        if not self.fair or (score is not None and score >= self.score):
            self.score = -1.0 if score is None else score
            self.epoch, self.weights = epoch, weights

    def state_dict(self) -> dict[str, Any]:
        """Score, epoch and weights."""
        return {"score": self.score, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved score, epoch and weights."""
        self.score, self.epoch, self.weights = state["score"], state["epoch"], state["weights"]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a model file.

    Raises:
        UserError: the file is missing, damaged, or not in the safetensors format.
    """
    try:
        return load_file(path)
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read as safetensors ({error}). Only safetensors files are loaded, never pickles. "
            "Delete made.json beside it and run 'snakemake --cores all' to make it again."
        ) from None


@torch.no_grad()
def embed_rows(network: Any, store: Any, device: torch.device, size: int) -> dict[str, np.ndarray]:
    """Embeddings of the middle squares of all images of a store in evaluation mode, float32 [N, D] for each name."""
    block = block_of(size)
    was_training = network.training
    network.eval()
    parts: dict[str, list[Tensor]] = {}
    for start in range(0, len(store), block):
        pixels = torch.from_numpy(store.read(np.arange(start, min(start + block, len(store))))).to(device)
        for name, value in network.embed(normalise(middle(pixels, size, size))).items():
            parts.setdefault(name, []).append(value.float().cpu())
    network.train(was_training)
    return {name: torch.cat(values).numpy() for name, values in parts.items()}


def build(
    settings: Mapping[str, Any], training: Training, store: ImageStore, device: torch.device, seed: int
) -> Method:
    """The method of a training job's settings on the images of a store."""
    images = TrainingImages(store, training.augmentation, device, seed)
    return build_method(
        Setup(
            run=run_from(settings["method"]),
            backbone=backbone_from(settings["backbone"]),
            training=training,
            images=images,
            channels=store.channels,
            size=images.size[0],
            device=device,
            seed=seed,
        )
    )


def start(method: Method, job: Job) -> None:
    """Put the weights in place that training starts from, where they are not random: published ones, another run's."""
    if job.where.get("weights"):
        method.network.load_pretrained(Path(job.where["weights"]))
    if job.where.get("start"):
        method.network.load_origin(read_weights(Path(job.where["start"], "model.safetensors")))


def final_embeddings(method: Method, store: ImageStore, when: str) -> tuple[dict[str, np.ndarray], float]:
    """Embeddings of a store, the final one first, and the mean standard deviation of its coordinates.

    Raises:
        TrainingFailedError: they are not finite, or all on a point.
    """
    embeddings = embed_rows(method.network, store, method.setup.device, method.setup.size)
    final = next(iter(embeddings.values()))
    spread = float(final.std(axis=0).mean())
    if not np.isfinite(final).all() or spread < 1e-5:
        raise TrainingFailedError(
            f"training: all embeddings fell onto one point {when} (spread {spread:.1e}). "
            "A smaller training.learning_rate, another selection or a larger batch may help."
        )
    return embeddings, spread


def retrieval_scores(embeddings: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``map@r`` and ``recall@1`` of every image against all others, shares."""
    ranks, _ = rank_matches(all_against_rest(embeddings, labels))
    return retrieval_metrics(ranks, (1,))


def _build(job: Job, settings: Mapping[str, Any], device: torch.device) -> tuple[Method, ImageStore | None]:
    """The method on the training images of its split, and the validation images."""
    packed = Path(job.where["packed"])
    training = Training.model_validate(settings["training"])
    store, items = open_store(packed, training.split)
    validation = open_store(packed, "validation")[0] if "validation" in items.splits else None
    return build(settings, training, store, device, settings["seed"]), validation


def _untrained(job: Job, settings: Mapping[str, Any], device: torch.device) -> dict[str, Tensor]:
    """The weights before the first step."""
    method, _ = _build(job, settings, device)
    start(method, job)
    return _weights(method)


def _close_epoch(
    method: Method, validation: ImageStore | None, epoch: int, history: History, log: EpochLog, best: Best
) -> None:
    """Embed the validation classes, write the epoch's row, keep the weights if they are the best."""
    row: dict[str, float] = {"epoch": epoch + 1, "step": method.step_number}
    row["images"] = method.step_number * method.images_per_step
    row |= log.means()
    last = method.step_number == method.total_steps
    score = None
    if validation is not None and (last or (epoch + 1) % method.setup.training.validate_epochs == 0):
        embeddings, row["spread"] = final_embeddings(method, validation, f"in epoch {epoch + 1}")
        for place, (name, values) in enumerate(embeddings.items()):
            found = retrieval_scores(values, validation.labels)
            prefix = f"val_{name}" if place else "val"
            row[f"{prefix}_recall@1"], row[f"{prefix}_map@r"] = found["recall@1"], found["map@r"]
        score = row["val_map@r"]
    best.offer(score, epoch + 1, _weights(method))
    history.append(row)
    log.load_state_dict({"sums": {}, "weights": {}})


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    with writing(path) as temporary:
        temporary.write_bytes(save({name: value.contiguous() for name, value in tensors.items()}))


def _weights(method: Method) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in method.network.state_dict().items()}
