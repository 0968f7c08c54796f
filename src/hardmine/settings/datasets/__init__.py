"""One small model a data set."""

from typing import Annotated

from pydantic import Field

from hardmine.artefacts import Job

from .base import Dataset, ImageDataset
from .cars196 import Cars196
from .cub200 import Cub200
from .folder import Folder
from .glyphs import Glyphs
from .grocery import Grocery
from .inshop import Inshop
from .omniglot import Omniglot
from .products import Products
from .vehicleid import VehicleID

__all__ = [
    "DATASETS",
    "Cars196",
    "Cub200",
    "Dataset",
    "DatasetSettings",
    "Folder",
    "Glyphs",
    "Grocery",
    "ImageDataset",
    "Inshop",
    "Omniglot",
    "Products",
    "VehicleID",
    "dataset_of",
]

DatasetSettings = Annotated[
    Glyphs | Cub200 | Cars196 | Products | Inshop | VehicleID | Omniglot | Grocery | Folder,
    Field(discriminator="name"),
]

DATASETS: dict[str, type[Dataset]] = {
    "glyphs": Glyphs,
    "cub200": Cub200,
    "cars196": Cars196,
    "products": Products,
    "inshop": Inshop,
    "vehicleid": VehicleID,
    "omniglot": Omniglot,
    "grocery": Grocery,
    "folder": Folder,
}


def dataset_of(job: Job) -> Dataset:
    """The settings of the data set that a download or preprocess job works on."""
    content = job.where["dataset"]
    return DATASETS[content["name"]].model_validate(content)
