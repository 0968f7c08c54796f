"""The download verb: a data set's files as published, into ``data/raw/<dataset>/``."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, url2pathname

from hardmine.artefacts import Job, digest, open_regular
from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.settings.datasets import DATASETS, ImageDataset, dataset_of

from .checksums import CHECKSUMS, record_digest, recorded_digest
from .manual import manual_folder

__all__ = ["RemoteFile", "as_asked", "download", "fetch"]

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
        digest: ``sha256:…`` or ``md5:…``, all its digits or the first that the publisher names; None where none is
            published: then what comes first is recorded in ``checksums.txt``, and nothing else is taken ever after.
        urls: official addresses, tried in order after the mirror; empty where there is only a mirror.
        most: bytes that it has at the most.
    """

    name: str
    digest: str | None
    urls: tuple[str, ...] = ()
    most: int = 64 * 2**30


def as_asked(file: RemoteFile, settings: ImageDataset) -> RemoteFile:
    """A file of a data set, or where the settings speak of another copy what the user has under its name."""
    return file if settings.is_published else replace(file, digest=None, urls=())


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
    expected = file.digest or recorded_digest(dataset, file.name)
    if target.is_file() and _is_right(target, expected):
        return target
    faults = []
    sources = list(_sources(file, dataset))
    while sources:
        url = sources.pop(0)
        continued = partial.exists()
        try:
            _bring(url, partial, file.most, anything=expected is None)
        except (OSError, HTTPException) as error:
            faults.append(f"{url}: {getattr(error, 'strerror', None) or error}")
            continue
        if _is_right(partial, expected):
            os.replace(partial, target)
            _tag_of(partial).unlink(missing_ok=True)
            if expected is None:
                record_digest(dataset, file.name, digest(target))
            return target
        partial.unlink()
        _tag_of(partial).unlink(missing_ok=True)
        if continued:  # perhaps the older part is at fault: once more from the start
            sources.insert(0, url)
        else:
            known = (
                "the published one"
                if file.digest
                else f"what came first; if it is meant, delete its line in {CHECKSUMS}"
            )
            faults.append(f"{url}: its content is not {known} ({expected})")
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
    with os.fdopen(open_regular(path), "rb") as content:
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


def _bring(url: str, partial: Path, most: int, anything: bool) -> None:
    """Complete ``partial`` from ``url``, with several tries that each continue what is there.

    Args:
        url: the address.
        partial: what is there so far.
        most: bytes of the whole file at the most.
        anything: whether no digest will tell a file that was put together from two versions.

    Raises:
        OSError: every try failed.
        UserError: the disk is full or may not be written to.
    """
    pause = PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, partial, most, anything)
            return
        except (OSError, HTTPException) as error:
            final = isinstance(error, HTTPError) and error.code < 500 and error.code not in (408, 416, 429)
            if attempt == ATTEMPTS or final or url.startswith("file:"):
                raise
            print(f"{shown(f'{url}: {error}')}; try {attempt + 1} of {ATTEMPTS} follows in {pause:.0f} s.", flush=True)
            time.sleep(pause)
            pause *= 2


def _continue(url: str, partial: Path, most: int, anything: bool) -> None:
    tag = _tag_of(partial)
    known = tag.read_text(encoding="ascii") if tag.is_file() else ""
    if url.startswith("file:") or (anything and not known):
        partial.unlink(missing_ok=True)
    start = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={start}-"} | ({"If-Range": known} if known else {}) if start else {}
    if url.startswith("file:"):
        path = Path(url2pathname(urlsplit(url).path))
        with os.fdopen(open_regular(path), "rb") as source:
            _write(source, partial, "wb", url, path.stat().st_size, most)
        return
    try:
        response = _OPENER.open(Request(url, headers=headers), timeout=PATIENCE)
    except HTTPError as error:
        if error.code == 416:  # the server has nothing after what is there: of another file, or complete
            partial.unlink(missing_ok=True)
        raise
    with response:
        continued = start > 0 and response.status == 206
        length = response.headers.get("Content-Length")
        expected = int(length) + (start if continued else 0) if length else None
        if not continued:
            _remember_version(tag, response.headers.get("ETag", ""))
        _write(response, partial, "ab" if continued else "wb", url, expected, most)
    found = partial.stat().st_size
    if expected is not None and found < expected:
        raise OSError(f"the connection ended after {found:,} of {expected:,} bytes")


def _tag_of(partial: Path) -> Path:
    """Where the server's name of the version lies that a partial file is of."""
    return partial.with_name(f"{partial.name}.version")


def _remember_version(tag: Path, name: str) -> None:
    """Keep a strong ETag: a weak one does not promise the same bytes."""
    if re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', name):
        tag.write_text(name, encoding="ascii")
    else:
        tag.unlink(missing_ok=True)


class _NoWeakerRedirect(HTTPRedirectHandler):
    """Follows no redirect from https to what can be altered on the way, and none to anything but the web."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after != "https" and after != before:
            raise OSError(f"leads on to {newurl}, which is not safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = build_opener(_NoWeakerRedirect)


def _write(source: IO[bytes], partial: Path, mode: str, url: str, expected: int | None, most: int) -> None:
    """Write block by block, at most ``most`` bytes, with a line about the progress every ten seconds."""
    if expected is not None and expected > most:
        raise OSError(f"it has {expected:,} bytes, over the limit of {most:,}")
    spoken = time.monotonic()
    with _disk(partial):
        file = open(partial, mode)  # noqa: SIM115 - closed below; the network's errors are not the disk's
    with file:
        while block := source.read(_BLOCK):
            if file.tell() + len(block) > most:
                raise OSError(f"it goes on after {most:,} bytes, the limit")
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
