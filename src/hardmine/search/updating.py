"""An index of a folder of images, made or brought up to date."""

import hashlib
import math
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.images.decode import read_picture
from hardmine.settings.datasets.own_files import Pictures

from .blocks import SavedBlocks
from .changes import Look, found_again, look_of, unchanged
from .copies import Copies, numbers_of
from .faiss_file import read_faiss
from .guard import reading
from .model import EmbeddingModel
from .reading import CLOSED, found_in, pixels_of
from .state import IndexState, MadeBy
from .store import FILES, commit, hold, read_state, recover, stage
from .table import LOOK, ImageTable, read_table
from .vectors import build_faiss, recall_of, tune

__all__ = ["Update", "Wish", "update_index"]

_ROW_GROUP = 16_384
_NAMED = 20
_ONE_OF = 10
"""One of so many indexed images lies at least in a folder that may take the place of the one that was indexed."""


@dataclass(frozen=True)
class Wish:
    """What is to be indexed, and how.

    Attributes:
        model: what embeds.
        model_folder: where it lies, for later searches.
        images: the folder of images.
        folder: of the index.
        factory: faiss's description; as it was, or ``Flat``, if None.
        strict: refuse to go on where an image cannot be read.
        threads: of faiss.
        report: called now and then with the number of files read and of all that are to be read.
    """

    model: EmbeddingModel
    model_folder: Path
    images: Path
    folder: Path
    factory: str | None = None
    strict: bool = False
    threads: int = 1
    report: Callable[[int, int], None] = lambda done, total: None


@dataclass(frozen=True)
class Update:
    """What was done.

    Attributes:
        images: in the index now.
        kept: of them, files with the content that they had.
        embedded: vectors made in this run.
        removed: images that are not in the index any more.
        unreadable: images left out, and folders that cannot be opened, with the reason.
        passed_over: in words, what else lies in the folder.
        recall: share of the ten nearest that a search of drawn images finds in the index.
    """

    images: int
    kept: int
    embedded: int
    removed: int
    unreadable: dict[str, str]
    passed_over: str
    recall: float


def update_index(wish: Wish) -> Update:
    """Make an index of a folder of images, or bring it up to date.

    Files that look otherwise than before (size, times, inode) are read again, and those of a content that was not there
    are embedded; what was embedded before a kill is not embedded again. Of folders that cannot be opened the index
    keeps what it had. The old index works until the new one is complete. The folder may have moved.

    Raises:
        UserError: the index is of another model, or of another folder with other images; no image can be read; with
            ``strict``, any cannot.
    """
    with hold(wish.folder):
        recover(wish.folder)
        state, digest = read_state(wish.folder), wish.model.digest
        if state is not None and state.model.digest != digest:
            raise UserError(
                f"{wish.folder}: was made by another model (digest {state.model.digest[:12]}…, {state.model.folder}; "
                f"given: {digest[:12]}…). Vectors of different models do not compare: index into another folder."
            )
        if state is not None and state.model.dimensions != wish.model.dimensions:
            raise UserError(
                f"{wish.folder}/index.json: is damaged: it says {state.model.dimensions} dimensions, the model has "
                f"{wish.model.dimensions}. Delete it and run 'hardmine index' again."
            )
        if state is not None and wish.factory is None and state.asks_too_much:
            raise UserError(
                f"{wish.folder}/index.json: names the factory '{state.factory[:80]}', which {state.count:,} images "
                "cannot have been indexed with. Say which one is wanted with --factory, such as Flat."
            )
        return _update(wish, state)


def _update(wish: Wish, state: IndexState | None) -> Update:
    scanned = time.time_ns()
    with reading(wish.images, fault="cannot be read"):
        found = found_in(wish.images)
    files, unreadable = _stat(wish.images, found.names)
    old = read_table(wish.folder, state) if state is not None else None
    kept = unchanged(files, old, state) if old is not None and state is not None else {}
    held = _out_of_reach(found, old)
    for place, inside in held.items():
        unreadable[place] = f"{CLOSED}; of it the index keeps {len(inside):,} image{'s' * (len(inside) != 1)}"
        kept |= inside
        files |= {name: tuple(old.looks[row].tolist()) for name, row in inside.items()} if old is not None else {}
    if old is not None and state is not None and Path(state.images) != wish.images.resolve():
        _refuse_others(wish, state, files, kept, old)
    known = SavedBlocks(wish.folder, wish.model.digest, wish.model.dimensions, old.vectors if old else None)
    saved = len(known)
    waiting = [name for name in files if name not in kept]
    if old is not None and waiting:
        known.add_old(old.digests)
    digests, faults = _embed(wish, waiting, known)
    unreadable |= faults
    _refuse(wish, unreadable, len(found.names) + len(held), any(held.values()))

    names = sorted(name for name in files if name not in unreadable)
    if old is not None:
        digests |= {name: old.digests[row] for name, row in kept.items()}
    rows = [kept[name] if name in kept else known.place(digests[name]) for name in names]
    place = str(wish.model_folder.resolve())
    new = IndexState(
        model=MadeBy(folder=place, digest=wish.model.digest, dimensions=wish.model.dimensions),
        images=str(wish.images.resolve()),
        factory=wish.factory or (state.factory if state else "Flat"),
        count=len(names),
        unreadable=dict(sorted(unreadable.items())),
        scanned_ns=scanned,
        sizes={},
    )
    with stage(wish.folder) as target:
        vectors = known.gather(np.array(rows, dtype=np.int64), target / "vectors.npy")
        numbers = numbers_of(vectors)
        recall = _build(vectors, Copies.of(numbers), new.factory, target / "index.faiss", wish.threads)
        _write_images(target / "images.parquet", names, files, digests, numbers)
        _write_vectors(target / "vectors.parquet", names, digests, vectors)
        sizes = {name: (target / name).stat().st_size for name in FILES}
        commit(wish.folder, new.model_copy(update={"sizes": sizes, "recall": recall}))
    known.drop()
    before = dict(zip(old.paths, old.digests, strict=True)) if old is not None else {}
    same = sum(before.get(name) == digests[name] for name in names)
    return Update(
        len(names), same, len(known) - saved, len(before.keys() - names), new.unreadable, found.passed_over, recall
    )


