"""The download verb: a data set's files as published, into ``data/raw/<dataset>/``."""

from importlib import import_module
from pathlib import Path

from hardmine.artefacts import Job
from hardmine.settings.datasets import DATASETS

__all__ = ["download"]


def download(job: Job, folder: Path) -> None:
    """Fetch (for ``glyphs``: render) the files that the job names."""
    name = job.settings["dataset"]
    import_module(f"hardmine.datasets.{name}").download(folder, DATASETS[name]())
