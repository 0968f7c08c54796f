"""What an index of a stranger may not do; each attack once worked."""

import errno
import json
import os
import shutil
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from search_tools import draw, refused, succeeded
from strangers import change_state, change_table, opening_is_refused, sizes_told

from hardmine.artefacts import digest
from hardmine.errors import UserError
from hardmine.search import store
from hardmine.search.index import open_index

FILES = ("index.json", "index.faiss", "images.parquet", "vectors.npy")

pytestmark = pytest.mark.usefixtures("within_seconds")


@pytest.fixture(scope="module")
def made(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``pictures`` and an ``index`` of them."""
    place = tmp_path_factory.mktemp("made")
    numbers = np.random.default_rng(3)
    (place / "pictures/sub").mkdir(parents=True)
    for number in range(12):
        draw(numbers).save(place / "pictures" / ("sub" if number % 2 else ".") / f"{number:02d}.png")
    succeeded("index", trained, place / "pictures", "-o", place / "index")
    return place


@pytest.fixture
def index(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "index", tmp_path / "index")


@pytest.fixture
def query(made: Path) -> Path:
    return made / "pictures/00.png"


def paths(made: Path) -> list[str]:
    return open_index(made / "index").table.paths


@pytest.mark.parametrize(
    "path", ["../../secret.png", "/etc/secret.png", "a/../../b.png", "./a.png", "a//b.png", "a/", "", ".", "..", "a\0b"]
)
def test_a_path_that_is_not_one_inside_the_folder_is_refused(index: Path, made: Path, path: str) -> None:
    change_table(index, path=sorted([*paths(made)[1:], path]))
    opening_is_refused(index, r"images\.parquet: is damaged \(a path is not one inside")


@pytest.mark.parametrize("path", ["...", "..a/b..", ".hidden/.x.png", "a\\b.png", "a b\n.png", "é漢.png"])
def test_paths_of_any_other_name_are_taken(index: Path, made: Path, path: str) -> None:
    change_table(index, path=sorted([*paths(made)[1:], path]))
    assert path in open_index(index).table.paths


def test_only_pictures_of_the_digest_in_the_table_are_on_the_page(index: Path, query: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    draw(np.random.default_rng(7), 64).save(home / "private.png")
    names = [f"{number:02d}.png" for number in range(11)]
    change_table(index, path=[*names, "private.png"])
    change_state(index, images=str(home))
    succeeded("search", index, query, "-k", 12, "--page", tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text()
    assert text.count("data:image/webp") == 1
    assert text.count("not there any more, or altered") == 12


def test_pictures_that_are_no_files_are_not_on_the_page(index: Path, query: Path, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for path in paths(made):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / path)
    change_state(index, images=str(folder))
    succeeded("search", index, query, "-k", 12, "--page", tmp_path / "out.html")
    assert (tmp_path / "out.html").read_text().count("data:image/webp") == 1


def test_a_link_for_the_next_generation_empties_no_other_index(
    index: Path, made: Path, trained: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(made / "index", tmp_path / "other")
    before = sorted(path.name for path in other.iterdir())
    (index / ".next").symlink_to(other)
    refused("index", trained, made / "pictures", "-o", index, message=r"\.next: is a link where .* Delete it")
    opening_is_refused(index, r"\.next: is a link")
    assert sorted(path.name for path in other.iterdir()) == before


@pytest.mark.parametrize("name", [".next", ".blocks"])
def test_a_file_or_link_in_the_place_of_a_folder_is_told(
    index: Path, made: Path, trained: Path, tmp_path: Path, name: str
) -> None:
    if name == ".blocks":
        name = f".blocks-{open_index(index).state.model.digest[:16]}"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine.npz").write_text("mine")
    (index / name).symlink_to(tmp_path / "elsewhere")
    refused("index", trained, made / "pictures", "-o", index, message=f"{name}: is a link")
    (index / name).unlink()
    (index / name).write_text("")
    refused("index", trained, made / "pictures", "-o", index, message=f"{name}: is no folder")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["mine.npz"]


def test_a_generation_that_is_not_whole_does_not_take_the_place_of_a_good_one(
    index: Path, made: Path, trained: Path
) -> None:
    before = digest(index / "index.faiss")
    (index / ".next").mkdir()
    shutil.copy(index / "index.json", index / ".next")
    (index / ".next/index.faiss").write_text("")
    change_state(index / ".next", sizes={"index.faiss": 0})
    (index / "images.parquet").rename(index / "aside")
    refused("index", trained, made / "pictures", "-o", index, message="images.parquet: is missing or truncated")
    assert digest(index / "index.faiss") == before
    (index / ".next/index.json").write_text("{")
    refused("index", trained, made / "pictures", "-o", index, message=r"index\.json: is damaged")
    assert digest(index / "index.faiss") == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device", "sparse"])
def test_what_is_no_file_of_the_index_is_refused_at_once(index: Path, tmp_path: Path, name: str, kind: str) -> None:
    path = index / name
    path.rename(tmp_path / "good")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "good")
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with open(path, "wb") as file:
            file.truncate(2**40)
    words = "missing or truncated|larger than" if kind == "sparse" else "is a (pipe|link|folder|device)"
    opening_is_refused(index, f"{name}: (is|has) .*|{name}: {words}")


def test_a_lock_that_is_no_file_is_refused_at_once_and_nothing_else_is_written(
    index: Path, made: Path, trained: Path, tmp_path: Path
) -> None:
    (index / ".lock").unlink()
    os.mkfifo(index / ".lock")
    refused("index", trained, made / "pictures", "-o", index, message=r"\.lock: is a pipe, not a file")
    (index / ".lock").unlink()
    (index / ".lock").symlink_to(tmp_path / "elsewhere")
    refused("index", trained, made / "pictures", "-o", index, message=r"\.lock: is a link")
    assert not (tmp_path / "elsewhere").exists()


def on_disk(folder: Path, path: Path) -> None:
    """Write an index whose lists lie in another file."""
    vectors = np.load(folder / "vectors.npy")
    index = faiss.index_factory(16, "IVF2,Flat")
    index.train(vectors)
    lists = faiss.OnDiskInvertedLists(2, index.code_size, str(path))  # lives as long as the index
    index.replace_invlists(lists)
    index.add(vectors)
    faiss.write_index(index, str(folder / "index.faiss"))
    sizes_told(folder)


@pytest.mark.parametrize("wrapped", [False, True])
def test_lists_in_another_file_are_refused_before_that_file_is_opened(
    index: Path, tmp_path: Path, wrapped: bool
) -> None:
    on_disk(index, tmp_path / "lists")
    if wrapped:
        inner = faiss.read_index(str(index / "index.faiss"))
        centred = faiss.NormalizationTransform(16)
        outer = faiss.IndexPreTransform(centred, inner)
        faiss.write_index(outer, str(index / "index.faiss"))
        sizes_told(index)
    (tmp_path / "lists").unlink()
    os.mkfifo(tmp_path / "lists")  # opening it would wait for ever
    opening_is_refused(index, "index.faiss: is damaged .*its lists lie in another file, which is not opened")


def test_numbers_that_look_like_lists_elsewhere_are_numbers(index: Path) -> None:
    vectors = np.load(index / "vectors.npy")
    vectors[0, :1] = np.frombuffer(b"ilod", "<f4")
    flat = faiss.IndexFlatL2(16)
    flat.add(vectors)
    faiss.write_index(flat, str(index / "index.faiss"))
    sizes_told(index)
    assert open_index(index).search(vectors[3:4], 1)[0].tolist() == [[3]]


def test_tables_vectors_and_index_that_do_not_agree_are_refused(index: Path, made: Path) -> None:
    for dimensions, count, words in ((16, 11, "has 11 vectors of 16"), (8, 12, "has 12 vectors of 8")):
        other = faiss.IndexFlatL2(dimensions)
        other.add(np.zeros((count, dimensions), np.float32))
        faiss.write_index(other, str(index / "index.faiss"))
        sizes_told(index)
        opening_is_refused(index, f"index.faiss: is damaged .*{words} numbers")
    shutil.copy(made / "index/index.faiss", index)
    for vectors in (np.ones((11, 16), "<f4"), np.ones((12, 8), "<f4"), np.ones((12, 16)), np.ones((16, 12), "<f4").T):
        np.save(index / "vectors.npy", vectors)
        sizes_told(index)
        opening_is_refused(index, r"vectors\.npy: is damaged \(holds float")
    shutil.copy(made / "index/vectors.npy", index)
    sizes_told(index)
    for change in ({"count": 11}, {"count": 2**40}, {"model": {"dimensions": 8}}, {"model": {"dimensions": 10**12}}):
        change_state(index, **change)
        opening_is_refused(index, "is damaged")
        shutil.copy(made / "index/index.json", index)


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ([-1] + [0] * 11, "vector names vectors that cannot be"),
        ([2**60] + [0] * 11, "vector names vectors that cannot be"),
        ([11] + [0] * 11, "vector leaves vectors out"),
        ([0.5] * 12, "vector holds other things than whole numbers"),
        ([None] * 12, "vector holds other things than whole numbers"),
    ],
)
def test_numbers_of_vectors_that_cannot_be_are_refused(index: Path, vectors: list, words: str) -> None:
    change_table(index, vector=vectors)
    opening_is_refused(index, f"images.parquet: is damaged .*{words}")


def test_vectors_that_faiss_names_and_that_are_not_there_are_refused(index: Path) -> None:
    vectors = np.load(index / "vectors.npy")
    lists = faiss.index_factory(16, "IVF1,Flat")
    lists.train(vectors)
    lists.add_with_ids(vectors, np.arange(12) * 10**9)
    faiss.write_index(lists, str(index / "index.faiss"))
    sizes_told(index)
    opening_is_refused(index, "index: is damaged .*names vectors that are not there")


def test_vectors_that_are_not_finite_give_no_hits_and_no_new_index(
    index: Path, made: Path, trained: Path, query: Path
) -> None:
    vectors = np.load(index / "vectors.npy")
    np.save(index / "vectors.npy", np.full_like(vectors, np.nan))
    refused("search", index, query, message="has vectors that are not finite")
    before = (index / "index.json").read_bytes()
    for path in (made / "pictures").rglob("*.png"):
        os.utime(path, ns=(10**18, 10**18))
    refused("index", trained, made / "pictures", "-o", index, message="vectors that are not finite. Delete .*json")
    assert (index / "index.json").read_bytes() == before


def bomb(index: Path, rows: int, **options: object) -> None:
    """A table of many rows in few bytes, with the vectors that belong to it in a sparse file."""
    text = pa.array(["a" * 1000], pa.string()).dictionary_encode().dictionary
    path = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), text).dictionary_decode()
    zero = pa.array(np.zeros(rows, np.int64))
    columns = {"path": path, "sha256": path, **dict.fromkeys(("vector", "size", "mtime_ns", "ctime_ns", "inode"), zero)}
    pq.write_table(pa.table(columns), index / "images.parquet", **options)


def test_a_table_of_more_rows_than_bytes_is_refused_before_it_is_read(index: Path) -> None:
    bomb(index, 200_000)
    with open(index / "vectors.npy", "wb") as file:
        head = {"descr": "<f4", "fortran_order": False, "shape": (200_000, 16)}
        np.lib.format.write_array_header_1_0(file, head)
        file.truncate(file.tell() + 200_000 * 64)
    change_state(index, count=200_000)
    sizes_told(index)
    opening_is_refused(index, "images.parquet: is damaged .*has more rows than bytes")


def test_a_table_packed_otherwise_or_with_other_columns_is_refused(index: Path, made: Path) -> None:
    change_table(index, {"compression": "gzip"})
    opening_is_refused(index, "is compressed otherwise")
    for columns, words in (
        ({"path": ["a" * 5000, *"bcdefghijkl"]}, "path has a text of more than 4,096 bytes"),
        ({"path": list("aabcdefghijk")}, "its paths do not ascend"),
        ({"path": list(range(12))}, "path holds other things than texts"),
        ({"path": None}, "path"),
        ({"sha256": ["a" * 65] * 12}, "sha256 has a text of more than 64 bytes"),
        ({"sha256": [None] * 12}, "sha256 holds other things"),
        ({"size": ["x"] * 12}, "size holds other things than whole numbers"),
        ({"inode": [[1]] * 12}, "other columns|inode holds other things"),
    ):
        shutil.copy(made / "index/images.parquet", index)
        change_table(index, **columns)
        with pytest.raises(UserError, match=f"images.parquet: is damaged .*{words}"):
            table = open_index(index).table
            assert table.digests == table.looks


def test_any_wrong_value_at_any_key_of_the_state_is_refused_by_name(index: Path, made: Path) -> None:
    for key in ("format_version", "model", "images", "factory", "count", "unreadable", "scanned_ns", "sizes"):
        for value in (None, "\ud800", [], {"a": []}, -1, 10**30, "a\0b"):
            shutil.copy(made / "index/index.json", index)
            content = {**json.loads((index / "index.json").read_text()), key: value}
            (index / "index.json").write_text(json.dumps(content))
            try:
                open_index(index)
            except UserError as error:
                assert str(index) in str(error)
            else:
                assert key in ("factory", "images")
    (index / "index.json").write_text("[" * 100_000)
    opening_is_refused(index, r"index\.json: is damaged")
    (index / "index.json").write_bytes(b"\xff\xfe\xff")
    opening_is_refused(index, r"index\.json: is damaged")


def test_a_factory_that_no_such_index_was_built_with_is_not_built_again(index: Path, made: Path, trained: Path) -> None:
    change_state(index, factory="HNSW100000000")
    refused("index", trained, made / "pictures", "-o", index, message="names the factory 'HNSW100000000'")
    assert succeeded("index", trained, made / "pictures", "-o", index, "--factory", "Flat")


def test_saved_blocks_of_a_stranger_are_read_as_vectors_or_passed_over(
    index: Path, made: Path, trained: Path, tmp_path: Path
) -> None:
    blocks = index / f".blocks-{open_index(index).state.model.digest[:16]}"
    blocks.mkdir()
    np.savez_compressed(blocks / "0.npz", digests=["a"], vectors=np.zeros((50_000_000,), np.float32))
    np.savez(blocks / "1.npz", digests=["a"], vectors=np.full((1, 16), np.nan, np.float32))
    np.savez(blocks / "2.npz", digests=[["a"]], vectors=np.ones((1, 16), np.float32))
    np.savez(blocks / "3.npz", digests=[{}], vectors=np.ones((1, 16), np.float32))
    (blocks / "4.npz").write_bytes(b"PK\x03\x04 no archive")
    os.mkfifo(blocks / "5.npz")
    (blocks / "6.npz").mkdir()
    (blocks / "7.npz").symlink_to("/dev/zero")
    assert "12 images" in succeeded("index", trained, made / "pictures", "-o", index)


def test_names_from_a_table_reach_no_terminal_raw(
    index: Path, made: Path, query: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack = "\x1b]0;owned\x07\x9b31m\u202e\U000f0000\x7f.png"
    change_table(index, path=sorted([*paths(made)[1:], attack]))
    shown = succeeded("search", index, query, "-k", 12)
    text = succeeded("search", index, query, "-k", 12, "--json")
    succeeded("search", index, query, "-k", 12, "--page", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    for char in "\x1b\x07\x9b\u202e\U000f0000\x7f":
        assert char not in shown + text + page
    (answer,) = json.loads(text)
    assert attack in {hit["path"] for hit in answer["hits"]}


def test_endings_of_files_that_are_passed_over_reach_no_terminal_raw(trained: Path, made: Path, tmp_path: Path) -> None:
    images = shutil.copytree(made / "pictures", tmp_path / "pictures")
    (images / "a.\x1b[2Jx").write_text("")
    assert "\x1b" not in succeeded("index", trained, images, "-o", tmp_path / "index")


def test_a_folder_that_may_not_be_opened_is_named(index: Path, monkeypatch: pytest.MonkeyPatch, query: Path) -> None:
    def closed(*arguments: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(store, "open_regular", closed)
    refused("search", index, query, message=r"index\.json: cannot be read: Permission denied")


def test_names_that_no_file_can_have_are_refused_by_name(
    index: Path, made: Path, trained: Path, query: Path, tmp_path: Path
) -> None:
    for name in ("a" * 256, "漢" * 90):
        long = tmp_path / name
        refused("search", index, query, "--page", long, message="cannot be written: File name too long")
        refused("search", index, query, "--page", long / "b", message="cannot be written: File name too long")
        refused("index", trained, long, "-o", tmp_path / "new", message="is no folder|cannot be read: File name too")
        refused("index", trained, made / "pictures", "-o", long, message="cannot be made: File name too long")
        refused("export", trained, "-o", long, message="File name too long")
    refused("search", index, query, "--page", "/", message="is no name of a file")
    succeeded("search", index, query, "--page", tmp_path / ("漢" * 85))


def test_a_query_that_is_a_pipe_is_refused_as_what_it_is(index: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "query.png")
    refused("search", index, tmp_path / "query.png", message="query.png: is no regular file")
