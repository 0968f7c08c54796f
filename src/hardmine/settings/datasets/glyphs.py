"""The embedded data set: letters of twelve faces of one font family."""

from typing import ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from .base import Dataset

__all__ = ["Glyphs"]


class Glyphs(Dataset):
    """Letters as classes; which letters serve which split, and how the images differ."""

    made_here: ClassVar[bool] = True
    archives: ClassVar[tuple[str, ...]] = ("faces.npz",)
    channels: ClassVar[int] = 1

    name: Literal["glyphs"] = "glyphs"
    """The data set."""
    variant: str = Field("32", pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=180)
    """Name of this packing; plans that ask for different ones must name them differently."""
    size: int = Field(32, ge=16, le=64)
    """Edge of an image in pixels."""
    train_letters: int = Field(200, ge=2)
    """Letters to train on."""
    validation_letters: int = Field(60, ge=2)
    """Letters that choose the epoch and the settings."""
    test_letters: int = Field(200, ge=2)
    """Letters that are only evaluated."""
    warm_letters: NonNegativeInt = 64
    """Letters for runs that others start from."""
    images_per_letter: int = Field(20, ge=2)
    """Images of each letter."""
    rotation: NonNegativeFloat = 15.0
    """Largest rotation in degrees."""
    scale: float = Field(0.2, ge=0, lt=1)
    """Largest change of size, as a share."""
    shear: NonNegativeFloat = 0.2
    """Largest shear."""
    translation: NonNegativeFloat = 3.0
    """Largest shift in pixels."""
    contrast: float = Field(0.4, ge=0, lt=1)
    """Largest loss of contrast, as a share."""
    noise: NonNegativeFloat = 15.0
    """Standard deviation of pixel noise, in grey levels of 255."""
    seed: NonNegativeInt = 0
    """Of the choice of letters and of the images."""

    @property
    def draws_test_classes(self) -> bool:
        """The seed draws all letters."""
        return True

    def training_classes(self, split: str = "train") -> int | None:
        """The letters."""
        return self.warm_letters if split == "warm" else self.train_letters

    def training_images(self, split: str = "train") -> int | None:
        """Of all of them."""
        letters = self.training_classes(split)
        return letters and letters * self.images_per_letter
