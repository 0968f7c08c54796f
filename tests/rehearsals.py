"""A tiny plan to rehearse."""

from collections.abc import Callable
from typing import Any

from hardmine.settings import Plan, load_plan

DATASET = {"name": "glyphs", "size": 16, "train_letters": 24, "validation_letters": 4, "test_letters": 6}
Measure = Callable[..., dict[str, Any]]


def tiny_plan(*runs: dict[str, Any], **sections: Any) -> Plan:
    """A plan on 192 made images of 24 classes; its runs are r0, r1, …"""
    return load_plan(tiny_content(*runs, **sections), "tiny")


def tiny_content(*runs: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """What the file of ``tiny_plan`` holds."""
    return {
        "plan": "tiny",
        "seeds": [0, 1],
        "baseline": "r0",
        "dataset": {**DATASET, "warm_letters": 4, "images_per_letter": 8},
        "backbone": {"embedding": 16, "width": 4},
        "training": {"images": 960, "batch": {"classes": 8, "images_per_class": 4}},
        "runs": {f"r{number}": run for number, run in enumerate(runs)},
        **sections,
    }
