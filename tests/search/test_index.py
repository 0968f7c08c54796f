import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest
from search_tools import draw

import hardmine
from hardmine.errors import UserError
from hardmine.search import updating
from hardmine.search.index import open_index
from hardmine.search.model import EmbeddingModel
from hardmine.search.store import hold
from hardmine.search.updating import Update, Wish, update_index


@pytest.fixture(scope="module")
def model(trained: Path) -> EmbeddingModel:
    return hardmine.load(trained, threads=2)


class Indexing:
    """An index of the pictures, brought up to date by calling it."""

    def __init__(self, model: EmbeddingModel, trained: Path, pictures: Path, folder: Path) -> None:
        self.model, self.trained, self.pictures, self.folder = model, trained, pictures, folder
        age(pictures)

    def __call__(self, **changes: object) -> Update:
        return update_index(Wish(**{**self.wish(), **changes}))

    def wish(self) -> dict:
        return {"model": self.model, "model_folder": self.trained, "images": self.pictures, "folder": self.folder}

    def matches_the_folder(self) -> bool:
        """Whether the index holds what embedding the folder anew gives."""
        index, fresh = open_index(self.folder), self.model.embed_folder(self.pictures)
        files = sorted(path.name for path in self.folder.iterdir())
        assert files == [".lock", "images.parquet", "index.faiss", "index.json", "vectors.npy", "vectors.parquet"]
        return index.table.paths == fresh.names and bool(np.abs(index.table.vectors - fresh.vectors).max() < 1e-5)


@pytest.fixture
def indexing(model: EmbeddingModel, trained: Path, pictures: Path, tmp_path: Path) -> Indexing:
    return Indexing(model, trained, pictures, tmp_path / "index")


def age(folder: Path, seconds: float = 60) -> None:
    """Make files look as if they had lain there for a while."""
    for path in folder.rglob("*.*"):
        past = path.stat().st_mtime_ns - int(seconds * 1e9)
        os.utime(path, ns=(past, past))


def test_a_new_index_holds_every_picture_and_finds_each_by_itself(indexing: Indexing) -> None:
    update = indexing()
    assert (update.images, update.embedded, update.kept, update.removed) == (40, 40, 0, 0)
    assert indexing.matches_the_folder()
    index = open_index(indexing.folder)
    rows, similarities = index.search(indexing.model.embed_folder(indexing.pictures).vectors, 3)
    assert rows[:, 0].tolist() == list(range(40))
    assert np.allclose(similarities[:, 0], 1, atol=1e-5)
    assert (np.diff(similarities, axis=1) <= 0).all()


def test_the_exact_index_gives_the_order_of_the_cosine(indexing: Indexing) -> None:
    indexing()
    index = open_index(indexing.folder)
    queries = indexing.model.embed([draw(np.random.default_rng(seed)) for seed in range(5)])
    expected = np.sort(-(queries.astype(np.float64) @ index.table.vectors.T.astype(np.float64)), axis=1)
    rows, similarities = index.search(queries, 7)
    assert np.abs(similarities + expected[:, :7]).max() < 1e-6
    assert np.abs(np.einsum("qd,qkd->qk", queries, index.table.vectors[rows]) - similarities).max() < 1e-6
    assert index.search(queries, 1000)[0].shape == (5, 40)


@pytest.mark.parametrize("factory", ["Flat", "IVF4,Flat"])
def test_among_some_rows_the_nearest_of_these_are_found_exactly(indexing: Indexing, factory: str) -> None:
    indexing(factory=factory)
    index = open_index(indexing.folder)
    queries = np.ascontiguousarray(index.table.vectors[[3, 30]])
    rows, similarities = index.search(queries, 5, range(20, 33))
    every = queries @ index.table.vectors.T
    assert rows.tolist() == (20 + np.argsort(-every[:, 20:33], axis=1)[:, :5]).tolist()
    np.testing.assert_allclose(similarities, np.take_along_axis(every, rows, axis=1), atol=1e-6)
    assert index.search(queries, 50, range(20, 33))[0].shape == (2, 13)
    assert index.search(queries, 5, range(7, 7))[0].shape == (2, 0)


