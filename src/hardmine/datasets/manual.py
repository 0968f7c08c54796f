"""Files that the user has to bring: where they are looked for, and what is written down about them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardmine.artefacts import digest, write_text
from hardmine.errors import UserError

from .archives import open_archive
from .members import missing

__all__ = ["find_manual", "manual_folder", "members_of", "places_of", "read_json", "write_places"]

_PROBES = 5
"""Listed names that are looked for to learn how a copy is arranged: the first may be missing."""


def manual_folder(dataset: str) -> Path:
    """Where the user puts files of a data set: ``data/manual/<dataset>``, or ``<dataset>`` in ``HARDMINE_MANUAL``."""
    return Path(os.environ.get("HARDMINE_MANUAL") or "data/manual").expanduser() / dataset


def find_manual(dataset: str, what: str, candidates: tuple[str, ...], how: str) -> Path:
    """The first candidate that is there.

    Args:
        dataset: name of the data set.
        what: what the file is, for the message.
        candidates: names relative to the data set's manual folder.
        how: where to ask for it.

    Raises:
        UserError: none is there.
    """
    folder = manual_folder(dataset)
    for name in candidates:
        if (folder / name).exists():
            return folder / name
    raise UserError(
        f"{folder}: {what} is missing. {how}\n"
        f"Put it there as {' or '.join(candidates)}; HARDMINE_MANUAL names another folder in place of data/manual. "
        "Then run the same command again."
    )


def write_places(path: Path, dataset: str, images: Mapping[str, Path]) -> dict[str, Any]:
    """Write ``files.json``: place in the manual folder, size and, for an archive, SHA-256 of each set of images.

    Returns:
        What was written.
    """
    content = {name: _description(dataset, place) for name, place in images.items()}
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return content


def _description(dataset: str, place: Path) -> dict[str, Any]:
    name = place.relative_to(manual_folder(dataset)).as_posix()
    if place.is_file():
        print(f"{place}: {place.stat().st_size / 1e6:,.0f} MB, is being read once.", flush=True)
        return {"path": name, "bytes": place.stat().st_size, "sha256": digest(place)}
    sizes = [file.stat().st_size for file in place.rglob("*") if file.is_file()]
    return {"path": name, "bytes": sum(sizes), "files": len(sizes)}


def places_of(raw: Path, dataset: str) -> dict[str, Path]:
    """The places of the images that ``files.json`` names.

    Raises:
        UserError: an archive is not there any more, or has another size.
    """
    places = {}
    for name, known in read_json(raw / "files.json").items():
        place = manual_folder(dataset) / known["path"]
        if not place.exists():
            raise UserError(f"{place}: missing. It was there when its files were checked; put it back.")
        if place.is_file() and place.stat().st_size != known["bytes"]:
            raise UserError(
                f"{place}: {place.stat().st_size:,} bytes instead of {known['bytes']:,}: changed since it was checked. "
                f"Put it back, or delete {raw}/made.json and run the same command again."
            )
        places[name] = place
    return places


def read_json(path: Path) -> Any:
    """The content of a file that the download verb wrote.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}). Delete {path.parent}/made.json and run again.") from None


def members_of(place: Path, names: list[str], source: str) -> list[str]:
    """Member names in ``place`` of the files that a list calls ``names``.

    A copy may lack leading folders of the list's names, or have folders around them.

    Raises:
        UserError: a file is missing; the message names it and ``source``, the list.
    """
    with open_archive(place) as archive:
        present = archive.names()
    dropped, around = _arrangement(present, names)
    members = [around + "/".join(name.split("/")[dropped:]) for name in names]
    absent = set(members).difference(present)
    if absent:
        raise missing(place, absent, source)
    return members


def _arrangement(present: list[str], names: list[str]) -> tuple[int, str]:
    """How many leading folders of ``names`` a copy lacks, and what folders it has around them instead."""
    for probe in names[:_PROBES]:
        parts = probe.split("/")
        for dropped in range(len(parts)):
            tail = "/".join(parts[dropped:])
            around = [name.removesuffix(tail) for name in present if name == tail or name.endswith(f"/{tail}")]
            if len(around) == 1:
                return dropped, around[0]
    return 0, ""
