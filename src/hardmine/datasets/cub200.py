"""CUB-200-2011: birds; species 1 to 100 for training, 101 to 200 for test.

The official flags in ``train_test_split.txt`` put every species on both sides; they are not read.
"""

from pathlib import Path

from hardmine.errors import UserError
from hardmine.settings.datasets import Cub200

from .archives import open_archive
from .fetch import RemoteFile, as_asked, fetch
from .listing import Entry, Listing, make_listing, require_counts
from .lists import rows, unique, whole_number
from .members import REMEDY

__all__ = ["ARCHIVE", "COUNTS", "download", "listing"]

ARCHIVE = RemoteFile(
    "CUB_200_2011.tgz",
    "sha256:0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
    ("https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",),
)
COUNTS = {"train": (5864, 100), "test": (5924, 100)}
"""Images and classes of each split."""
_LISTS = {
    "images.txt": ("image", "path"),
    "image_class_labels.txt": ("image", "class"),
    "classes.txt": ("class", "folder"),
}


def download(folder: Path, settings: Cub200) -> None:
    """Fetch the archive."""
    fetch(as_asked(ARCHIVE, settings), folder, settings.name)


def listing(raw: Path, settings: Cub200) -> Listing:
    """Parse the lists; class numbers, class names and folder names must agree.

    Raises:
        UserError: a list is missing or damaged, lists disagree, an image is missing, a count differs.
    """
    path = raw / ARCHIVE.name
    source = f"{path}: images.txt"
    with open_archive(path) as archive:
        tables = {
            name.rpartition("/")[2]: content
            for name, content in archive.iterate(f"CUB_200_2011/{name}" for name in _LISTS)
        }
        images, labels, classes = (
            unique(rows(tables[name], f"{path}: {name}", columns), f"{path}: {name}")
            for name, columns in _LISTS.items()
        )
        if images.keys() != labels.keys():
            odd = min(images.keys() ^ labels.keys())
            raise UserError(f"{path}: image {odd} is in only one of images.txt and image_class_labels.txt. {REMEDY}")
        entries = []
        for identity, name in images.items():
            number = whole_number(labels[identity], "class", f"{path}: image {identity}", 1, 200)
            folder = name.split("/")[0]
            if classes.get(str(number)) != folder or not folder.startswith(f"{number:03d}."):
                raise UserError(
                    f"{path}: image {identity} lies in {folder} but has class {number}, which classes.txt calls "
                    f"{classes.get(str(number))}. {REMEDY}"
                )
            split, role = ("train", "train") if number <= 100 else ("test", "both")
            entries.append(Entry(name, folder, split, role, path, f"CUB_200_2011/images/{name}"))
        require_counts(entries, settings.expected(COUNTS), source)
        archive.require((entry.member for entry in entries), "images.txt")
    return make_listing(entries, settings, source)