def test_only_what_changed_is_embedded_again(indexing: Indexing) -> None:
    indexing()
    numbers = np.random.default_rng(9)
    draw(numbers).save(indexing.pictures / "even/00.png")
    draw(numbers).save(indexing.pictures / "new.png")
    (indexing.pictures / "odd/01.png").unlink()
    update = indexing()
    assert (update.images, update.embedded, update.kept, update.removed) == (40, 2, 38, 1)
    assert indexing.matches_the_folder()


def test_an_unchanged_folder_embeds_nothing(indexing: Indexing) -> None:
    indexing()
    assert indexing().embedded == 0
    assert indexing().kept == 40


def test_touched_moved_and_copied_pictures_are_known_by_their_content(indexing: Indexing) -> None:
    indexing()
    os.utime(indexing.pictures / "odd/01.png")
    os.rename(indexing.pictures / "odd/03.png", indexing.pictures / "even/moved.png")
    shutil.copy(indexing.pictures / "odd/05.png", indexing.pictures / "copy.png")
    update = indexing()
    assert (update.images, update.embedded) == (41, 0)
    assert indexing.matches_the_folder()
    index = open_index(indexing.folder)
    rows, similarities = index.search(indexing.model.embed(indexing.pictures / "copy.png"), 2)
    assert [index.table.paths[row] for row in rows[0]] == ["copy.png", "odd/05.png"]
    assert similarities[0, 0] == similarities[0, 1]


def test_a_change_within_the_same_second_and_of_the_same_size_is_seen(indexing: Indexing) -> None:
    path = indexing.pictures / "even/00.bmp"
    draw(np.random.default_rng(1)).save(path)
    indexing()
    before = path.stat()
    draw(np.random.default_rng(2)).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert indexing().embedded == 1
    assert indexing.matches_the_folder()


def test_two_pictures_of_equal_size_and_time_that_change_places_are_seen(indexing: Indexing) -> None:
    first, second = indexing.pictures / "even/00.bmp", indexing.pictures / "odd/01.bmp"
    for number, path in enumerate((first, second)):
        draw(np.random.default_rng(number)).save(path)
        os.utime(path, ns=(10**18, 10**18))
    indexing()
    wait_until_sure()
    indexing()
    first.rename(indexing.pictures / "aside.bmp")
    second.rename(first)
    (indexing.pictures / "aside.bmp").rename(second)
    assert (first.stat().st_size, first.stat().st_mtime_ns) == (second.stat().st_size, second.stat().st_mtime_ns)
    update = indexing()
    assert (update.embedded, update.kept) == (0, 40)
    assert indexing.matches_the_folder()


def test_a_picture_written_in_place_with_its_old_time_is_seen(indexing: Indexing) -> None:
    path = indexing.pictures / "even/00.bmp"
    draw(np.random.default_rng(1)).save(path)
    os.utime(path, ns=(10**18, 10**18))
    indexing()
    wait_until_sure()
    indexing()
    draw(np.random.default_rng(2)).save(path)
    os.utime(path, ns=(10**18, 10**18))
    assert indexing().embedded == 1
    assert indexing.matches_the_folder()


def test_what_looks_as_it_did_is_not_read_again(indexing: Indexing, monkeypatch: pytest.MonkeyPatch) -> None:
    indexing()
    wait_until_sure()
    indexing()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    assert indexing().kept == 40


def wait_until_sure() -> None:
    """Until a file changed just now is changed long enough ago for its times to tell of a further change."""
    time.sleep(2.1)


def test_copies_of_one_picture_are_once_in_the_index_and_all_among_the_hits(indexing: Indexing) -> None:
    for number in range(200):
        shutil.copy(indexing.pictures / "odd/05.png", indexing.pictures / f"copy{number:03d}.png")
    update = indexing(factory="HNSW8")
    assert (update.images, update.embedded) == (240, 40)
    index = open_index(indexing.folder)
    assert faiss.read_index(str(indexing.folder / "index.faiss")).ntotal == 40
    vectors = np.asarray(index.table.vectors)
    rows, _ = index.search(vectors, 201)
    copies = [row for row, path in enumerate(index.table.paths) if "copy" in path or path == "odd/05.png"]
    assert rows.shape == (240, 201)
    assert rows[copies[0]].tolist() == copies
    assert all(rows[row, 0] == row for row in range(240) if row not in copies)
    assert indexing.matches_the_folder()


