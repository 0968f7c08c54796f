"""Stanford Online Products: two official lists with disjoint classes."""

from pathlib import Path

from hardmine.settings.datasets import Products

from .archives import open_archive
from .fetch import RemoteFile, as_asked, fetch
from .listing import Entry, Listing, make_listing, require_counts
from .lists import rows, whole_number

__all__ = ["ARCHIVE", "COUNTS", "download", "listing"]

ARCHIVE = RemoteFile(
    "Stanford_Online_Products.zip",
    "sha256:b04fa78210e69fab050ce73939550e1cd0f96890bdd98ec9fee732c3b756ef48",
    (
        "http://ftp.cs.stanford.edu/cs/cvgl/Stanford_Online_Products.zip",
        "ftp://cs.stanford.edu/cs/cvgl/Stanford_Online_Products.zip",
    ),
)
COUNTS = {"train": (59551, 11318), "test": (60502, 11316)}
"""Images and classes of each split."""
_COLUMNS = ("image_id", "class_id", "super_class_id", "path")
_CLASSES = {"train": (1, 11318), "test": (11319, 22634)}


def download(folder: Path, settings: Products) -> None:
    """Fetch the archive."""
    fetch(as_asked(ARCHIVE, settings), folder, settings.name)


def listing(raw: Path, settings: Products) -> Listing:
    """Parse the two lists.

    Raises:
        UserError: a list is missing or damaged, a class number is outside its list's range, an image is missing, a
            count differs.
    """
    path = raw / ARCHIVE.name
    entries = []
    with open_archive(path) as archive:
        for split, (lowest, highest) in _CLASSES.items():
            source = f"{path}: Ebay_{split}.txt"
            content = archive.read(f"Stanford_Online_Products/Ebay_{split}.txt")
            for number, (_, label, _, name) in rows(content, source, _COLUMNS, (" ".join(_COLUMNS),)):
                class_number = whole_number(label, "class", f"{source}: line {number}", lowest, highest)
                role = "train" if split == "train" else "both"
                entries.append(
                    Entry(name, f"{class_number:05d}", split, role, path, f"Stanford_Online_Products/{name}")
                )
        require_counts(entries, settings.expected(COUNTS), str(path))
        archive.require((entry.member for entry in entries), "Ebay_train.txt and Ebay_test.txt")
    return make_listing(entries, settings, str(path))
