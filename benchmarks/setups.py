"""Methods on random images, as training would build them: small letters, or photographs with the papers' GoogLeNet."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Method, Setup, build_method
from hardmine.methods.log import EpochLog
from hardmine.settings import load_plan, read_plan
from hardmine.settings.plan import Plan

__all__ = ["advance", "letters", "photographs"]


def letters(
    run: str | dict[str, Any],
    classes: int = 200,
    images: int = 20,
    plan: str = "glyphs-full",
    device: str = "cpu",
    **shared: Any,
) -> Method:
    """A run on random 32 × 32 images: 200 classes × 20 as in glyphs, unless said otherwise.

    Args:
        run: its name in the plan, or its settings.
        classes: C.
        images: of a class.
        plan: in experiments/.
        device: where the training happens.
        shared: sections of the plan, for settings of a run.
    """
    if isinstance(run, str):
        return build(read_plan(Path("experiments", f"{plan}.yaml")), run, (32, 1), classes, images, device)
    content = {"plan": "p", "baseline": "r", "dataset": {"name": "glyphs"}, "runs": {"r": run}, **shared}
    return build(load_plan(content, "benchmark"), "r", (32, 1), classes, images, device)


def photographs(
    run: dict[str, Any], precision: str, classes: int = 40, images: int = 15, device: str = "cpu"
) -> Method:
    """A run on random 128-px images, cropped to 112, with BVLC GoogLeNet and 60 images in a batch.

    Args:
        run: its settings.
        precision: float32 or bf16.
        classes: C.
        images: of a class.
        device: where the training happens.
    """
    shared = {
        "batch": {"classes": 15, "images_per_class": 4},
        "augmentation": {"crop": 112, "shift": 0, "mirror": True},
        "precision": precision,
    }
    sections = {"backbone": {"name": "bvlc-googlenet", "embedding": 128}, "training": shared}
    dataset = {"name": "grocery", "source": "128px", "variant": "128", "size": 128, "resize": "warp"}
    plan = {"plan": "p", "baseline": "r", "dataset": dataset, "runs": {"r": run}, **sections}
    return build(load_plan(plan, "benchmark"), "r", (128, 3), classes, images, device)


def build(plan: Plan, name: str, shape: tuple[int, int], classes: int, count: int, where: str = "cpu") -> Method:
    """A run of a plan on random images of ``shape`` (edge, channels)."""
    run = plan.resolved(plan.runs[name])
    training = plan.training_of(run)
    labels = np.repeat(np.arange(classes), count)
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), shape[0], shape[0], shape[1]), dtype=np.uint8)
    device = torch.device(where)
    images = TrainingImages(ImageStore(pixels, np.arange(len(labels)), labels), training.augmentation, device, 0)
    method = build_method(Setup(run, plan.backbone_of(run), training, images, shape[1], images.size[0], device, 0))
    method.network.train()
    return method


def advance(method: Method, log: EpochLog) -> None:
    """One training step as the loop does it, with the work at the start of an epoch."""
    epoch, within = divmod(method.step_number, method.steps_per_epoch)
    if within == 0:
        method.begin_epoch(epoch, log)
    method.step(log)
    method.step_number += 1