def test_the_recall_of_an_index_is_kept_with_it(indexing: Indexing, monkeypatch: pytest.MonkeyPatch) -> None:
    assert indexing().recall == 1
    monkeypatch.setattr(updating, "recall_of", lambda index, vectors, copies: 0.973)
    assert indexing(factory="HNSW8").recall == 0.973
    assert open_index(indexing.folder).state.recall == 0.973


def test_of_equal_files_that_cannot_be_read_each_is_named(indexing: Indexing) -> None:
    for number in range(100):
        (indexing.pictures / f"broken{number:03d}.jpg").write_text("no picture")
    update = indexing()
    assert update.unreadable == {f"broken{number:03d}.jpg": "cannot identify image file" for number in range(100)}
    assert indexing.matches_the_folder()


def test_an_index_of_format_1_is_searched_and_brought_up_to_date_without_embedding(indexing: Indexing) -> None:
    shutil.copy(indexing.pictures / "odd/05.png", indexing.pictures / "copy.png")
    indexing()
    as_format_1(indexing.folder)
    index = open_index(indexing.folder)
    vectors = np.asarray(index.table.vectors)
    rows, _ = index.search(vectors, 1)
    assert [index.table.paths[row] for row in rows[:, 0]] == [
        "copy.png" if path == "odd/05.png" else path for path in index.table.paths
    ]
    update = indexing()
    assert (update.images, update.embedded, update.kept) == (41, 0, 41)
    assert json.loads((indexing.folder / "index.json").read_text())["format_version"] == 2
    assert indexing.matches_the_folder()


def as_format_1(folder: Path) -> None:
    """Rewrite an exact index as hardmine wrote it when each image had a vector of its own in it."""
    table = pd.read_parquet(folder / "images.parquet").drop(columns=["vector", "ctime_ns", "inode"])
    table.to_parquet(folder / "images.parquet")
    vectors = np.load(folder / "vectors.npy")
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / "index.faiss"))
    content = json.loads((folder / "index.json").read_text())
    del content["recall"]
    content["sizes"] = {name: (folder / name).stat().st_size for name in content["sizes"]}
    (folder / "index.json").write_text(json.dumps(content | {"format_version": 1}))


def test_unreadable_pictures_are_listed_and_with_strict_refused(indexing: Indexing) -> None:
    indexing()
    (indexing.pictures / "broken.jpg").write_text("no picture")
    update = indexing()
    assert update.unreadable == {"broken.jpg": "cannot identify image file"}
    assert json.loads((indexing.folder / "index.json").read_text())["unreadable"] == update.unreadable
    before = (indexing.folder / "index.json").read_bytes()
    with pytest.raises(UserError, match=r"1 of 41 images cannot be read \(--strict\):\n  broken.jpg: cannot identify"):
        indexing(strict=True)
    assert (indexing.folder / "index.json").read_bytes() == before


def test_a_folder_of_nothing_readable_leaves_the_old_index(indexing: Indexing) -> None:
    indexing()
    for path in indexing.pictures.rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"(?s)none of 40 images can be read.*and 20 more"):
        indexing()
    assert len(open_index(indexing.folder).table.paths) == 40
    shutil.rmtree(indexing.pictures)
    with pytest.raises(UserError, match="is no folder"):
        indexing()


def test_file_names_that_are_no_text_are_left_out(indexing: Indexing) -> None:
    os.rename(os.fsencode(indexing.pictures / "odd/01.png"), os.fsencode(indexing.pictures) + b"/odd/\xff.png")
    update = indexing()
    assert update.images == 39
    assert update.unreadable == {r"odd/\udcff.png": "has a name that is not UTF-8"}


def test_an_index_of_another_model_is_refused(indexing: Indexing, project: Path) -> None:
    indexing()
    before = (indexing.folder / "index.json").read_bytes()
    other = project / "models/tiny/hdc/seed1"
    with pytest.raises(UserError, match="was made by another model"):
        indexing(model=hardmine.load(other), model_folder=other)
    assert (indexing.folder / "index.json").read_bytes() == before


