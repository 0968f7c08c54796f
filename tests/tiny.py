"""A tiny training setup in memory: random images of a few classes."""

import numpy as np
import torch

from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Method, Setup, build_method
from hardmine.methods.log import EpochLog
from hardmine.settings import load_plan


def build(
    run: dict,
    seed: int = 0,
    classes: int = 8,
    images_per_class: int = 8,
    backbone: dict | None = None,
    size: int = 16,
    lone: int = 0,
    copies: bool = False,
    **training: object,
) -> Method:
    """A method on random grey images; ``run`` and ``backbone`` as in a plan file.

    ``lone`` classes more have one image each; with ``copies`` all images of a class are equal.
    """
    shared = {"images": 640, "batch": {"classes": 4, "images_per_class": 4}, **training}
    plan = load_plan(
        {
            "plan": "t",
            "baseline": "r",
            "dataset": {"name": "glyphs", "size": max(size, 16)},
            "backbone": {"embedding": 8, **(backbone or {"width": 4})},
            "training": shared,
            "runs": {"r": run},
        },
        "tiny",
    )
    settings = plan.resolved(plan.runs["r"])
    resolved = plan.training_of(settings)
    labels = np.concatenate([np.repeat(np.arange(classes), images_per_class), np.arange(classes, classes + lone)])
    rng = np.random.default_rng(5)
    prototypes = rng.integers(0, 200, (classes + lone, size, size, 1))
    spread = 1 if copies else 55
    pixels = (prototypes[labels] + rng.integers(0, spread, (len(labels), size, size, 1))).astype(np.uint8)
    store = ImageStore(pixels, np.arange(len(labels)), labels)
    device = torch.device("cpu")
    torch.set_num_threads(1)
    images = TrainingImages(store, resolved.augmentation, device, seed)
    return build_method(Setup(settings, plan.backbone_of(settings), resolved, images, 1, size, device, seed))


def advance(method: Method, steps: int, log: EpochLog | None = None) -> EpochLog:
    """Train for some steps as the loop does."""
    log = log or EpochLog()
    method.network.train()
    for _ in range(steps):
        epoch, within = divmod(method.step_number, method.steps_per_epoch)
        if within == 0:
            method.begin_epoch(epoch, log)
        method.step(log)
        method.step_number += 1
    return log


def weights(method: Method) -> dict[str, torch.Tensor]:
    """A copy of the network's state."""
    return {name: value.clone() for name, value in method.network.state_dict().items()}


def same_weights(first: Method, second: Method) -> bool:
    """Whether two networks are equal bit for bit."""
    other = second.network.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.network.state_dict().items())
