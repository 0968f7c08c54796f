"""Stanford Online Products: 22,634 things for sale."""

from typing import ClassVar, Literal

from .base import ImageDataset

__all__ = ["Products"]


class Products(ImageDataset):
    """120,053 photographs by sellers of 22,634 products, split by the two official lists."""

    archives: ClassVar[tuple[str, ...]] = ("Stanford_Online_Products.zip",)
    published_name: ClassVar[str | None] = "SOP"
    licence: ClassVar[str] = (
        "see the LICENSE file in the archive; the photographs belong to the sellers and must not be passed on "
        "(https://cvgl.stanford.edu/projects/lifted_struct/)"
    )

    name: Literal["products"] = "products"
    """The data set."""
