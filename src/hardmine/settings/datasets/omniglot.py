"""Omniglot: handwritten characters."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from .base import ImageDataset

__all__ = ["Omniglot"]


class Omniglot(ImageDataset):
    """Characters of many alphabets, each drawn by 20 people; black ink on white paper, as published."""

    channels: ClassVar[int] = 1
    licence: ClassVar[str] = "MIT (https://github.com/brendenlake/omniglot/blob/master/LICENSE)"

    name: Literal["omniglot"] = "omniglot"
    """The data set."""
    size: int = Field(105, ge=16, le=1024)
    """Edge of a packed image in pixels; the drawings have 105."""
    split: Literal["small", "full"] = "small"
    """small: 136 characters of background_small1 against 106 of background_small2 (without Greek and Latin, which are
    in both); full: 964 background characters against 659 evaluation characters."""

    @property
    def raw_folder(self) -> str:
        """A folder for each split."""
        return f"data/raw/{self.name}/{self.split}"

    @property
    def raw_files(self) -> tuple[str, ...]:
        """The archive of the training characters, then that of the test characters."""
        if self.split == "small":
            return ("images_background_small1.zip", "images_background_small2.zip")
        return ("images_background.zip", "images_evaluation.zip")

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``."""
        return super().download_settings | {"split": self.split}
