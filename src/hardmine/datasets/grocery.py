"""Grocery Store: the three official lists pooled, then split by class."""

from collections.abc import Iterator
from pathlib import Path

from hardmine.errors import UserError
from hardmine.settings.datasets import Grocery

from .archives import open_archive
from .fetch import RemoteFile, as_asked, fetch
from .listing import Entry, Listing, make_listing, require_counts
from .lists import rows, table_of, whole_number
from .members import REMEDY, Archive

__all__ = ["COUNTS", "download", "listing"]

_COMMIT = "fc80ba90f803d79d0383df52c5a4ac5de99ff6fc"
ARCHIVES = {
    "128px": RemoteFile("grocery_128.zip", "sha256:23136f5ae4830b82989a8e047165c7b7055a1eb1d67870ce921d80a57d69b7bd"),
    "original": RemoteFile(
        "GroceryStoreDataset.zip",
        None,
        (f"https://github.com/marcusklasson/GroceryStoreDataset/archive/{_COMMIT}.zip",),
    ),
}
"""The authors' repository is packed afresh for each download, so its bytes have no digest; its counts are checked."""
COUNTS = {
    "halves": {"train": (3051, 41), "test": (2370, 40)},
    "odd-even": {"train": (2781, 41), "test": (2640, 40)},
}
"""Images and classes of each split."""
_INDEX = ["path", "split", "class_id", "coarse_id", "class_name", "coarse_name", "original_path"]


def download(folder: Path, settings: Grocery) -> None:
    """Fetch the archive."""
    fetch(as_asked(ARCHIVES[settings.source], settings), folder, settings.name)
    if settings.source == "original":
        try:
            listing(folder, settings)
        except UserError:
            (folder / settings.raw_files[0]).unlink()  # without a digest a bad copy would be kept for ever
            raise


def listing(raw: Path, settings: Grocery) -> Listing:
    """Parse the lists of either archive; paths are those of the official lists.

    Raises:
        UserError: a list is missing or damaged, an image is missing, a count differs.
    """
    path = raw / settings.raw_files[0]
    with open_archive(path) as archive:
        entries = []
        for name, number, class_name, member in (_index if settings.source == "128px" else _official)(archive):
            train = number <= 40 if settings.split == "halves" else number % 2 == 0
            split, role = ("train", "train") if train else ("test", "both")
            entries.append(Entry(name, f"{number:02d}_{class_name}", split, role, path, member))
        require_counts(entries, settings.expected(COUNTS[settings.split]), str(path))
        archive.require((entry.member for entry in entries), "its lists")
    return make_listing(entries, settings, str(path))


def _index(archive: Archive) -> Iterator[tuple[str, int, str, str]]:
    """Official path, class number, class name and member of every image of the small copy."""
    source = f"{archive.path}: index.csv"
    table = table_of(archive.read("index.csv"), source)
    if table[:1] != [_INDEX]:
        raise UserError(f"{source}: its first line must be {','.join(_INDEX)}. {REMEDY}")
    for line, cells in enumerate(table[1:], start=2):
        if len(cells) != len(_INDEX):
            raise UserError(f"{source}: line {line} has {len(cells)} cells instead of {len(_INDEX)}. {REMEDY}")
        yield cells[6], whole_number(cells[2], "class", f"{source}: line {line}", 0, 80), cells[4], cells[0]


def _official(archive: Archive) -> Iterator[tuple[str, int, str, str]]:
    """Official path, class number, class name and member of every image of the authors' repository."""
    roots = [name.removesuffix("classes.csv") for name in archive.names() if name.endswith("dataset/classes.csv")]
    if len(roots) != 1:
        raise UserError(f"{archive.path}: holds {len(roots)} files dataset/classes.csv instead of one. {REMEDY}")
    source = f"{archive.path}: classes.csv"
    table = table_of(archive.read(f"{roots[0]}classes.csv"), source)
    names = {line[1]: line[0] for line in table[1:] if len(line) > 1}
    for part in ("train", "val", "test"):
        source = f"{archive.path}: {part}.txt"
        content = archive.read(f"{roots[0]}{part}.txt")
        for line, (name, fine, _) in rows(content, source, ("path", "fine", "coarse"), separator=","):
            number = whole_number(fine, "class", f"{source}: line {line}", 0, 80)
            if fine not in names:
                raise UserError(f"{source}: line {line}: class {number} is not in classes.csv. {REMEDY}")
            yield name, number, names[fine], roots[0] + name
