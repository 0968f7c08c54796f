"""The preprocess verb: from published files to one packed array and its list."""

from importlib import import_module
from pathlib import Path

from hardmine.artefacts import Job
from hardmine.datasets import write_items
from hardmine.settings.datasets import DATASETS

from .store import write_images

__all__ = ["preprocess"]


def preprocess(job: Job, folder: Path) -> None:
    """Pack the data set as the settings ask; writes ``images.npy`` and ``items.csv``."""
    own = {key: value for key, value in job.settings["dataset"].items() if key != "revision"}
    settings = DATASETS[own["name"]].model_validate(own)
    pixels, items = import_module(f"hardmine.datasets.{own['name']}").preprocess(Path(job.inputs[0]), settings)
    write_images(folder / "images.npy", pixels)
    write_items(folder / "items.csv", items)
