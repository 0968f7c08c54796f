"""The download verb: a data set's files as published, into ``data/raw/<dataset>/``."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pooch

from hardmine.artefacts import Job
from hardmine.errors import UserError
from hardmine.settings.datasets import ImageDataset, dataset_of

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
        digest: ``sha256:…`` or ``md5:…`` as pooch writes it; None where the publisher's bytes are not stable.
        urls: official addresses, tried in order after the mirror; empty where there is only a mirror.
    """

    name: str
    digest: str | None
    urls: tuple[str, ...] = ()


def download(job: Job, folder: Path) -> None:
    """Bring the files that the job names into ``folder`` (for ``glyphs``: render them)."""
    settings = dataset_of(job)
    if isinstance(settings, ImageDataset):
        print(f"{settings.name}: terms of use: {settings.licence}.", flush=True)
    import_module(f"hardmine.datasets.{settings.name}").download(folder, settings)


def fetch(file: RemoteFile, folder: Path, dataset: str) -> Path:
    """Bring one file into ``folder``: from the user's own files, a mirror, the official addresses, in this order.

    The mirror is what ``HARDMINE_MIRROR`` names: a folder or an address (``file://``, ``https://``) under which the
    file lies by its name. A file that is there already and has the right digest is kept. What an interrupted download
    left is continued, and a file takes its name only when its digest is right.

    Raises:
        UserError: no source gives a file with the right digest; the message says what to put where.
    """
    partial = folder / f".{file.name}.part"
    faults = []
    sources = list(_sources(file, dataset))
    while sources:
        url = sources.pop(0)
        continued = partial.exists()
        try:
            pooch.retrieve(url, file.digest, file.name, folder, downloader=_Resuming(partial))
            return folder / file.name
        except ValueError:
            if continued:  # perhaps the older part is at fault: once more from the start
                sources.insert(0, url)
                continue
            faults.append(f"{url}: its content is not the published one ({file.digest})")
        except (OSError, HTTPException) as error:
            faults.append(f"{url}: {getattr(error, 'strerror', None) or error}")
    tried = "".join(f"\n  {fault}" for fault in faults)
    official = f" from {file.urls[0]}" if file.urls else ""
    raise UserError(
        f"{folder / file.name}: cannot be fetched.{tried}\n"
        f"Get {file.name}{official} on a machine with a network and put it into {manual_folder(dataset)}/, "
        "or name a folder or an address that has it in HARDMINE_MIRROR. Then run the same command again: "
        "an interrupted download goes on where it stopped."
    )


def _sources(file: RemoteFile, dataset: str) -> Iterator[str]:
    own = manual_folder(dataset) / file.name
    if own.is_file():
        yield own.resolve().as_uri()
    mirror = os.environ.get("HARDMINE_MIRROR", "")
    if mirror:
        base = mirror if "://" in mirror else Path(mirror).resolve().as_uri()
        yield f"{base.rstrip('/')}/{quote(file.name)}"
    yield from file.urls


class _Resuming:
    """Downloader for pooch that keeps what it has in a file of its own and continues there."""

    def __init__(self, partial: Path) -> None:
        self._partial = partial

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Write the content of ``url`` to ``output_file``.

        Raises:
            OSError: every try failed.
        """
        pause = PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._continue(url)
                os.replace(self._partial, output_file)
                return
            except (OSError, HTTPException) as error:
                final = isinstance(error, HTTPError) and error.code < 500 and error.code not in (408, 416, 429)
                if attempt == ATTEMPTS or final or url.startswith("file:"):
                    raise
                print(f"{url}: {error}; try {attempt + 1} of {ATTEMPTS} follows in {pause:.0f} s.", flush=True)
                time.sleep(pause)
                pause *= 2

    def _continue(self, url: str) -> None:
        start = self._partial.stat().st_size if self._partial.exists() else 0
        if url.startswith("file:"):
            start = 0
        request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
        try:
            response = urlopen(request, timeout=PATIENCE)
        except HTTPError as error:
            if error.code == 416:  # nothing after what is there: of another file, or complete; its digest decides
                self._partial.unlink(missing_ok=True)
            raise
        with response:
            continued = start > 0 and response.status == 206
            length = response.headers.get("Content-Length")
            expected = int(length) + (start if continued else 0) if length else None
            with open(self._partial, "ab" if continued else "wb") as file:
                _copy(response, file, url, expected)
            found = self._partial.stat().st_size
            if expected is not None and found < expected:
                raise OSError(f"the connection ended after {found:,} of {expected:,} bytes")


def _copy(source: IO[bytes], target: IO[bytes], url: str, expected: int | None) -> None:
    """Copy block by block, with a line about the progress every ten seconds."""
    spoken = time.monotonic()
    while block := source.read(_BLOCK):
        target.write(block)
        if time.monotonic() - spoken > 10:
            spoken = time.monotonic()
            whole = f" of {expected / 1e6:,.0f}" if expected else ""
            print(f"{url}: {target.tell() / 1e6:,.0f}{whole} MB", flush=True)
