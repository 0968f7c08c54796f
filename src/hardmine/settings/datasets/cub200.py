"""CUB-200-2011: 200 species of birds."""

from typing import ClassVar, Literal

from .base import ImageDataset

__all__ = ["Cub200"]


class Cub200(ImageDataset):
    """11,788 photographs of birds; species 1 to 100 for training, 101 to 200 for test."""

    archives: ClassVar[tuple[str, ...]] = ("CUB_200_2011.tgz",)
    published_name: ClassVar[str | None] = "CUB-200-2011"
    licence: ClassVar[str] = (
        "non-commercial research and teaching; the photographs belong to their photographers and must not be passed on "
        "(https://www.vision.caltech.edu/datasets/cub_200_2011/)"
    )

    name: Literal["cub200"] = "cub200"
    """The data set."""
