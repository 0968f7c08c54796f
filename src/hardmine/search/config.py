"""``config.json``: how a model's network is rebuilt and how its images are prepared."""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

import hardmine
from hardmine.artefacts import Record, read_record, read_regular, resolved_settings
from hardmine.errors import UserError
from hardmine.installing import upgrade
from hardmine.retrieval.open_set import Threshold
from hardmine.settings.base import Settings
from hardmine.settings.datasets import DATASETS
from hardmine.settings.methods import METHODS

from .evaluated import thresholds_of
from .guard import reading

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
LARGEST = 2**20
"""Bytes of a ``config.json``."""

Edge = Annotated[int, Field(gt=0, le=2048)]
"""Of a square of pixels."""


class NetworkConfig(Settings):
    """What the network is built from before its weights are read."""

    method: dict[str, Any]
    """Settings of the method, as in a plan; its name is ``method``."""
    backbone: dict[str, Any]
    """Settings of the backbone, as in a plan."""


class Preprocessing(Settings):
    """From an image file to the network's input."""

    size: Edge
    """Edge in pixels of the decoded image."""
    resize: Literal["warp", "short-side-crop"]
    """``warp`` squeezes the image into the square; ``short-side-crop`` brings its short side to ``size`` and keeps the
    middle. Both bilinear over the whole footprint (antialiased)."""
    channels: Literal[1, 3]
    """1: grey (ITU-R 601 luma); 3: RGB."""
    upright: bool = False
    """Turn images as their EXIF orientation says."""
    crop: Edge
    """Edge in pixels of the middle square that the network sees."""
    mean: float = Field(127.5, ge=0, le=255)
    """Subtracted from the pixels, 0 to 255."""
    scale: float = Field(64.0, gt=0)
    """The difference is divided by it."""

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop > self.size:
            raise ValueError(f"crop: {self.crop} is more than the {self.size} pixels of size")
        return self


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
    no_match: tuple[Threshold, ...] = Field((), max_length=100)
    """Similarities below which a search has found nothing, one a false-match rate, chosen on validation classes."""

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
    advice = "Export the model again."
    with reading(path, advice):
        text = read_regular(path, LARGEST)
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: cannot be read as JSON ({error}). {advice}") from None
        version = content.get("format_version") if isinstance(content, dict) else None
        if not isinstance(version, int) or content.get("library_name") != "hardmine":
            raise UserError(f"{path}: is not of a model that 'hardmine export' wrote.")
        if version > FORMAT_VERSION:
            wrote = str(content.get("library_version", "?"))[:40]
            raise UserError(
                f"{path}: has format {str(version)[:40]}, written by hardmine {wrote}; this hardmine "
                f"({hardmine.__version__}) reads formats up to {FORMAT_VERSION}. {upgrade()}"
            )
        return ModelConfig.model_validate(content)


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
    _check_rights(folder)
    if record is None or "training" not in record.settings or len(folder.resolve().parents) < 4:
        raise UserError(
            f"{folder}: holds no model: neither a config.json that 'hardmine export' wrote nor the made.json of a "
            "trained artefact, such as models/glyphs/hdc/seed0."
        )
    with reading(folder / "made.json", "Fetch the artefact again, or use a folder that 'hardmine export' wrote."):
        prepared = preparation_of(folder, record)
        made = resolved_settings(record)
        crop = made["training"]["augmentation"].get("crop", 0)
        method = _own(_as_embedded(folder, record) or _without_test_time(folder, made["method"]))
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
            no_match=tuple(thresholds_of(folder)),
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


def _check_rights(folder: Path) -> None:
    """Say so where nobody may look, instead of that there is nothing."""
    try:
        os.stat(folder / "made.json")
    except PermissionError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}. Mend its permissions.") from None
    except OSError:
        pass


def _as_embedded(folder: Path, record: Record) -> dict[str, Any] | None:
    """Settings of the method in the embed job of the same model: they have the keys that matter after training."""
    place = folder.resolve()
    embedded = read_record(place.parents[3] / "embeddings" / Path(*place.parts[-3:]))
    if embedded is None or record.outputs not in embedded.inputs.values():
        return None
    return {**embedded.settings["method"], **record.resolved.get("method", {})}


def _without_test_time(folder: Path, method: dict[str, Any]) -> dict[str, Any]:
    """The settings of the method by the training's record, where it has no keys that count after training alone.

    Raises:
        UserError: it has, and no record of embeddings says what they are.
    """
    if keys := METHODS.settings(method["method"]).test_time:
        place = Path("embeddings", *folder.resolve().parts[-3:])
        raise UserError(
            f"{folder}: how {method['method']} is used after training ({', '.join(sorted(keys))}) stands in "
            f"{place}/made.json, which is missing or of another training. 'snakemake --cores all' makes it; or fetch "
            "it with the model."
        )
    return method


def _own(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "revision"}
