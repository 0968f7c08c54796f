"""The download verb: a data set's files as published, into ``data/raw/<dataset>/``."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.settings.datasets import DATASETS, ImageDataset, dataset_of

from .manual import manual_folder

__all__ = ["RemoteFile", "download", "fetch"]

ATTEMPTS = 5
"""Tries of one address before the next one."""
PATIENCE = 60.0
"""Seconds without a byte after which a try has failed."""
PAUSE = 1.0
"""Seconds before the second try; doubled before each further one."""
_BLOCK = 2**20


@dataclass(frozen=True)
class RemoteFile:
    """A file that may be downloaded.

    Attributes:
        name: of the file, also on a mirror.
        digest: ``sha256:…`` or ``md5:…``, all its digits or the first that the publisher names; None where the
            publisher's bytes are not stable.
        urls: official addresses, tried in order after the mirror; empty where there is only a mirror.
    """

    name: str
    digest: str | None
    urls: tuple[str, ...] = ()


def download(job: Job, folder: Path) -> None:
    """Bring the files that the job names into ``folder`` (for ``glyphs``: render them)."""
    if "weights" in job.settings:
        print(f"{job.settings['weights']}: terms of use: {job.where['licence']}.", flush=True)
        known = f"sha256:{job.settings['sha256']}" if job.settings["sha256"] else None
        fetch(RemoteFile(job.settings["weights"], known, tuple(job.where["urls"])), folder, "weights")
        return
    settings = dataset_of(job)
    if isinstance(settings, ImageDataset):
        print(f"{settings.name}: terms of use: {settings.licence}.", flush=True)
    DATASETS.implementation(settings.name).download(folder, settings)


def fetch(file: RemoteFile, folder: Path, dataset: str) -> Path:
    """Bring one file into ``folder``: from the user's own files, a mirror, the official addresses, in this order.

    The mirror is what ``HARDMINE_MIRROR`` names: a folder or an address (``file://``, ``https://``) under which the
    file lies by its name. A file that is there already and has the right digest is kept. What an interrupted download
    left is continued, and a file takes its name only when its digest is right.

    Raises:
        UserError: no source gives a file with the right digest; the message says what to put where.
    """
    target, partial = folder / file.name, folder / f".{file.name}.part"
    if target.is_file() and _is_right(target, file.digest):
        return target
    faults = []
    sources = list(_sources(file, dataset))
    while sources:
        url = sources.pop(0)
        continued = partial.exists()
        try:
            _bring(url, partial)
        except (OSError, HTTPException) as error:
            faults.append(f"{url}: {getattr(error, 'strerror', None) or error}")
            continue
        if _is_right(partial, file.digest):
            os.replace(partial, target)
            return target
        partial.unlink()
        if continued:  # perhaps the older part is at fault: once more from the start
            sources.insert(0, url)
        else:
            faults.append(f"{url}: its content is not the published one ({file.digest})")
    tried = "".join(f"\n  {fault}" for fault in faults)
    official = f" from {file.urls[0]}" if file.urls else ""
    raise UserError(
        f"{target}: cannot be fetched.{tried}\n"
        f"Get {file.name}{official} on a machine with a network and put it into {manual_folder(dataset)}/, "
        "or name a folder or an address that has it in HARDMINE_MIRROR. Then run the same command again: "
        "an interrupted download goes on where it stopped."
    )


def _is_right(path: Path, expected: str | None) -> bool:
    if expected is None:
        return True
    kind, _, value = expected.partition(":")
    with open(path, "rb") as content:
        return hashlib.file_digest(content, kind).hexdigest().startswith(value)


def _sources(file: RemoteFile, dataset: str) -> Iterator[str]:
    own = manual_folder(dataset) / file.name
    if own.is_file():
        yield own.resolve().as_uri()
    mirror = os.environ.get("HARDMINE_MIRROR", "")
    if mirror:
        base = mirror if "://" in mirror else Path(mirror).expanduser().resolve().as_uri()
        yield f"{base.rstrip('/')}/{quote(file.name)}"
    yield from file.urls


def _bring(url: str, partial: Path) -> None:
    """Complete ``partial`` from ``url``, with several tries that each continue what is there.

    Raises:
        OSError: every try failed.
        UserError: the disk is full or may not be written to.
    """
    pause = PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, partial)
            return
        except (OSError, HTTPException) as error:
            final = isinstance(error, HTTPError) and error.code < 500 and error.code not in (408, 416, 429)
            if attempt == ATTEMPTS or final or url.startswith("file:"):
                raise
            print(f"{url}: {error}; try {attempt + 1} of {ATTEMPTS} follows in {pause:.0f} s.", flush=True)
            time.sleep(pause)
            pause *= 2


def _continue(url: str, partial: Path) -> None:
    start = partial.stat().st_size if partial.exists() and not url.startswith("file:") else 0
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urlopen(request, timeout=PATIENCE)
    except HTTPError as error:
        if error.code == 416:  # the server has nothing after what is there: of another file, or complete
            partial.unlink(missing_ok=True)
        raise
    with response:
        continued = start > 0 and response.status == 206
        length = response.headers.get("Content-Length")
        expected = int(length) + (start if continued else 0) if length else None
        _write(response, partial, "ab" if continued else "wb", url, expected)
    found = partial.stat().st_size
    if expected is not None and found < expected:
        raise OSError(f"the connection ended after {found:,} of {expected:,} bytes")


def _write(source: IO[bytes], partial: Path, mode: str, url: str, expected: int | None) -> None:
    """Write block by block, with a line about the progress every ten seconds."""
    spoken = time.monotonic()
    with _disk(partial):
        file = open(partial, mode)  # noqa: SIM115 - closed below; the network's errors are not the disk's
    with file:
        while block := source.read(_BLOCK):
            with _disk(partial):
                file.write(block)
            if time.monotonic() - spoken > 10:
                spoken = time.monotonic()
                whole = f" of {expected / 1e6:,.0f}" if expected else ""
                print(f"{url}: {file.tell() / 1e6:,.0f}{whole} MB", flush=True)
        with _disk(partial):
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error.strerror}. Free space or mend the permissions, then run the same "
            "command again."
        ) from None
