"""Vectors by the content of their files: those of the old index, and new ones, kept through a kill."""

import os
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np

from hardmine.artefacts import open_regular, writing
from hardmine.errors import UserError

from .store import is_folder_of_its_own

__all__ = ["SavedBlocks"]

_SAVE_SECONDS = 5.0
_COPY = 65_536


class SavedBlocks:
    """Vectors under the SHA-256 of the file they were made from.

    A vector's place is a row of the old index, or the old index's length plus the vector's number among the new ones.

    Args:
        folder: of the index; blocks lie in a folder named by the model's digest, others are dropped.
        digest: of the model.
        dimensions: D.
        old: float32 [N, D], vectors of the old index, or None.

    Raises:
        UserError: a link or a file lies where the folder of blocks belongs.
    """

    def __init__(self, folder: Path, digest: str, dimensions: int, old: np.ndarray | None) -> None:
        self._old = np.empty((0, dimensions), np.float32) if old is None else old
        self._places: dict[str, int] = {}
        self._vectors: list[np.ndarray] = []
        self._unsaved: list[tuple[list[str], np.ndarray]] = []
        self._folder = folder / f".blocks-{digest[:16]}"
        self._saved = time.monotonic()
        self._count = 0
        for other in folder.glob(".blocks-*"):
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        if is_folder_of_its_own(self._folder):
            for path in sorted(self._folder.glob("*.npz")):
                self._load(path, dimensions)

    def __contains__(self, digest: str) -> bool:
        return digest in self._places

    def __len__(self) -> int:
        """Number of new vectors."""
        return self._count

    def place(self, digest: str) -> int:
        """The place of a file's vector."""
        return self._places[digest]

    def add_old(self, digests: list[str]) -> None:
        """Let the old index's vectors be found by content, the first of equal ones; row by row."""
        for row, digest in enumerate(digests):
            self._places.setdefault(digest, row)

    def add(self, digests: list[str], vectors: np.ndarray) -> None:
        """Take new vectors float32 [n, D]; of equal digests the first counts. They are saved every few seconds."""
        if not digests:
            return
        self._take(digests, vectors)
        self._unsaved.append((digests, vectors))
        if time.monotonic() - self._saved >= _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Put on the disk what is not there yet."""
        if self._unsaved:
            number = len(list(self._folder.glob("*.npz")))
            digests = [digest for part, _ in self._unsaved for digest in part]
            with writing(self._folder / f"{number:06d}.npz") as temporary:
                np.savez(temporary, digests=digests, vectors=np.concatenate([part for _, part in self._unsaved]))
            self._unsaved = []
        self._saved = time.monotonic()

    def gather(self, places: np.ndarray, path: Path) -> np.ndarray:
        """Write the vectors at ``places`` int64 [N] as a float32 [N, D] file and give it memory-mapped.

        Raises:
            UserError: the file cannot be written, or the old index has vectors that are not finite.
        """
        new = np.concatenate([self._old[:0], *self._vectors])
        head = {"descr": "<f4", "fortran_order": False, "shape": (len(places), self._old.shape[1])}
        with writing(path) as temporary, open(temporary, "wb") as file:  # a memory map would die of a full disk
            np.lib.format.write_array_header_1_0(file, head)
            for start in range(0, len(places), _COPY):
                part = places[start : start + _COPY]
                fresh = part >= len(self._old)
                block = np.empty((len(part), self._old.shape[1]), dtype="<f4")
                block[fresh] = new[part[fresh] - len(self._old)]
                block[~fresh] = self._old[part[~fresh]]
                if not np.isfinite(block).all():
                    index = self._folder.parent
                    raise UserError(
                        f"{index}: has vectors that are not finite. Delete {index}/index.json and run again."
                    )
                file.write(block.tobytes())
        return np.load(path, mmap_mode="r")

    def drop(self) -> None:
        """Remove the saved blocks: their vectors are in the index now."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, digests: list[str], vectors: np.ndarray) -> None:
        for number, digest in enumerate(digests):
            self._places.setdefault(digest, len(self._old) + self._count + number)
        self._vectors.append(vectors)
        self._count += len(vectors)

    def _load(self, path: Path, dimensions: int) -> None:
        try:
            with os.fdopen(open_regular(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                if any(part.compress_type != zipfile.ZIP_STORED for part in zipfile.ZipFile(file).infolist()):
                    return
                file.seek(0)
                with np.load(file, allow_pickle=False) as content:
                    digests, vectors = content["digests"], content["vectors"]
        except Exception:  # whatever a damaged or hostile file leads to: its images are embedded again
            return
        fits = vectors.dtype == np.float32 and vectors.shape == (len(digests), dimensions)
        if fits and digests.ndim == 1 and digests.dtype.kind == "U" and np.isfinite(vectors).all():
            self._take(digests.tolist(), vectors)
