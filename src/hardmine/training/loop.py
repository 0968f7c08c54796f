"""The training loop, top to bottom."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from hardmine.artefacts import Job, writing
from hardmine.errors import UserError
from hardmine.images import open_store
from hardmine.images.batches import TrainingImages, block_of, middle, normalise
from hardmine.methods import Method, Setup, build_method
from hardmine.methods.log import EpochLog
from hardmine.retrieval.metrics import all_against_rest, rank_matches, retrieval_metrics
from hardmine.settings.backbones import backbone_from
from hardmine.settings.methods import run_from
from hardmine.settings.training import Training

from .checkpoint import Checkpoints
from .device import prepare_device
from .history import History
from .notice import Notice
from .progress import Progress

__all__ = ["embed_rows", "read_weights", "train"]


def train(job: Job, folder: Path, threads: int, device_name: str) -> None:
    """Train one run with one seed; writes ``model.safetensors``, ``history.csv``, ``diagnostics.safetensors``.

    Raises:
        UserError: a loss is not finite, or the embeddings collapsed to a point.
        StoppedError: the process was asked to stop; a checkpoint is written.
    """
    device = prepare_device(device_name, threads, alone=True)
    method, validation = _build(job, device)
    history, log, best = History(), EpochLog(), Best(fair=job.settings["protocol"] == "fair")
    parts: dict[str, Any] = {"method": method, "history": history, "log": log, "best": best}
    checkpoints = Checkpoints(job, device)
    saved = checkpoints.load()
    if saved:
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        print(f"resumed at step {method.step_number} of {method.total_steps}", flush=True)
    else:
        if job.where.get("weights"):
            method.network.load_pretrained(Path(job.where["weights"]))
        if job.where["start"]:
            method.network.load_origin(read_weights(Path(job.where["start"], "model.safetensors")))

    progress = Progress(
        job.where["run"], job.where["seed"], method.total_steps, method.step_number, method.images_per_step
    )
    method.network.train()
    notice = Notice()
    while method.step_number < method.total_steps:
        epoch, within = divmod(method.step_number, method.steps_per_epoch)
        if within == 0:
            method.begin_epoch(epoch, log)
        method.step(log)
        method.step_number += 1
        progress.advance(log)
        if method.step_number % method.steps_per_epoch == 0 or method.step_number == method.total_steps:
            _close_epoch(method, validation, epoch, history, log, best)
        if notice.given or checkpoints.due():
            checkpoints.save({name: part.state_dict() for name, part in parts.items()})
        notice.obey(f"{job.folder}: step {method.step_number} of {method.total_steps}")
    progress.close()
    notice.close()

    weights = best.weights or _weights(method)
    _write_tensors(folder / "model.safetensors", weights)
    _write_tensors(folder / "diagnostics.safetensors", method.diagnostics.arrays)
    history.write(folder / "history.csv")


class Best:
    """The weights of the epoch that is best on validation classes, or of the last epoch."""

    def __init__(self, fair: bool) -> None:
        self.fair = fair
        self.score = -1.0
        self.weights: dict[str, Tensor] | None = None

    def offer(self, score: float | None, weights: dict[str, Tensor]) -> None:
        """Keep these weights if they are the better ones; on a tie, the later."""
        if not self.fair or (score is not None and score >= self.score):
            self.score = -1.0 if score is None else score
            self.weights = weights

    def state_dict(self) -> dict[str, Any]:
        """Score and weights."""
        return {"score": self.score, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a saved score and weights."""
        self.score, self.weights = state["score"], state["weights"]


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


def _build(job: Job, device: torch.device) -> tuple[Method, Any]:
    """The method on the training images of its split, and the validation images."""
    packed = Path(job.where["packed"])
    training = Training.model_validate(job.settings["training"])
    store, items = open_store(packed, training.split)
    validation = open_store(packed, "validation")[0] if "validation" in items.splits else None
    seed = job.settings["seed"]
    images = TrainingImages(store, training.augmentation, device, seed)
    setup = Setup(
        run=run_from(job.settings["method"]),
        backbone=backbone_from(job.settings["backbone"]),
        training=training,
        images=images,
        channels=store.channels,
        size=images.size[0],
        device=device,
        seed=seed,
    )
    return build_method(setup), validation


def _close_epoch(method: Method, validation: Any, epoch: int, history: History, log: EpochLog, best: Best) -> None:
    """Embed the validation classes, write the epoch's row, keep the weights if they are the best."""
    row: dict[str, float] = {"epoch": epoch + 1, "step": method.step_number}
    row["images"] = method.step_number * method.images_per_step
    row |= log.means()
    last = method.step_number == method.total_steps
    score = None
    if validation is not None and (last or (epoch + 1) % method.setup.training.validate_epochs == 0):
        embeddings = embed_rows(method.network, validation, method.setup.device, method.setup.size)
        final = next(iter(embeddings.values()))
        spread = float(final.std(axis=0).mean())
        if not np.isfinite(final).all() or spread < 1e-5:
            raise UserError(
                f"training: all embeddings fell onto one point in epoch {epoch + 1} (spread {spread:.1e}). "
                "A smaller training.learning_rate, another selection or a larger batch may help."
            )
        row["spread"] = spread
        for name, values in embeddings.items():
            ranks, _ = rank_matches(all_against_rest(values, validation.labels))
            found = retrieval_metrics(ranks, (1,))
            prefix = "val" if values is final else f"val_{name}"
            row[f"{prefix}_recall@1"], row[f"{prefix}_map@r"] = found["recall@1"], found["map@r"]
        score = row["val_map@r"]
    best.offer(score, _weights(method))
    history.append(row)
    log.load_state_dict({"sums": {}, "weights": {}})


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    with writing(path) as temporary:
        temporary.write_bytes(save({name: value.contiguous() for name, value in tensors.items()}))


def _weights(method: Method) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in method.network.state_dict().items()}
