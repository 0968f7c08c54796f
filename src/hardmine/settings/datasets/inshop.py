"""DeepFashion In-shop Clothes Retrieval."""

from typing import ClassVar, Literal

from hardmine.settings.evaluation import Protocol

from .base import ImageDataset

__all__ = ["Inshop"]


class Inshop(ImageDataset):
    """52,712 photographs of 7,982 clothes; queries search a gallery of their own. Handed out under an agreement."""

    archives: ClassVar[tuple[str, ...]] = ("list_eval_partition.txt", "files.json")
    """The list and ``files.json``, which says where the images are."""
    published_name: ClassVar[str | None] = "In-shop"
    protocols: ClassVar[tuple[Protocol, ...]] = ("query-gallery",)
    licence: ClassVar[str] = (
        "non-commercial research and teaching under an agreement; neither images nor lists may be passed on "
        "(http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/DeepFashionAgreement.pdf)"
    )

    name: Literal["inshop"] = "inshop"
    """The data set."""
    single_image_items: Literal["keep", "drop"] = "keep"
    """The 12 training items with one image, which have no positive pair: keep them or leave them out."""