def test_an_index_of_another_folder_is_refused(indexing: Indexing, tmp_path: Path) -> None:
    other = draw_others(tmp_path / "other", 12)
    indexing()
    before = (indexing.folder / "index.json").read_bytes()
    message = rf"index: is the index of {indexing.pictures}; of its 40 images 0 are in {other}\. Give .* -o, or delete"
    with pytest.raises(UserError, match=message):
        indexing(images=other)
    for number in range(3):
        shutil.copy(indexing.pictures / f"even/{2 * number:02d}.png", other / f"same{number}.png")
    with pytest.raises(UserError, match="of its 40 images 3 are in"):
        indexing(images=other)
    assert (indexing.folder / "index.json").read_bytes() == before
    shutil.copy(indexing.pictures / "odd/01.png", other / "same3.png")
    update = indexing(images=other)
    assert (update.images, update.embedded) == (16, 12)


def test_other_pictures_of_the_same_names_and_sizes_are_another_folder(indexing: Indexing, tmp_path: Path) -> None:
    for seed, folder in enumerate((indexing.pictures / "sub", tmp_path / "other/sub")):
        numbers = np.random.default_rng(seed)
        folder.mkdir(parents=True)
        for number in range(40):
            draw(numbers).save(folder / f"{number}.bmp")
    indexing()
    with pytest.raises(UserError, match="of its 80 images 0 are in"):
        indexing(images=tmp_path / "other")


@pytest.mark.parametrize("how", ["moved", "copied", "into other folders", "behind a link"])
def test_a_folder_that_moved_keeps_its_index(indexing: Indexing, tmp_path: Path, how: str) -> None:
    indexing()
    place = tmp_path / "elsewhere"
    if how == "copied":
        shutil.copytree(indexing.pictures, place, copy_function=shutil.copyfile)
    elif how == "behind a link":
        place.symlink_to(indexing.pictures)
    else:
        indexing.pictures.rename(place)
        if how == "into other folders":
            (place / "deeper").mkdir()
            (place / "odd").rename(place / "deeper/odd")
            (place / "even").rename(place / "deeper/even")
    indexing.pictures = place
    update = indexing()
    assert (update.images, update.embedded) == (40, 0)
    assert open_index(indexing.folder).state.images == str(place.resolve())
    assert indexing.matches_the_folder()


def draw_others(folder: Path, count: int) -> Path:
    """A folder of pictures that no other test draws."""
    folder.mkdir()
    numbers = np.random.default_rng(77)
    for number in range(count):
        draw(numbers).save(folder / f"{number}.png")
    return folder


def test_a_folder_that_is_no_index_is_left_alone(indexing: Indexing) -> None:
    indexing.folder.mkdir()
    (indexing.folder / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match="exists and is no index"):
        indexing()
    assert [path.name for path in indexing.folder.iterdir()] == ["thesis.tex"]


def test_two_writers_at_once_are_refused(indexing: Indexing) -> None:
    indexing()
    with hold(indexing.folder), pytest.raises(UserError, match="another process is writing this index"):
        indexing()


@pytest.mark.parametrize("factory", ["HNSW8", "IVF4,Flat", "PCA8,Flat", "SQ8"])
def test_approximate_indexes_find_nearly_what_the_exact_one_finds(indexing: Indexing, factory: str) -> None:
    indexing(factory=factory)
    index = open_index(indexing.folder, "nprobe=4" if factory.startswith("IVF") else "")
    vectors = np.asarray(index.table.vectors)
    exact = np.argsort(-(vectors @ vectors.T), axis=1, kind="stable")[:, :5]
    found = index.search(vectors, 5)[0]
    recall = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95
    assert indexing().embedded == 0
    assert open_index(indexing.folder).state.factory == factory


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("Flatt", "is not known to faiss for 16 dimensions"),
        ("IVF100,Flat", r"cannot be built from 40 different vectors: .*\. 'Flat' works with any number"),
        ("PQ7", "is not known to faiss for 16 dimensions|cannot be built"),
    ],
)
def test_a_description_that_does_not_work_is_refused_and_the_old_index_stays(
    indexing: Indexing, factory: str, message: str
) -> None:
    indexing()
    with pytest.raises(UserError, match=message):
        indexing(factory=factory)
    assert indexing.matches_the_folder()
    assert open_index(indexing.folder).state.factory == "Flat"
    assert indexing().images == 40
    assert indexing.matches_the_folder()


