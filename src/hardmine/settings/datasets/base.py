"""What all data sets have in common."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, StringConstraints

from hardmine.settings.base import Settings
from hardmine.settings.evaluation import Protocol

__all__ = ["Dataset", "ImageDataset", "WholeNumber"]

_Title = StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*$")
WholeNumber = BeforeValidator(lambda value: int(value) if isinstance(value, str) and value.isdecimal() else value)
"""Lets a choice among numbers be given as text, as it comes from the command line."""


def _size_as_text(given: Mapping[str, Any]) -> str:
    return str(given.get("size", ""))


class Dataset(Settings):
    """What the pipeline asks of any data set."""

    made_here: ClassVar[bool] = False
    """Whether code here decides what is downloaded (rendered, listed), instead of published checksums."""
    archives: ClassVar[tuple[str, ...]] = ()
    """Files of ``raw_folder`` where no setting decides which there are."""
    published_name: ClassVar[str | None] = None
    """Name in the published tables; None where no paper used the data set."""
    protocols: ClassVar[tuple[Protocol, ...]] = ("all-against-rest",)
    """Protocols of evaluation that are usual on the data set, the one that counts first."""
    channels: ClassVar[int] = 3
    """Colour channels of a packed image."""

    name: str
    """The data set."""
    title: Annotated[str, _Title] | None = Field(None, exclude=True)
    """What ``hardmine compare`` calls it; by default its name, or its folder's. Changes no result."""
    if TYPE_CHECKING:  # each declares them in its own place, with its own bounds
        size: int
        variant: str
        seed: int

    def training_classes(self, split: str = "train") -> int | None:
        """Classes to train on in a split, where the settings say how many."""
        return None

    def training_images(self, split: str = "train") -> int | None:
        """Images of them, where the settings say how many."""
        return None

    @property
    def draws_test_classes(self) -> bool:
        """Whether ``seed`` decides which classes are tested."""
        return False

    @property
    def as_published(self) -> bool:
        """Whether images and classes of each split are the published ones, where any are."""
        return True

    @property
    def raw_folder(self) -> str:
        """Where the files as published lie."""
        return f"data/raw/{self.name}"

    @property
    def raw_files(self) -> tuple[str, ...]:
        """Files of ``raw_folder``."""
        return self.archives

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``; JSON values."""
        return {"dataset": self.name}

    @property
    def packing(self) -> dict[str, Any]:
        """What decides the packed images and their list; JSON values, no paths."""
        return self.model_dump(mode="json", exclude={"variant"})

    @classmethod
    def preparation(cls, packing: Mapping[str, Any]) -> dict[str, Any]:
        """From an image file to a packed image, so that models in use prepare images alike; JSON values.

        Args:
            packing: what decides a packing, as ``packing`` gives it or the record of a packing has it.
        """
        return {
            "dataset": packing["name"],
            "size": packing["size"],
            "resize": packing.get("resize", "warp"),
            "channels": cls.channels,
            "upright": getattr(cls, "upright", False),
        }


class ImageDataset(Dataset):
    """A data set of image files."""

    upright: ClassVar[bool] = False
    """Turn images as their EXIF orientation says; the papers' sets are used as they are stored."""
    own: ClassVar[bool] = False
    """Whether the files lie in a folder of the user's own making, whose links are followed wherever they lead."""
    licence: ClassVar[str]
    """The terms in one sentence and where they are written."""

    size: int = Field(256, ge=16, le=1024)
    """Edge of a packed image in pixels."""
    variant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=180)] = Field(
        default_factory=_size_as_text
    )
    """Name of this packing, by default the size; plans that ask for different ones must name them differently."""
    resize: Literal["warp", "short-side-crop"] = "warp"
    """warp: squeeze to a square; short-side-crop: bring the short side to the size and cut out the centre."""
    validation_share: float = Field(0.2, ge=0, lt=1)
    """Share of the training classes kept for validation; 0 leaves none, which only the protocol paper allows."""
    classes: Literal["published", "drawn"] = Field("published", exclude_if=lambda value: value == "published")
    """published: training and test classes as published, or as a list says; drawn: as many of each, drawn by the seed;
    seed 0 leaves them as they are. No result on drawn classes is comparable with published ones."""
    seed: NonNegativeInt = 0
    """Of every draw of classes for a split."""
    unreadable: tuple[str, ...] = ()
    """Paths of images, as items.csv names them, that are known to be damaged and are left out."""
    counts: Literal["published"] | dict[str, tuple[NonNegativeInt, NonNegativeInt]] = Field(
        "published", exclude_if=lambda value: value == "published"
    )
    """published: the files must be the published ones, by checksum and counts. For a copy that holds others, its own
    images and classes of each split, {train: [5864, 100], …}: no result of it is comparable with published ones."""

    @property
    def draws_test_classes(self) -> bool:
        """Whether ``seed`` decides which classes are tested."""
        return self.classes == "drawn"

    @property
    def as_published(self) -> bool:
        """Whether images and classes of each split are the published ones."""
        return self.is_published and self.classes == "published"

    @property
    def is_published(self) -> bool:
        """Whether the files must be the published ones."""
        return self.counts == "published"

    def expected(self, published: Mapping[str, tuple[int, int]]) -> Mapping[str, tuple[int, int]]:
        """The counts that the files must have."""
        return published if isinstance(self.counts, str) else self.counts

    @property
    def download_settings(self) -> dict[str, Any]:
        """What decides the content of ``raw_folder``."""
        own = {} if self.is_published else {"counts": self.model_dump(mode="json", include={"counts"})["counts"]}
        return super().download_settings | own
