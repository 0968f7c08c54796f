"""The rehearsal of a training: the real method on made images, its moments, its validation, its passes at test."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hardmine.errors import UserError
from hardmine.images.batches import block_of
from hardmine.methods import method_class
from hardmine.settings.backbones import backbone_from
from hardmine.settings.methods import run_from
from hardmine.settings.training import Training
from hardmine.training.device import prepare_device
from hardmine.training.loop import build, embed_rows, retrieval_scores

from .course import Course, Steps
from .growing import grow
from .made_data import MadeData, made_vectors
from .memory import held_bytes
from .peak import clock, peak_bytes
from .stand_in import standing_in

__all__ = ["rehearse"]

WHOLE = 10_000
"""Training sets up to this size are taken whole at once."""


def rehearse(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Measure a training of a task's settings, its validation, and the embedding of an image by its network.

    Args:
        task: of kind ``train``, see ``hardmine.rehearsing.tasks``.
        folder: for files that are needed meanwhile.

    Raises:
        UserError: the settings do not fit together.
    """
    prepare_device("cpu", task["threads"], gradients=True)
    training = Training.model_validate(task["settings"]["training"])
    data = MadeData.of(task["data"], folder)
    images = len(data.items.rows(training.split))
    if not images:
        raise UserError(f"training.split: no image is in the split {training.split}.")
    found: dict[str, Any] = {"images": images}

    def course_of(size: int) -> dict[str, float]:
        return _course(task, data, training, size / images, found if size == images else None)

    grown = grow(course_of, images, task["limit"], WHOLE)
    if grown.sizes[-1] < images:
        _course(task, data, training, grown.sizes[-1] / images, found)
    found |= {"refresh_seconds": grown.values["refreshing"], "build_seconds": grown.values["build"]}
    found |= _passes(task, data)
    found |= _validation(data, found, task["limit"])
    found["peak_bytes"] = peak_bytes() + found["saved_bytes"] - found["measured_bytes"]
    notes = {"refreshes": grown.said(images), "validation": found.pop("validation_said")}
    if found["total_steps"] and not found["timed_steps"]:
        notes["steps"] = "extrapolated from two parts of a batch"
    return found | {"notes": [f"{what} {said}" for what, said in notes.items() if said]}


def _course(
    task: dict[str, Any], data: MadeData, training: Training, share: float, found: dict[str, Any] | None
) -> dict[str, float]:
    """The beginnings of epochs on a share of the classes, with as many epochs as on all of them.

    Args:
        task: the task.
        data: the data set.
        training: its section.
        share: of the training images.
        found: takes what is known of steps, which are measured too, and of memory; None for the beginnings alone.
    """
    whole = data.store(training.split)
    store = data.store(training.split, images=round(share * len(whole)))
    if len(store) < len(whole):
        budget = max(1, round(training.images * len(store) / len(whole)))
        training = training.model_copy(update={"images": budget, "warmup_steps": 0})
    start = clock()
    method = build(task["settings"], training, store, torch.device("cpu"), task["settings"]["seed"])
    built = clock() - start
    with standing_in(method) as stand:
        course = Course(method, stand, task["limit"], task["memory_share"])
        if course.epochs:
            course.walk()
        if found is not None:
            found |= _steps(course, task["steps"]) | {
                "total_steps": round(method.total_steps * len(whole) / len(store))
            }
    return {"seconds": course.spent, "refreshing": course.refreshing, "build": built}


def _steps(course: Course, wanted: int) -> dict[str, Any]:
    """What is known of steps, and of memory."""
    method = course.method
    steps = course.measure_steps(wanted) if course.epochs else Steps()
    return {
        "images_per_step": method.images_per_step,
        "epochs": course.epochs,
        "milestones": len(course.milestones),
        "step_seconds": steps.seconds,
        "timed_steps": steps.timed,
        "end_seconds": steps.end,
        "last_seconds": steps.last,
        "event_seconds": steps.events,
        "saved_bytes": steps.saved,
        "measured_bytes": steps.measured,
        "held_bytes": held_bytes(method),
        "batch_bytes": 4 * method.images_per_step * method.setup.channels * method.setup.size**2,
    }


def _passes(task: dict[str, Any], data: MadeData) -> dict[str, Any]:
    """Seconds to embed an image as the embed verb does, and what it gives: names of embeddings with their lengths."""
    embed = task["embed"]
    store = data.store("validation", "test")
    size = embed.get("crop") or task["data"]["size"]
    run, backbone = run_from(embed["method"]), backbone_from(embed["backbone"])
    network = method_class(run.method).build_network(run, backbone, store.channels, size)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = torch.device("cpu")
    embed_rows(network, replace(store, rows=store.rows[:2]), device, size)  # memory is taken
    block = replace(store, rows=store.rows[: block_of(size)])
    start = clock()
    vectors = embed_rows(network, block, device, size)
    seconds = (clock() - start) / len(block)
    outputs = {name: int(np.shape(value)[1]) for name, value in vectors.items()}
    return {"embed_image_seconds": seconds, "outputs": outputs, "evaluated_images": len(store)}


def _validation(data: MadeData, found: dict[str, Any], limit: float) -> dict[str, Any]:
    """Seconds of one validation: the passes of its images, and the searches at full size."""
    images = len(data.items.rows("validation"))
    if not images:
        return {"validation_seconds": 0.0, "validation_said": ""}

    def search(size: int) -> dict[str, float]:
        labels = data.store("validation", images=size).labels
        vectors = [made_vectors(labels, dimensions) for dimensions in found["outputs"].values()]
        start = clock()
        for each in vectors:
            retrieval_scores(each, labels)
        return {"seconds": clock() - start}

    grown = grow(search, images, limit)
    seconds = grown.values["seconds"] + images * found["embed_image_seconds"]
    return {"validation_seconds": seconds, "validation_said": grown.said(images)}