def test_a_search_parameter_that_does_not_fit_is_refused(indexing: Indexing) -> None:
    indexing()
    with pytest.raises(UserError, match="--tune nprobes=3: does not fit this index"):
        open_index(indexing.folder, "nprobes=3")


def test_vectors_leave_as_parquet_and_npy(indexing: Indexing) -> None:
    indexing()
    table = pd.read_parquet(indexing.folder / "vectors.parquet")
    vectors = np.load(indexing.folder / "vectors.npy")
    assert list(table.columns) == ["path", "sha256", "embedding"]
    assert np.array_equal(np.stack(list(table.embedding)), vectors)
    images = pd.read_parquet(indexing.folder / "images.parquet")
    assert list(images.columns) == ["path", "row", "vector", "size", "mtime_ns", "ctime_ns", "inode", "sha256"]
    assert images.path.tolist() == table.path.tolist() == open_index(indexing.folder).table.paths
    assert images.row.tolist() == list(range(40))


@pytest.mark.parametrize("name", ["index.faiss", "images.parquet", "vectors.npy"])
def test_a_truncated_or_damaged_file_is_named(indexing: Indexing, name: str) -> None:
    indexing()
    path = indexing.folder / name
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    with pytest.raises(UserError, match=f"{name}: is missing or truncated"):
        open_index(indexing.folder)
    path.write_bytes(b"\x00" * len(data))
    with pytest.raises(UserError, match="damaged"):
        open_index(indexing.folder)


def test_a_damaged_or_newer_index_file_is_named(indexing: Indexing) -> None:
    indexing()
    path = indexing.folder / "index.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"format_version": 3, "library_version": "9.9"}))
    with pytest.raises(UserError, match=r"has format 3, written by hardmine 9\.9"):
        open_index(indexing.folder)
    path.write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        open_index(indexing.folder)
    path.unlink()
    with pytest.raises(UserError, match="holds no index"):
        open_index(indexing.folder)
    assert indexing().embedded == 40


def test_a_kill_at_any_moment_leaves_the_old_index_or_the_new_one(indexing: Indexing) -> None:
    indexing()
    numbers = np.random.default_rng(5)
    exits, outcomes = [], set()
    for moment in range(30):
        draw(numbers).save(indexing.pictures / "even/00.png")
        names = indexing.model.embed_folder(indexing.pictures).names
        exits.append(run_until(indexing, moment))
        index = open_index(indexing.folder)
        assert index.table.paths == names
        assert len(index.search(np.asarray(index.table.vectors), 1)[0]) == 40
        changed = np.abs(index.table.vectors - indexing.model.embed_folder(indexing.pictures).vectors).max() > 1e-5
        outcomes.add("old" if changed else "new")
        indexing()
        assert indexing.matches_the_folder()
        if exits[-1] == 0:
            break
    assert exits[-1] == 0
    assert len(exits) > 10
    assert outcomes == {"old", "new"}


def run_until(indexing: Indexing, moment: int) -> int:
    """Update the index in a process that vanishes at its ``moment``-th renaming; its exit code, 9 where it vanished."""
    child = os.fork()
    if child == 0:
        left, rename = [moment], os.replace

        def replace(source: object, target: object) -> None:
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            rename(source, target)  # type: ignore[arg-type]

        os.replace = replace  # type: ignore[assignment]
        try:
            indexing()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(("factory", "largest"), [("Flat", 1000), ("HNSW8", 2700)])
def test_a_full_disk_is_named_and_the_old_index_stays(indexing: Indexing, factory: str, largest: int) -> None:
    indexing()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        try:
            indexing(factory=factory)
        except UserError as error:
            os._exit(7 if "cannot be written" in str(error) else 8)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert open_index(indexing.folder).state.factory == "Flat"
    assert indexing.matches_the_folder()


