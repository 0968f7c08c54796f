"""The preprocess verb: from published files to one packed array and its list."""

import hashlib
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.progress import Progress

from hardmine.artefacts import Job, key_of, writing
from hardmine.datasets import write_items
from hardmine.datasets.archives import open_archive
from hardmine.datasets.listing import Listing
from hardmine.errors import UserError
from hardmine.settings.datasets import DATASETS, ImageDataset, dataset_of

from .decode import UnreadableError, decode
from .store import write_images

__all__ = ["pack", "preprocess"]

_SAVE_SECONDS = 5.0
_NAMED = 20


def preprocess(job: Job, folder: Path, threads: int) -> None:
    """Pack the data set as the settings ask; writes ``images.npy`` and ``items.csv``."""
    settings = dataset_of(job)
    module = DATASETS.implementation(settings.name)
    raw = Path(job.inputs[0])
    if not isinstance(settings, ImageDataset):
        pixels, items = module.preprocess(raw, settings)
        write_images(folder / "images.npy", pixels)
        write_items(folder / "items.csv", items)
        return
    listing = module.listing(raw, settings)
    pack(listing, settings, folder / "images.npy", job.scratch, key_of(job), threads)
    write_items(folder / "items.csv", listing.items)


def pack(listing: Listing, settings: ImageDataset, target: Path, scratch: Path, key: str, threads: int) -> None:
    """Decode and resize all images of a listing into one uint8 [N, size, size, C] file, in the listing's order.

    What is packed so far lies in ``scratch`` and is used again after an interruption, if ``key`` is the same. Memory
    does not grow with the number of images.

    Args:
        listing: the images and where they are.
        settings: size, resize mode, channels.
        target: ``images.npy``.
        scratch: for what survives an interruption.
        key: digest of everything that decides the result.
        threads: that decode.

    Raises:
        UserError: images cannot be decoded or are other files than those listed (all are named, or the first of them),
            or an archive is damaged.
    """
    partial = Partial(scratch, key, (len(listing.items.paths), settings.size, settings.size, settings.channels))
    waiting = np.flatnonzero(~partial.done)
    if len(waiting) < len(partial.done):
        print(f"resumed: {len(partial.done) - len(waiting)} of {len(partial.done)} images are packed", flush=True)
    faults: list[str] = []
    changed: list[str] = []
    progress = _Lines(len(partial.done), len(partial.done) - len(waiting))
    pending: deque[tuple[int, Future[np.ndarray]]] = deque()

    def finish() -> None:
        row, future = pending.popleft()
        try:
            partial.write(row, future.result())
        except _ChangedError:
            changed.append(listing.items.paths[row])
        except UnreadableError as fault:
            faults.append(f"{listing.items.paths[row]}: {fault}")
        progress.advance()

    with ThreadPoolExecutor(threads) as pool, progress:
        try:
            for row, data in _bytes_of(listing, waiting, settings.own):
                listed = listing.digests[row] if listing.digests else None
                pending.append((row, pool.submit(_decoded, data, listed, settings)))
                while len(pending) >= 4 * threads:
                    finish()
            while pending:
                finish()
        finally:
            partial.save()
            for _, future in pending:
                future.cancel()
    if changed:
        raise UserError(
            f"{len(changed)} of {len(partial.done)} images were changed after they were listed:\n{_named(changed)}\n"
            "Run the same command again when nothing writes into their folder."
        )
    if faults:
        raise UserError(
            f"{len(faults)} of {len(partial.done)} images cannot be read:\n{_named(faults)}\n"
            "Replace the files, or leave them out by listing their names under dataset.unreadable."
        )
    partial.close(target)


class _ChangedError(Exception):
    """A file is not the one that was listed."""


def _decoded(data: bytes, listed: str | None, settings: ImageDataset) -> np.ndarray:
    """A file's picture, uint8 [size, size, C], if the file is the one whose SHA-256 was listed."""
    if listed and hashlib.sha256(data).hexdigest() != listed:
        raise _ChangedError
    return decode(data, settings.size, settings.resize, settings.channels, settings.upright)


def _named(lines: list[str]) -> str:
    more = f"\nand {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return "\n".join(lines[:_NAMED]) + more


class Partial:
    """A packed file in the making: rows that are done stay done.

    Attributes:
        done: bool [N].
    """

    def __init__(self, scratch: Path, key: str, shape: tuple[int, int, int, int]) -> None:
        self._path, self._note = scratch / "images.npy", scratch / "done.npy"
        self._key = np.frombuffer(bytes.fromhex(key), dtype=np.uint8)
        scratch.mkdir(parents=True, exist_ok=True)
        self._saved = time.monotonic()
        self.done = self._resume(shape[0])
        if not self.done.any():
            np.lib.format.open_memmap(self._path, mode="w+", dtype=np.uint8, shape=shape).flush()
        self._row_bytes = int(np.prod(shape[1:]))
        self._head = self._path.stat().st_size - shape[0] * self._row_bytes
        self._file = os.open(self._path, os.O_RDWR)

    def _resume(self, rows: int) -> np.ndarray:
        try:
            note = np.load(self._note, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return np.zeros(rows, dtype=bool)
        same = len(note) == len(self._key) + rows and np.array_equal(note[: len(self._key)], self._key)
        return note[len(self._key) :].astype(bool) if same and self._path.is_file() else np.zeros(rows, dtype=bool)

    def write(self, row: int, pixels: np.ndarray) -> None:
        """Put an image in its place; not through a memory map, whose pages would count as this process's memory."""
        try:
            written = os.pwrite(self._file, pixels.tobytes(), self._head + row * self._row_bytes)
        except OSError as error:
            raise UserError(f"{self._path}: cannot be written: {error.strerror}. Mend that and run again.") from None
        if written != self._row_bytes:
            raise UserError(f"{self._path}: the disk is full. Free space, then run again.")
        self.done[row] = True
        if time.monotonic() - self._saved >= _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Note which rows are on the disk."""
        os.fsync(self._file)
        with writing(self._note) as temporary:
            np.save(temporary, np.concatenate([self._key, self.done.astype(np.uint8)]))
        self._saved = time.monotonic()

    def close(self, target: Path) -> None:
        """Give the finished file its place."""
        os.fsync(self._file)
        os.close(self._file)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(self._path, target)
        except OSError:  # scratch is on another file system
            with writing(target) as temporary:
                shutil.move(self._path, temporary)


def _bytes_of(listing: Listing, rows: np.ndarray, own: bool) -> Iterator[tuple[int, bytes]]:
    """The files of the given rows, in the order in which their archives hold them."""
    by_archive: dict[Path, dict[str, int]] = {}
    for row in rows.tolist():
        archive, member = listing.places[row]
        by_archive.setdefault(archive, {})[member] = row
    for path, members in by_archive.items():
        with open_archive(path, own) as archive:
            for member, data in archive.iterate(members):
                yield members[member], data


class _Lines:
    """A bar on a terminal, a line every few seconds in a log file."""

    def __init__(self, total: int, done: int) -> None:
        self._total, self._done, self._first = total, done, done
        self._start = self._spoken = time.monotonic()
        self._bar = Progress(disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("packing", total=total, completed=done)

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self._line()

    def advance(self) -> None:
        """One image more."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        if time.monotonic() - self._spoken >= _SAVE_SECONDS:
            self._line()

    def _line(self) -> None:
        self._spoken = time.monotonic()
        rate = (self._done - self._first) / max(self._spoken - self._start, 1e-9)
        print(f"packed {self._done} of {self._total} images, {rate:.0f} images/s", flush=True)
