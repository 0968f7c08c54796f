"""``config.json``: how a model's network is rebuilt and how its images are prepared."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt, ValidationError

import hardmine
from hardmine.artefacts import Record, read_record
from hardmine.errors import UserError
from hardmine.settings.base import Settings
from hardmine.settings.datasets import DATASETS

__all__ = [
    "FORMAT_VERSION",
    "ModelConfig",
    "NetworkConfig",
    "Preprocessing",
    "artefact_config",
    "preparation_of",
    "read_config",
]

FORMAT_VERSION = 1
"""Raised when an older hardmine could not read the folder rightly any more."""


class NetworkConfig(Settings):
    """What the network is built from before its weights are read."""

    method: dict[str, Any]
    """Settings of the method, as in a plan; its name is ``method``."""
    backbone: dict[str, Any]
    """Settings of the backbone, as in a plan."""


class Preprocessing(Settings):
    """From an image file to the network's input."""

    size: PositiveInt
    """Edge in pixels of the decoded image."""
    resize: Literal["warp", "short-side-crop"]
    """``warp`` squeezes the image into the square; ``short-side-crop`` brings its short side to ``size`` and keeps the
    middle. Both bilinear over the whole footprint (antialiased)."""
    channels: Literal[1, 3]
    """1: grey (ITU-R 601 luma); 3: RGB."""
    upright: bool = False
    """Turn images as their EXIF orientation says."""
    crop: PositiveInt
    """Edge in pixels of the middle square that the network sees."""
    mean: float = 127.5
    """Subtracted from the pixels, 0 to 255."""
    scale: float = Field(64.0, gt=0)
    """The difference is divided by it."""


class ModelConfig(Settings):
    """Content of ``config.json``."""

    format_version: PositiveInt = FORMAT_VERSION
    """Of this file and the folder."""
    library_name: Literal["hardmine"] = "hardmine"
    """What reads the folder."""
    library_version: str = hardmine.__version__
    """What wrote it."""
    network: NetworkConfig
    """How to rebuild the network."""
    preprocessing: Preprocessing
    """How to prepare images."""
    weights: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of ``model.safetensors``."""

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides an embedding: weights, network, preprocessing; 64 hex digits."""
        deciding = self.model_dump(mode="json", include={"network", "preprocessing", "weights"})
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def read_config(path: Path) -> ModelConfig:
    """Read ``config.json``.

    Raises:
        UserError: it cannot be read, is of a newer format, or lacks what is needed.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}). Export the model again.") from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or content.get("library_name") != "hardmine":
        raise UserError(f"{path}: is not of a model that 'hardmine export' wrote.")
    if version > FORMAT_VERSION:
        raise UserError(
            f"{path}: has format {version}, written by hardmine {content.get('library_version', '?')}; this hardmine "
            f"({hardmine.__version__}) reads formats up to {FORMAT_VERSION}. Upgrade it: pip install --upgrade hardmine"
        )
    try:
        return ModelConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {key}: {first['msg']}. Export the model again.") from None


def artefact_config(folder: Path) -> tuple[ModelConfig, Record]:
    """The configuration of a trained artefact, from its record and the records around it.

    Args:
        folder: ``<project>/models/<plan>/<run>/seed<k>``.

    Returns:
        The configuration, and the artefact's own record.

    Raises:
        UserError: a record is missing, or does not belong to the others.
    """
    record = read_record(folder)
    if record is None or "training" not in record.settings or len(folder.resolve().parents) < 4:
        raise UserError(
            f"{folder}: holds no model: neither a config.json that 'hardmine export' wrote nor the made.json of a "
            "trained artefact, such as models/glyphs/hdc/seed0."
        )
    project = folder.resolve().parents[3]
    prepared = preparation_of(folder, record)
    crop = record.settings["training"]["augmentation"].get("crop", 0)
    method = _own(_as_embedded(project, folder, record) or record.settings["method"])
    config = ModelConfig(
        network=NetworkConfig(method=method, backbone=record.settings["backbone"]),
        preprocessing=Preprocessing(
            size=prepared["size"],
            resize=prepared["resize"],
            channels=prepared["channels"],
            upright=prepared["upright"],
            crop=crop or prepared["size"],
        ),
        weights=record.outputs["model.safetensors"],
    )
    return config, record


def preparation_of(folder: Path, record: Record) -> dict[str, Any]:
    """How the images that an artefact was trained on were packed: ``dataset, size, resize, channels, upright``.

    Records that do not say so (hardmine 0.1.0 before its release) name the packing by digest, which does.

    Raises:
        UserError: such a record's packing is not there, or is not the one that it names.
    """
    if "preparation" in record.settings:
        return record.settings["preparation"]
    packed = next(place for place in record.inputs if place.startswith("data/packed/"))
    place = folder.resolve().parents[3] / packed
    source = read_record(place)
    if source is None:
        raise UserError(
            f"{place}/made.json: missing; it says how the images of {folder} were prepared. Fetch it with "
            "'dvc pull', or use a folder that 'hardmine export' wrote."
        )
    if source.outputs != record.inputs[packed]:
        raise UserError(
            f"{folder}: was trained on another content of {packed} than lies there now, which alone says how images "
            "are to be prepared for it. 'snakemake --cores all' trains it again, or packs the images as before where "
            "the plan is the one of then."
        )
    packing = source.settings["dataset"]
    return DATASETS.settings(packing["name"]).preparation(packing)


def _as_embedded(project: Path, folder: Path, record: Record) -> dict[str, Any] | None:
    """Settings of the method in the embed job of the same model: they have the keys that matter after training."""
    place = Path("embeddings", *folder.resolve().parts[-3:])
    embedded = read_record(project / place)
    if embedded is None or record.outputs not in embedded.inputs.values():
        return None
    return embedded.settings["method"]


def _own(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "revision"}