SLOW = """
import sys, time
from pathlib import Path
import hardmine
from hardmine.search import blocks, updating
blocks._SAVE_SECONDS = 0
decode = updating.pixels_of
def slowly(*arguments):
    time.sleep(0.05)
    return decode(*arguments)
updating.pixels_of = slowly
model, images, folder = map(Path, sys.argv[1:])
loaded = hardmine.load(model, threads=1)
loaded._limit = 4
updating.update_index(updating.Wish(loaded, model, images, folder, report=lambda done, total: print(done, flush=True)))
"""


def test_after_sigkill_the_old_index_works_and_what_was_embedded_is_kept(indexing: Indexing) -> None:
    indexing()
    numbers = np.random.default_rng(6)
    for number in range(30):
        draw(numbers).save(indexing.pictures / f"new{number:02d}.png")
    arguments = [sys.executable, "-c", SLOW, str(indexing.trained), str(indexing.pictures), str(indexing.folder)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while int(process.stdout.readline()) < 20 + 12:  # the twenty of the folder even are read again before
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(open_index(indexing.folder).table.paths) == 40
    update = indexing()
    assert update.images == 70
    assert 0 < update.embedded <= 30 - 12
    assert indexing.matches_the_folder()


def test_adding_ten_pictures_to_ten_thousand_is_quick(indexing: Indexing) -> None:
    numbers = np.random.default_rng(7)
    small = numbers.integers(0, 256, (10_000, 4, 4), dtype=np.uint8)
    many = indexing.pictures / "many"
    many.mkdir()
    for number, pixels in enumerate(small):
        (many / f"{number:05d}.pgm").write_bytes(b"P5 4 4 255\n" + pixels.tobytes())
    age(many)
    indexing()
    for number in range(10):
        draw(numbers).save(indexing.pictures / f"new{number}.png")
    start = time.process_time()
    update = indexing()
    assert update.embedded == 10
    assert update.images == 10_050
    assert time.process_time() - start < 5


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of folders that cannot be opened while they are in here."""
    closed: set[str] = set()
    scan = os.scandir

    def refusing(path: int | str | Path = ".") -> object:
        if not isinstance(path, int) and Path(path).name in closed:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return closed


def test_of_a_folder_that_cannot_be_opened_the_index_keeps_what_it_had(indexing: Indexing, shut: set[str]) -> None:
    indexing()
    whole = open_index(indexing.folder)
    shut.add("odd")
    with pytest.raises(
        UserError, match=r"1 of 21 images cannot be read \(--strict\):\n  odd/: the folder cannot be opened"
    ):
        indexing(strict=True)
    for _ in range(2):
        update = indexing()
        assert (update.images, update.embedded, update.kept, update.removed) == (40, 0, 40, 0)
        assert update.unreadable == {"odd/": "the folder cannot be opened; of it the index keeps 20 images"}
    now = open_index(indexing.folder)
    assert now.table.paths == whole.table.paths
    assert np.array_equal(now.table.vectors, whole.table.vectors)
    assert np.array_equal(now.table.looks, whole.table.looks)
    with pytest.raises(UserError, match="cannot open odd/"):
        indexing.model.embed(indexing.pictures)
    assert indexing.model.embed_folder(indexing.pictures).unreadable == {"odd/": "the folder cannot be opened"}
    shut.clear()
    (indexing.pictures / "odd/new.png").write_bytes((indexing.pictures / "odd/01.png").read_bytes())
    assert indexing().images == 41
    assert indexing.matches_the_folder()


def test_a_link_to_a_folder_that_is_away_keeps_its_images_and_a_removed_one_does_not(indexing: Indexing) -> None:
    away = indexing.pictures.with_name("away")
    (indexing.pictures / "odd").rename(away)
    (indexing.pictures / "odd").symlink_to(away)
    assert indexing().images == 40
    away.rename(away.with_name("elsewhere"))
    update = indexing()
    assert update.images == 40
    assert update.unreadable == {"odd/": "the folder cannot be opened; of it the index keeps 20 images"}
    (indexing.pictures / "odd").unlink()
    assert indexing().images == 20


def test_a_new_index_names_the_folders_that_cannot_be_opened(indexing: Indexing, shut: set[str]) -> None:
    shut.add("odd")
    update = indexing()
    assert update.images == 20
    assert update.unreadable == {"odd/": "the folder cannot be opened; of it the index keeps 0 images"}
