"""Grocery Store: fruit, vegetables and packages on the shelf."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from .base import ImageDataset

__all__ = ["Grocery"]


class Grocery(ImageDataset):
    """5,421 photographs of 81 products taken with a phone; images of one shelf are near duplicates."""

    licence: ClassVar[str] = "MIT (https://github.com/marcusklasson/GroceryStoreDataset/blob/master/LICENSE)"

    name: Literal["grocery"] = "grocery"
    """The data set."""
    size: int = Field(128, ge=16, le=1024)
    """Edge of a packed image in pixels."""
    source: Literal["128px", "original"] = "original"
    """original: the authors' repository; 128px: a copy squeezed to 128 by 128 pixels, to be had from a mirror only."""
    split: Literal["halves", "odd-even"] = "halves"
    """halves: products 0 to 40 for training, 41 to 80 for test; odd-even: even numbers for training, odd for test, so
    that the same kinds of goods are on both sides."""

    @property
    def raw_folder(self) -> str:
        """A folder for each source."""
        return f"data/raw/{self.name}/{self.source}"

    @property
    def raw_files(self) -> tuple[str, ...]:
        """The archive."""
        return ("grocery_128.zip",) if self.source == "128px" else ("GroceryStoreDataset.zip",)

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``."""
        return super().download_settings | {"source": self.source}
