"""``README.md``: the model card, with the head that model hubs read."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import yaml

from hardmine.artefacts import Record, resolved_settings
from hardmine.figures.titles import notes_on
from hardmine.foreign import in_markdown, shown
from hardmine.installing import origin
from hardmine.search.config import ModelConfig, preparation_of
from hardmine.settings.backbones import backbone_from
from hardmine.settings.datasets import DATASETS

from .measured import Measured

__all__ = ["model_card"]

_OWN_DATA = "made by hardmine from fonts under a free licence (DejaVu)"


def model_card(
    folder: Path,
    config: ModelConfig,
    record: Record,
    dimensions: int,
    measured: list[Measured],
    licence: str,
    onnx: bool,
) -> str:
    """The card of a trained artefact.

    Args:
        folder: the artefact.
        config: of the exported model.
        record: of the artefact.
        dimensions: D, of an embedding.
        measured: metrics on test classes; may be empty.
        licence: of the model, as model hubs name it.
        onnx: whether ``model.onnx`` is beside it.
    """
    plan, run, seed = folder.resolve().parts[-3:]
    packed = next(place for place in record.inputs if place.startswith("data/packed/"))
    source = preparation_of(folder, record)["dataset"]
    dataset = DATASETS.settings(source)
    name = packed.split("/")[2].removeprefix("folder-") if source == "folder" else source
    backbone = backbone_from(config.network.backbone)
    settings = shown(yaml.safe_dump(resolved_settings(record), sort_keys=False, allow_unicode=True).rstrip())
    context: dict[str, Any] = {
        "head": _head(f"{run} on {dataset.published_name or name}", name, measured, licence),
        "plan": plan,
        "run": run,
        "seed": seed.removeprefix("seed"),
        "dataset": name,
        "packed": packed,
        "data_licence": getattr(dataset, "licence", _OWN_DATA),
        "weights": backbone.weights_file,
        "seen": backbone.seen,
        "licence": licence,
        "config": config,
        "dimensions": dimensions,
        "measured": measured,
        "notes": notes_on(one.metric for one in measured),
        "record": record,
        "settings": settings,
        "fence": "`" * max(3, 1 + max(map(len, re.findall("`+", settings)), default=0)),
        "onnx": onnx,
        "origin": origin(),
    }
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"plain": in_markdown, "share": _share}
    template = environment.from_string(files("hardmine.exporting").joinpath("card.md.j2").read_text(encoding="utf-8"))
    return template.render(context)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _head(title: str, dataset: str, measured: list[Measured], licence: str) -> str:
    """The YAML that model hubs read."""
    head: dict[str, Any] = {
        "library_name": "hardmine",
        "pipeline_tag": "image-feature-extraction",
        "license": licence,
        "tags": ["image-retrieval", "deep-metric-learning", "hard-example-mining"],
    }
    if measured:
        metrics = [{"type": one.name, "name": one.title, "value": round(one.value, 6)} for one in measured]
        result = {
            "task": {"type": "image-retrieval", "name": "Image retrieval of classes not trained on"},
            "dataset": {"type": dataset, "name": dataset, "split": "test"},
            "metrics": metrics,
        }
        head["model-index"] = [{"name": title, "results": [result]}]
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip()
