"""The images that a user's folder or list names, each with its class."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hardmine.errors import UserError
from hardmine.settings.datasets.own_files import SUFFIXES, Pictures, listed_names, pictures_in, walk

from .members import written_plainly
from .own_lists import SPLITS, labelled_rows, split_hint

__all__ = ["OwnImage", "in_class_folders", "listed", "listed_among", "refuse_splits", "require_pairs"]

_FOLDERS_OF_SPLITS = {"train", "training", "val", "valid", "validation", "test", "query", "gallery"}
_LONGEST_LABEL = 255
"""Bytes of a class's name, as of a folder's."""
_AS_UTF8 = "Save it as UTF-8 (spreadsheets offer 'CSV UTF-8'), then run the same command again."


@dataclass(frozen=True)
class OwnImage:
    """An image of the user.

    Attributes:
        path: in the folder, with ``/`` between its parts.
        label: its class.
        split: empty where it is to be drawn.
        place: where its class is named, for messages.
    """

    path: str
    label: str
    split: str
    place: str = ""


def in_class_folders(place: Path) -> list[OwnImage]:
    """Every image below a class folder, at any depth; prints what is passed over.

    Raises:
        UserError: there is none, one lies beside the class folders, or the folders are splits.
    """
    found = _pictures_in(place)
    if found.passed_over:
        print(f"{place}: {len(found.names):,} images; passed over: {found.passed_over}.", flush=True)
    if not found.names:
        besides = f" Passed over: {found.passed_over}." if found.passed_over else ""
        raise UserError(f"{place}: holds no image ({_endings()}). Put the images of each class into a folder.{besides}")
    stray = [name for name in found.names if "/" not in name]
    if stray:
        raise UserError(
            f"{place}: {listed_names(stray)} lies beside the class folders. Move it into one, or name a list with "
            "dataset.list."
        )
    refuse_splits(
        found.names,
        str(place),
        "Write a list with the columns path,class,split and name it with dataset.list.",
    )
    return [OwnImage(name, name.split("/")[0], "", "a folder") for name in found.names]


def refuse_splits(names: Iterable[str], source: str, instead: str) -> None:
    """Check that the first folders of some paths may be classes.

    Args:
        names: the paths, with ``/``, each in a folder.
        source: names them in the message.
        instead: what to do, a sentence.

    Raises:
        UserError: all folders have names of splits.
    """
    folders = {name.split("/")[0] for name in names}
    if folders <= _FOLDERS_OF_SPLITS:
        raise UserError(
            f"{source}: its folders are {', '.join(sorted(folders))}, which look like splits, not classes. {instead}"
        )


def listed(place: Path, name: str) -> list[OwnImage]:
    """The images of the user's list; prints how many of the folder it leaves out.

    Raises:
        UserError: the list is missing, or says what cannot be used; the line is named.
    """
    file = place / name
    if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
        raise UserError(f"dataset.list: {name!r} leaves the folder {place}. Put the list into it.")
    if not file.is_file():
        raise UserError(f"dataset.list: there is no file {file}.")
    columns, rows = labelled_rows(file, _AS_UTF8)
    images = [_row(str(file), number, cells, columns) for number, cells in rows]
    if not images:
        raise UserError(f"{file}: lists no image.")
    images = _as_files_are_called(place, file, images)
    known: dict[str, OwnImage] = {}
    for image in images:
        first = known.setdefault(image.path, image)
        if first is not image:
            lines = f"{first.place.replace('line', 'lines')} and {image.place.removeprefix('line ')}"
            raise UserError(f"{file}: {lines} both list {image.path}. Remove one.")
    unlisted = [path for path in _pictures_in(place).names if path not in known]
    if unlisted:
        print(f"{file}: of the folder's images it leaves out {len(unlisted):,}: {listed_names(unlisted)}.", flush=True)
    return images


def listed_among(names: Iterable[str], file: Path) -> tuple[dict[str, OwnImage], list[str]]:
    """The lines of a list that name known images, by name, and what others name, with their lines.

    A name may be written in another encoding of the same letters (é as one sign or two), or with ``./``.

    Args:
        names: of the images that there are.
        file: the list, wherever it lies.

    Raises:
        UserError: the list cannot be read, has other columns, an empty cell or a path twice, or no line.
    """
    columns, rows = labelled_rows(file, _AS_UTF8)
    names = list(names)
    known = {unicodedata.normalize("NFC", name): name for name in names} | {name: name for name in names}
    images: dict[str, OwnImage] = {}
    missing: list[str] = []
    for number, cells in rows:
        if len(cells) != columns or "" in cells:
            raise UserError(f"{file}: line {number}: {','.join(cells)[:80]!r} must have {columns} cells, none empty.")
        path = PurePosixPath(cells[0]).as_posix()
        name = known.get(path) or known.get(unicodedata.normalize("NFC", path))
        if name is None:
            missing.append(f"{cells[0]} (line {number})")
        elif name in images:
            raise UserError(f"{file}: {images[name].place} and line {number} both list {name}. Remove one.")
        else:
            images[name] = OwnImage(name, cells[1], cells[2] if columns == 3 else "", f"line {number}")
    if not images and not missing:
        raise UserError(f"{file}: lists no image.")
    return images, missing


def require_pairs(images: list[OwnImage], source: str) -> None:
    """Check that every split has a class with two images, or nothing can be retrieved.

    Raises:
        UserError: one has not, or the list has splits but no image for training or for test.
    """
    for split in sorted({image.split for image in images}):
        counts = Counter(image.label for image in images if image.split == split)
        if max(counts.values()) < 2:
            where = f" of the split {split}" if split else ""
            raise UserError(f"{source}: no class{where} has two images; there is nothing to retrieve.")
    given = {image.split for image in images} - {""}
    if given and not {"train", "test"} <= given:
        raise UserError(f"{source}: the list has no image in {' and '.join(sorted({'train', 'test'} - given))}.")


def _pictures_in(place: Path) -> Pictures:
    try:
        found = pictures_in(place)
    except OSError as error:
        raise UserError(f"{place}: cannot be opened: {error.strerror}.") from None
    if found.closed:
        raise UserError(
            f"{place}: cannot open {listed_names(found.closed)}. Mend these folders' permissions, or move them away."
        )
    return found


def _row(file: str, number: int, cells: list[str], columns: int) -> OwnImage:
    place = f"{file}: line {number}"
    if len(cells) != columns or "" in cells:
        raise UserError(f"{place}: {','.join(cells)[:80]!r} must have {columns} cells, none of them empty.")
    if len(cells[1].encode(errors="replace")) > _LONGEST_LABEL or not written_plainly(cells[1]):
        raise UserError(
            f"{place}: the class {cells[1][:80]!r} has more than {_LONGEST_LABEL} bytes, or characters that cannot be "
            "printed. Name it as a folder could be named."
        )
    path = PurePosixPath(cells[0])
    if path.is_absolute() or ".." in path.parts or "\\" in cells[0]:
        raise UserError(f"{place}: {cells[0]!r} must be a path inside the folder, with / between its parts.")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{place}: {cells[0]!r} is no image; allowed are {_endings()}.")
    if columns == 3 and cells[2] not in SPLITS:
        allowed = f"allowed: {', '.join(SPLITS)}.{split_hint(cells[2])}"
        raise UserError(f"{place}: split {cells[2]!r} is not allowed; {allowed}")
    return OwnImage(path.as_posix(), cells[1], cells[2] if columns == 3 else "", f"line {number}")


def _as_files_are_called(place: Path, file: Path, images: list[OwnImage]) -> list[OwnImage]:
    """The images under the names that their files have: a list may hold é as one sign, a file's name as two."""
    absent = {image.path for image in images if not os.path.isfile(place / image.path)}
    if not absent:
        return images
    forms: dict[str, list[str]] = {}
    for met in walk(place, everything=True):
        if not met.why:
            forms.setdefault(unicodedata.normalize("NFC", met.name), []).append(met.name)
    named = []
    for image in images:
        files = forms.get(unicodedata.normalize("NFC", image.path), []) if image.path in absent else [image.path]
        if len(files) != 1:
            more = f" {len(absent):,} listed files are missing." if len(absent) > 1 else ""
            raise UserError(f"{file}: {image.place}: there is no file {place / image.path}.{more}")
        named.append(replace(image, path=files[0]))
    return named


def _endings() -> str:
    return " ".join(sorted(SUFFIXES))
