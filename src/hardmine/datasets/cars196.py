"""Cars196: models 1 to 98 for training, 99 to 196 for test, over both official halves together."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.settings.datasets import Cars196

from .archives import open_archive
from .listing import Entry, Listing, make_listing, require_counts
from .lists import read_list
from .manual import find_manual, manual_folder, members_of, places_of, write_places
from .matlab import structures_in
from .members import REMEDY

__all__ = ["COUNTS", "download", "listing"]

COUNTS = {
    "merged": {"train": (8054, 98), "test": (8131, 98)},
    "halves": {"train": (8054, 98), "test": (8131, 98)},
    "train-half": {"train": (4052, 98), "test": (4092, 98)},
    "test-half": {"train": (4002, 98), "test": (4039, 98)},
}
"""Images and classes of each split."""
PUBLISHED = {
    "cars_train.tgz": "512b227b30e2f0a8aab9e09485786ab4479582073a144998da74d64b801fd288",
    "cars_test.tgz": "bffea656d6f425cba3c91c6d83336e4c5f86c6cffd8975b0f375d3a10da8e243",
    "cars_test_annos_withlabels.mat": "790f75be8ea34eeded134cc559332baf23e30e91367e9ddca97d26ed9b895f05",
    "car_devkit.tgz": "b97deb463af7d58b6bfaa18b2a4de9829f0f79e8ce663dfa9261bf7810e9accd",
}
"""SHA-256 of files as they were published; copies that were packed again differ, and are judged by their counts."""
_HOW = (
    "Its host is gone since 2023. Copies of the published files (car_ims.tgz with cars_annos.mat, or cars_train.tgz, "
    "cars_test.tgz, car_devkit.tgz and cars_test_annos_withlabels.mat) are kept by many laboratories, and as Stanford "
    "Cars on Kaggle and Hugging Face; https://github.com/pytorch/vision/issues/7545 lists some."
)
_ROOTS = ("", "stanford_cars/")
_FOLDERS = {
    "merged": ("car_ims",),
    "halves": ("cars_train", "cars_test"),
    "train-half": ("cars_train",),
    "test-half": ("cars_test",),
}
_OTHER_HALF = {"cars_train": "cars_test", "cars_test": "cars_train"}
_ANNOTATIONS = {
    "car_ims": "cars_annos.mat",
    "cars_train": "cars_train_annos.mat",
    "cars_test": "cars_test_annos_withlabels.mat",
}


def download(folder: Path, settings: Cars196) -> None:
    """Check the user's files, copy the annotations and note where the images are.

    Raises:
        UserError: a file is missing or not what it should be.
    """
    parts = _FOLDERS[settings.release]
    places = {part: _find_images(part, settings) for part in parts}
    annotations = {part: _find_annotations(part) for part in parts}
    _parse(annotations, places, settings)
    for part, (_, content) in annotations.items():
        with writing(folder / _ANNOTATIONS[part]) as temporary:
            temporary.write_bytes(content)
    for known in write_places(folder / "files.json", "cars196", places).values():
        name = Path(known["path"]).name
        if name in PUBLISHED and known["sha256"] != PUBLISHED[name]:
            print(f"{name}: not the bytes once published (packed again?); its counts are right.", flush=True)


def listing(raw: Path, settings: Cars196) -> Listing:
    """Parse the annotations of the release.

    Raises:
        UserError: a file is damaged or another one, an image is missing, a count differs.
    """
    files = {part: raw / _ANNOTATIONS[part] for part in _FOLDERS[settings.release]}
    annotations = {part: (str(file), read_list(file)) for part, file in files.items()}
    return _parse(annotations, places_of(raw, "cars196"), settings)


def _candidates(part: str) -> tuple[str, ...]:
    return tuple(f"{root}{part}{suffix}" for root in _ROOTS for suffix in (".tgz", ".tar.gz", ".zip", ""))


def _find_images(part: str, settings: Cars196) -> Path:
    how = _HOW
    other = _OTHER_HALF.get(part, "")
    if settings.release == "halves" and any((manual_folder("cars196") / name).exists() for name in _candidates(other)):
        how += (
            f"\nONLY {other} IS THERE: numbers from one half cannot be compared with any published ones. To use it all "
            f"the same, set dataset.release: {other.removeprefix('cars_')}-half."
        )
    return find_manual("cars196", part, _candidates(part), how)


def _find_annotations(part: str) -> tuple[str, bytes]:
    """Name for messages and content of the annotations of one part."""
    name = _ANNOTATIONS[part]
    places = tuple(f"{root}{inner}{name}" for root in _ROOTS for inner in ("", "devkit/"))
    if part == "cars_train":
        places += tuple(f"{root}car_devkit.tgz" for root in _ROOTS)
    found = find_manual("cars196", name, places, _HOW)
    if found.name != "car_devkit.tgz":
        return str(found), read_list(found)
    with open_archive(found) as archive:
        return f"{found}: devkit/{name}", archive.read(f"devkit/{name}")


def _parse(annotations: Mapping[str, tuple[str, bytes]], places: Mapping[str, Path], settings: Cars196) -> Listing:
    if settings.release.endswith("half"):
        print("WARNING: one half of Cars196 only; no result is comparable with published numbers.", flush=True)
    entries = []
    for part, (source, content) in annotations.items():
        annotated = list(_annotations(content, source))
        names = [f"{part}/{PurePosixPath(name).name}" for name, _ in annotated]
        members = members_of(places[part], names, source)
        other = _OTHER_HALF.get(part)
        if other in PurePosixPath(members[0]).parts:  # the halves' file names repeat
            raise UserError(f"{places[part]}: holds {other} instead of {part}. {REMEDY}")
        for name, member, (_, number) in zip(names, members, annotated, strict=True):
            split, role = ("train", "train") if number <= 98 else ("test", "both")
            entries.append(Entry(name, f"{number:03d}", split, role, places[part], member))
    source = " and ".join(source for source, _ in annotations.values())
    require_counts(entries, settings.expected(COUNTS[settings.release]), source)
    return make_listing(entries, settings, source)


def _annotations(content: bytes, source: str) -> Iterator[tuple[str, int]]:
    """File name and class (1 to 196) of every image; fields are read by name, since their order differs."""
    try:
        table = structures_in(content, "annotations")
        name = next(field for field in ("relative_im_path", "fname") if field in table[0])
    except (ValueError, StopIteration) as error:
        raise UserError(f"{source}: is no list of annotations ({error or 'no names'}). {REMEDY}") from None
    if "class" not in table[0]:
        raise UserError(f"{source}: has no classes; the list with labels is needed. {_HOW}")
    for row in table:
        yield str(row[name]), _class_of(row["class"], str(row[name]), source)


def _class_of(value: Any, name: str, source: str) -> int:
    """A class as a whole number."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if not 1 <= number <= 196:
        raise UserError(f"{source}: {name} has class {value!r}, which is not a number from 1 to 196. {REMEDY}")
    return number
