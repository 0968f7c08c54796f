"""DeepFashion In-shop: one list whose third column says train, query or gallery."""

import re
from pathlib import Path

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.settings.datasets import Inshop

from .listing import Entry, Listing, make_listing, require_counts
from .lists import read_list, rows
from .manual import find_manual, members_of, places_of, write_places
from .members import REMEDY

__all__ = ["COUNTS", "SINGLE_IMAGE_ITEMS", "download", "listing"]

COUNTS = {"train": (25882, 3997), "query": (14218, 3985), "gallery": (12612, 3985)}
"""Images and items of each part."""
SINGLE_IMAGE_ITEMS = 12
"""Training items with one image."""
LIST = "list_eval_partition.txt"
_COLUMNS = ("image_name", "item_id", "evaluation_status")
_HOW = (
    "Sign the agreement (http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/DeepFashionAgreement.pdf), then fetch "
    "Img/img.zip and Eval/list_eval_partition.txt of the In-shop benchmark from the folder that "
    "http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html leads to."
)


def download(folder: Path, settings: Inshop) -> None:
    """Check the user's files, copy the list and note where the images are.

    Raises:
        UserError: a file is missing or not what it should be.
    """
    partition = find_manual("inshop", LIST, (f"Eval/{LIST}", LIST), _HOW)
    images = find_manual("inshop", "the archive of images", ("Img/img.zip", "img.zip", "Img/img", "img"), _HOW)
    content = read_list(partition)
    _parse(str(partition), content, images, settings)
    with writing(folder / LIST) as temporary:
        temporary.write_bytes(content)
    write_places(folder / "files.json", "inshop", {"images": images})


def listing(raw: Path, settings: Inshop) -> Listing:
    """Parse the list.

    Raises:
        UserError: the list is damaged or another one (CelebA has one of the same name), an item is only query or only
            gallery, an image is missing, a count differs.
    """
    path = raw / LIST
    return _parse(str(path), read_list(path), places_of(raw, "inshop")["images"], settings)


def _parse(source: str, content: bytes, place: Path, settings: Inshop) -> Listing:
    first = content.split(b"\n", 1)[0].strip()
    head = (first.decode("ascii", "replace") if first.isdigit() else "<number of rows>", " ".join(_COLUMNS))
    table = list(rows(content, source, _COLUMNS, head))
    if len(table) != int(first):
        raise UserError(f"{source}: its first line announces {int(first):,} rows, {len(table):,} follow. {REMEDY}")
    members = members_of(place, [name for _, (name, _, _) in table], source)
    entries = []
    for (number, (name, item, status)), member in zip(table, members, strict=True):
        if not re.fullmatch(r"id_\d{8}", item) or status not in ("train", "query", "gallery"):
            raise UserError(
                f"{source}: line {number}: {item!r} and {status!r} must be id_ with 8 digits, and train, query or "
                f"gallery. {REMEDY}"
            )
        entries.append(Entry(name, item, "train" if status == "train" else "test", status, place, member))
    require_counts(entries, settings.expected(COUNTS), source)
    lonely = {entry.label for entry in entries if entry.role == "query"}.symmetric_difference(
        entry.label for entry in entries if entry.role == "gallery"
    )
    if lonely:
        raise UserError(f"{source}: item {min(lonely)} is only a query or only in the gallery. {REMEDY}")
    singles = _single_image_items(entries)
    if settings.is_published and len(singles) != SINGLE_IMAGE_ITEMS:
        raise UserError(
            f"{source}: {len(singles)} training items have one image instead of {SINGLE_IMAGE_ITEMS}. {REMEDY}"
        )
    if settings.single_image_items == "drop":
        entries = [entry for entry in entries if entry.label not in singles]
    return make_listing(entries, settings, source)


def _single_image_items(entries: list[Entry]) -> set[str]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.split == "train":
            counts[entry.label] = counts.get(entry.label, 0) + 1
    return {item for item, count in counts.items() if count == 1}