def _build(vectors: np.ndarray, copies: Copies, factory: str, path: Path, threads: int) -> float:
    """Write faiss's index and give its recall as it is searched without a wish."""
    build_faiss(vectors, copies, factory, path, threads)
    index = read_faiss(path)
    tune(index, "")
    return recall_of(index, vectors, copies)


def _stat(images: Path, names: list[str]) -> tuple[dict[str, Look], dict[str, str]]:
    """How each file looks, in order; and the files that cannot be looked at, with the reason."""
    files: dict[str, Look] = {}
    faults: dict[str, str] = {}
    for name in names:
        try:
            name.encode()
            files[name] = look_of(images / name)
        except UnicodeEncodeError:
            faults[shown(name)] = "has a name that is not UTF-8"
        except OSError as error:
            faults[name] = error.strerror or str(error)
    return files, faults


def _out_of_reach(found: Pictures, old: ImageTable | None) -> dict[str, dict[str, int]]:
    """The old rows of the images in each folder that cannot be opened, or that led somewhere once."""
    held: dict[str, dict[str, int]] = {}
    paths = old.paths if old is not None else []
    for place in (*found.closed, *found.unreached):
        start, end = bisect_left(paths, place), bisect_left(paths, f"{place[:-1]}0")  # 0 is the sign after /
        if start < end or place in found.closed:
            held[place] = {paths[row]: row for row in range(start, end)}
    return held


def _embed(wish: Wish, waiting: list[str], known: SavedBlocks) -> tuple[dict[str, str], dict[str, str]]:
    """Put the vectors of the files into ``known``, one a content; the files' SHA-256, and why some are unreadable."""
    digests: dict[str, str] = {}
    faults: dict[str, str] = {}
    first: dict[str, str] = {}

    def read(name: str) -> np.ndarray | None:
        data = read_picture(wish.images / name)
        digest = digests[name] = hashlib.sha256(data).hexdigest()
        if digest in known or first.setdefault(digest, name) != name:
            return None
        return pixels_of(data, wish.model.config.preprocessing)

    try:
        for block in wish.model.stream(waiting, read):
            known.add([digests[name] for name in block.items], block.vectors)
            faults |= dict(block.faults)
            wish.report(len(digests), len(waiting))
    finally:
        known.save()
    reasons = {digests[name]: reason for name, reason in faults.items() if name in digests}
    faults |= {name: reasons[digest] for name, digest in digests.items() if digest in reasons}
    return digests, faults


def _refuse(wish: Wish, unreadable: dict[str, str], total: int, held: bool) -> None:
    named = "".join(f"\n  {name}: {reason}" for name, reason in sorted(unreadable.items())[:_NAMED])
    if len(unreadable) > _NAMED:
        named += f"\n  and {len(unreadable) - _NAMED} more"
    if wish.strict and unreadable:
        raise UserError(f"{wish.images}: {len(unreadable)} of {total} images cannot be read (--strict):{named}")
    if len(unreadable) == total and not held:
        raise UserError(f"{wish.images}: none of {total} images can be read:{named}")


def _refuse_others(
    wish: Wish, state: IndexState, files: dict[str, Look], kept: dict[str, int], old: ImageTable
) -> None:
    """A folder that moved has the index's images under their names or others; one that has hardly any is another."""
    enough = math.ceil(len(old.paths) / _ONE_OF)
    found = found_again(wish.images, files, kept, old, enough)
    if found < enough:
        raise UserError(
            f"{wish.folder}: is the index of {state.images}; of its {len(old.paths):,} images {found:,} are in "
            f"{wish.images}. Give another folder with -o, or delete {wish.folder} first if it is to be an index of "
            f"{wish.images}."
        )


def _write_images(
    path: Path, names: list[str], files: dict[str, Look], digests: dict[str, str], numbers: np.ndarray
) -> None:
    """``images.parquet``: path, row, vector (its number in faiss's index), how the file looks, sha256."""
    looks = np.array([files[name] for name in names], dtype=np.int64).reshape(len(names), len(LOOK))
    columns = {
        "path": pa.array(names, pa.string()),
        "row": np.arange(len(names)),
        "vector": numbers,
        **dict(zip(LOOK, looks.T, strict=True)),
        "sha256": pa.array([digests[name] for name in names], pa.string()),
    }
    with writing(path) as temporary, open(temporary, "wb") as file:  # pyarrow takes names in UTF-8 only
        pq.write_table(pa.table(columns), file)


def _write_vectors(path: Path, names: list[str], digests: dict[str, str], vectors: np.ndarray) -> None:
    """``vectors.parquet``: path, sha256, embedding (a list of D float32), in the order of the rows."""
    kind = pa.list_(pa.float32(), vectors.shape[1])
    schema = pa.schema([("path", pa.string()), ("sha256", pa.string()), ("embedding", kind)])
    with writing(path) as temporary, open(temporary, "wb") as target, pq.ParquetWriter(target, schema) as file:
        for start in range(0, len(names), _ROW_GROUP):
            part = names[start : start + _ROW_GROUP]
            values = pa.array(vectors[start : start + _ROW_GROUP].ravel())
            embeddings = pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])
            columns = [pa.array(part), pa.array([digests[name] for name in part]), embeddings]
            file.write_table(pa.table(columns, schema=schema))
