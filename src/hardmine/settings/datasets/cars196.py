"""Cars196 (Stanford Cars): 196 models of cars."""

from typing import Any, ClassVar, Literal

from .base import ImageDataset

__all__ = ["Cars196"]


class Cars196(ImageDataset):
    """16,185 photographs of cars; models 1 to 98 for training, 99 to 196 for test. Its host is gone: own copies."""

    published_name: ClassVar[str | None] = "Cars196"
    licence: ClassVar[str] = (
        "research only; the photographs are third parties' and must not be passed on "
        "(https://ai.stanford.edu/~jkrause/cars/car_dataset.html, no longer served)"
    )

    name: Literal["cars196"] = "cars196"
    """The data set."""
    release: Literal["halves", "merged", "train-half", "test-half"] = "halves"
    """halves: cars_train and cars_test; merged: car_ims. A single half is not comparable with any published number."""

    @property
    def raw_folder(self) -> str:
        """A folder for each release."""
        return f"data/raw/{self.name}/{self.release}"

    @property
    def raw_files(self) -> tuple[str, ...]:
        """The annotations and ``files.json``, which says where the images are."""
        lists: dict[str, tuple[str, ...]] = {
            "halves": ("cars_train_annos.mat", "cars_test_annos_withlabels.mat"),
            "merged": ("cars_annos.mat",),
            "train-half": ("cars_train_annos.mat",),
            "test-half": ("cars_test_annos_withlabels.mat",),
        }
        return (*lists[self.release], "files.json")

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``."""
        return super().download_settings | {"release": self.release}
