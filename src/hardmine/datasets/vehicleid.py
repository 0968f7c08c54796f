"""PKU VehicleID: a training list and test lists of several sizes.

All test images are ``both``: which of a vehicle's images forms the gallery is drawn when results are evaluated.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.settings.datasets import VehicleID

from .listing import Entry, Listing, make_listing, require_counts
from .lists import read_list, rows, whole_number
from .manual import find_manual, members_of, places_of, write_places
from .members import REMEDY

__all__ = ["COUNTS", "TRAIN_COUNT", "download", "listing"]

COUNTS = {800: (6493, 800), 1600: (13377, 1600), 2400: (19777, 2400), 3200: (26353, 3200)}
"""Images and vehicles of each test list."""
TRAIN_COUNT = (113346, 13164)
"""Images and vehicles of the training list in the usual release; other releases differ, so it is only warned of."""
_ROOTS = ("VehicleID_V1.0/", "vehicleid/", "")
_HOW = (
    "Ask for it on https://pkuml.org/resources/pku-vehicleid.html (name, institute, signed agreement) and unpack what "
    "you are sent."
)


def download(folder: Path, settings: VehicleID) -> None:
    """Check the user's files, copy the lists and note where the images are.

    Raises:
        UserError: a file is missing or not what it should be.
    """
    lists = {}
    for name in settings.raw_files[:2]:
        found = find_manual("vehicleid", name, tuple(f"{root}train_test_split/{name}" for root in _ROOTS), _HOW)
        lists[name] = (str(found), read_list(found))
    images = find_manual("vehicleid", "the folder of images", tuple(f"{root}image" for root in _ROOTS), _HOW)
    _parse(lists, images, settings)
    for name, (_, content) in lists.items():
        with writing(folder / name) as temporary:
            temporary.write_bytes(content)
    write_places(folder / "files.json", "vehicleid", {"images": images})


def listing(raw: Path, settings: VehicleID) -> Listing:
    """Parse the training list and one test list.

    Raises:
        UserError: a list is damaged, an image name has lost its leading zeros, an image is missing, the test list's
            count differs.
    """
    lists = {name: (str(raw / name), read_list(raw / name)) for name in settings.raw_files[:2]}
    return _parse(lists, places_of(raw, "vehicleid")["images"], settings)


def _parse(lists: Mapping[str, tuple[str, bytes]], place: Path, settings: VehicleID) -> Listing:
    entries = []
    for (source, content), split in zip(lists.values(), ("train", "test"), strict=True):
        table = list(rows(content, source, ("image", "vehicle")))
        for number, (image, _) in table:
            if not re.fullmatch(r"[0-9]{7}", image):
                raise UserError(f"{source}: line {number}: image {image!r} must be 7 digits, zeros in front. {REMEDY}")
        members = members_of(place, [f"image/{image}.jpg" for _, (image, _) in table], source)
        for (number, (image, vehicle)), member in zip(table, members, strict=True):
            label = whole_number(vehicle, "vehicle", f"{source}: line {number}", 0, 999_999)
            role = "train" if split == "train" else "both"
            entries.append(Entry(f"image/{image}.jpg", f"{label:06d}", split, role, place, member))
    (train_source, _), (test_source, _) = lists.values()
    require_counts(entries, settings.expected({"test": COUNTS[settings.test_list]}), test_source)
    training = [entry.label for entry in entries if entry.split == "train"]
    if (len(training), len(set(training))) != TRAIN_COUNT:
        print(
            f"WARNING: {train_source}: {len(training):,} images of {len(set(training)):,} vehicles, where the usual "
            f"release has {TRAIN_COUNT[0]:,} of {TRAIN_COUNT[1]:,}. State yours with the results.",
            flush=True,
        )
    return make_listing(entries, settings, f"{train_source} and {test_source}")
