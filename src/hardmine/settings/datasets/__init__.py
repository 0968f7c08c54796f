"""One small model a data set; from elsewhere through the entry point group ``hardmine.datasets``."""

from typing import TYPE_CHECKING, Annotated

from hardmine.artefacts import Job
from hardmine.doors import Descriptor, Door
from hardmine.settings.by_name import ByName

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

_HERE, _CODE = "hardmine.settings.datasets", "hardmine.datasets"
DATASETS = Door(
    "dataset",
    "hardmine.datasets",
    {
        "glyphs": Descriptor(f"{_HERE}:Glyphs", f"{_CODE}.glyphs"),
        "cub200": Descriptor(f"{_HERE}:Cub200", f"{_CODE}.cub200"),
        "cars196": Descriptor(f"{_HERE}:Cars196", f"{_CODE}.cars196"),
        "products": Descriptor(f"{_HERE}:Products", f"{_CODE}.products"),
        "inshop": Descriptor(f"{_HERE}:Inshop", f"{_CODE}.inshop"),
        "vehicleid": Descriptor(f"{_HERE}:VehicleID", f"{_CODE}.vehicleid"),
        "omniglot": Descriptor(f"{_HERE}:Omniglot", f"{_CODE}.omniglot"),
        "grocery": Descriptor(f"{_HERE}:Grocery", f"{_CODE}.grocery"),
        "folder": Descriptor(f"{_HERE}:Folder", f"{_CODE}.folder"),
    },
)

if TYPE_CHECKING:
    DatasetSettings = Dataset
else:
    DatasetSettings = Annotated[Dataset, ByName(DATASETS, "name")]


def dataset_of(job: Job) -> Dataset:
    """The settings of the data set that a download or preprocess job works on."""
    content = job.where["dataset"]
    settings: Dataset = DATASETS.settings(content["name"]).model_validate(content)
    return settings
