"""What a device that is too small, or goes away, means for a person."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import torch

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.settings.methods import run_from
from hardmine.settings.training import Training
from hardmine.settings.trials import search_of

__all__ = ["telling_of_devices"]

Arguments = ParamSpec("Arguments")
_FULL = ("out of memory", "can't allocate memory", "not enough memory")
_GONE = ("cuda error", "cuda driver", "cudnn error", "cublas error", "hip error")


def telling_of_devices(
    work: Callable[Concatenate[Job, Arguments], None],
) -> Callable[Concatenate[Job, Arguments], None]:
    """Have a verb's work say what to do where a device has too little memory, or fails.

    Raises:
        UserError: it did.
    """

    @wraps(work)
    def told(job: Job, /, *passed: Arguments.args, **named: Arguments.kwargs) -> None:
        try:
            work(job, *passed, **named)
        except RuntimeError as error:
            words = str(error).lower()
            if isinstance(error, torch.OutOfMemoryError) or any(sign in words for sign in _FULL):
                raise UserError(f"{job.folder}: {_too_small(job.settings)}") from error
            if any(sign in words for sign in _GONE):
                raise UserError(f"{job.folder}: {_failed(str(error))}") from error
            raise

    return told


def _too_small(settings: dict[str, Any]) -> str:
    where = "this machine's memory"
    if torch.cuda.is_available():
        size = torch.cuda.get_device_properties(0).total_memory / 2**30
        where = f"the {size:.1f} GiB of {torch.cuda.get_device_name(0)}"
    if not settings.get("training"):
        return f"{where} did not do; other programs may hold some of it. --resources gpu=0 keeps to the processor."
    run, training = run_from(settings["method"]), Training.model_validate(settings["training"])
    batch = search_of(run, training).batch_images
    at_once = min(training.forward_images or batch, batch)
    parts = (
        f"Half of them: training.forward_images: {max(1, at_once // 2)} sends a batch through in parts, with the "
        "gradient of the whole (not where batch norms are trained); or a"
        if run.in_parts
        else "Take a"
    )
    return (
        f"{where} did not do for {at_once} images at once; other programs may hold some of it. {parts} smaller batch, "
        "image size or network, or training.precision: bf16."
    )


def _failed(words: str) -> str:
    return (
        f"the device failed or went away ({words.strip().splitlines()[0]}). The same command goes on from the newest "
        "checkpoint, on any device; --resources gpu=0 keeps to the processor. What was made on different devices is "
        "named in the report."
    )
