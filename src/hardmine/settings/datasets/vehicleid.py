"""PKU VehicleID: vehicles under surveillance cameras."""

from typing import Annotated, Any, ClassVar, Literal

from hardmine.settings.evaluation import Protocol

from .base import ImageDataset, WholeNumber

__all__ = ["VehicleID"]


class VehicleID(ImageDataset):
    """221,567 photographs of 26,328 vehicles, with test lists of several sizes. Handed out on request."""

    published_name: ClassVar[str | None] = "VehicleID"
    protocols: ClassVar[tuple[Protocol, ...]] = ("one-gallery-image", "all-against-rest")
    licence: ClassVar[str] = (
        "research only, on request; neither images nor lists may be passed on "
        "(https://pkuml.org/resources/pku-vehicleid.html)"
    )

    name: Literal["vehicleid"] = "vehicleid"
    """The data set."""
    test_list: Annotated[Literal[800, 1600, 2400, 3200], WholeNumber] = 800
    """Vehicles of the test list: 800 is the papers' small, 1600 medium, 2400 large."""

    @property
    def raw_folder(self) -> str:
        """A folder for each test list."""
        return f"data/raw/{self.name}/{self.test_list}"

    @property
    def raw_files(self) -> tuple[str, ...]:
        """The two lists and ``files.json``, which says where the images are."""
        return ("train_list.txt", f"test_list_{self.test_list}.txt", "files.json")

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``."""
        return super().download_settings | {"test_list": self.test_list}
