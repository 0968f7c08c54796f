"""Archives, lists and arrays made to do harm: refused by name, in little time and memory."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import write_folder, write_tar, write_zip
from scipy.io import loadmat, savemat

from hardmine.datasets import members
from hardmine.datasets.archives import open_archive
from hardmine.datasets.arrays import read_npz
from hardmine.datasets.lists import read_list, rows, table_of
from hardmine.datasets.matlab import structures_in
from hardmine.errors import UserError

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@contextlib.contextmanager
def little_memory(most: int = 24 * 2**20) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def extended(content: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("pax", len(content), kind) + content + bytes(-len(content) % 512)


def record(key: str, value: str) -> bytes:
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


@pytest.mark.parametrize("method", METHODS)
def test_members_of_every_method_are_read(tmp_path: Path, method: int) -> None:
    files = {"a.jpg": os.urandom(5000), "b.jpg": b"", "c.txt": b"line\n" * 20_000}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with open_archive(tmp_path / "a.zip") as opened:
        assert dict(opened.iterate(files)) == files


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_member_of_a_zip_file_that_lies_about_its_size_takes_no_more_than_it_said(
    tmp_path: Path, method: int
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("1.jpg", bytes(32 * 2**20))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\1\2")
    content[at + 24 : at + 28] = struct.pack("<L", 5)
    content[at + 16 : at + 20] = struct.pack("<L", zlib.crc32(bytes(5)))
    path.write_bytes(content)
    with (
        little_memory(),
        open_archive(path) as opened,
        pytest.raises(
            UserError, match=r"altered at '1.jpg' \((more than the 5 bytes declared|[\d,]+ bytes compressed)"
        ),
    ):
        opened.read("1.jpg")


def test_a_member_that_asks_for_a_giant_dictionary_or_an_unknown_method_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("1.jpg", b"x" * 100)
    good = path.read_bytes()
    giant = bytearray(good)
    place = 30 + len("1.jpg") + 4 + 1
    giant[place : place + 4] = struct.pack("<L", 2**32 - 1)
    unknown = bytearray(good)
    unknown[good.index(b"PK\1\2") + 10] = 99
    for content, reason in ((giant, "4,294,967,295 bytes of memory"), (unknown, "method 99 is not read")):
        path.write_bytes(content)
        with open_archive(path) as opened, pytest.raises(UserError, match=reason):
            opened.read("1.jpg")


@pytest.mark.parametrize(
    "content",
    [
        b"1" * 2**21 + b" hdrcharset=x\n",
        b"3 a" * 300_000 + b"=\n",
        record("comment", "1" * 200_000),
        record("path", "x" * 2**21),
    ],
    ids=["digits", "no sign", "digits in a value", "long"],
)
def test_an_extended_header_of_a_tar_file_is_sane_or_refused_at_once(tmp_path: Path, content: bytes) -> None:
    good = header("1.jpg", 3) + b"abc" + bytes(509 + 1024)
    (tmp_path / "a.tar").write_bytes(extended(content) + good)
    with open_archive(tmp_path / "a.tar") as opened, pytest.raises(UserError, match="truncated or altered"):
        opened.names()
    sane = extended(record("mtime", "1234567890.123456789") + record("comment", "x" * 3000))
    (tmp_path / "a.tar").write_bytes(sane + good)
    assert open_archive(tmp_path / "a.tar").read("1.jpg") == b"abc"


def test_a_tar_header_that_leads_back_ends(tmp_path: Path) -> None:
    first = header("1.jpg", 0)
    (tmp_path / "a.tar").write_bytes(first + header("._2.jpg", -512) + bytes(1024))
    with open_archive(tmp_path / "a.tar") as opened, pytest.raises(UserError, match="truncated or altered"):
        opened.names()
    (tmp_path / "b.tar").write_bytes(first + extended(record("size", "-1536")) + header("._2.jpg", 0) + bytes(1024))
    with open_archive(tmp_path / "b.tar") as opened, pytest.raises(UserError, match="truncated or altered"):
        opened.names()


def test_entries_for_all_members_do_not_pile_up(tmp_path: Path) -> None:
    parts = [
        extended(b"".join(record(f"key{number}.{entry}", "x") for entry in range(500)), tarfile.XGLTYPE)
        + header(f"{number}.jpg", 0)
        for number in range(4)
    ]
    (tmp_path / "a.tar").write_bytes(parts[0] + bytes(1024))
    assert open_archive(tmp_path / "a.tar").names() == ["0.jpg"]
    (tmp_path / "a.tar").write_bytes(b"".join(parts) + bytes(1024))
    with open_archive(tmp_path / "a.tar") as opened, pytest.raises(UserError, match="a bomb"):
        opened.names()


def sparse(name: str, size: int) -> bytes:
    """A member that is one hole of ``size`` bytes."""
    records = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": name}
    records |= {"GNU.sparse.size": str(size), "GNU.sparse.numblocks": "1", "GNU.sparse.map": f"{size},0"}
    return extended(b"".join(record(key, value) for key, value in records.items())) + header(name, 0)


def test_holes_count_as_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join(sparse(f"{number}.jpg", 100_000) for number in range(20)) + bytes(1024))
    assert open_archive(path).read("3.jpg") == bytes(100_000)
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 1000)
    monkeypatch.setattr(members, "EXPANSION_LIMIT", 10)
    with pytest.raises(UserError, match="a bomb"):
        open_archive(path).names()


@pytest.mark.parametrize("kind", PACKERS)
def test_the_sum_of_a_compressed_archive_is_read_and_what_follows_it_is_passed_over(tmp_path: Path, kind: str) -> None:
    content = header("1.jpg", 3) + b"abc" + bytes(509 + 1024)
    packed = PACKERS[kind](content)
    path = tmp_path / f"a.tar.{kind}"
    for tail in (b"", bytes(1000), b"signature", PACKERS[kind](bytes(5000)), bytes(9) + PACKERS[kind](bytes(5000))):
        path.write_bytes(packed + tail)
        assert open_archive(path).names() == ["1.jpg"]
        assert open_archive(path).read("1.jpg") == b"abc"
    altered = bytearray(packed)
    altered[-6 if kind != "xz" else -30] ^= 1
    for bad in (bytes(altered), packed[:-3], packed + PACKERS[kind](bytes(5000))[:-3]):
        path.write_bytes(bad)
        with pytest.raises(UserError, match="truncated or altered"):
            open_archive(path).names()


def test_zeros_behind_the_end_of_a_tar_file_are_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = header("1.jpg", 3) + b"abc" + bytes(509 + 2**23)
    (tmp_path / "a.tgz").write_bytes(gzip.compress(content))
    assert open_archive(tmp_path / "a.tgz").names() == ["1.jpg"]
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 2**20)
    with little_memory(), pytest.raises(UserError, match="a bomb"):
        open_archive(tmp_path / "a.tgz").names()


def test_what_is_no_file_is_no_archive_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "endless.tgz").symlink_to("/dev/zero")
    for name, reason in {"pipe.zip": "is a pipe, not a file", "endless.tgz": "is a device, not a file"}.items():
        with pytest.raises(UserError, match=f"{name}: {reason}"):
            open_archive(tmp_path / name)
    folder = write_folder(tmp_path / "set", {"a.jpg": b"a"})
    os.mkfifo(folder / "pipe.jpg")
    with open(folder / "sparse.jpg", "wb") as file:
        file.truncate(2**40)
    with open_archive(folder) as archive, little_memory():
        for name, reason in {"pipe.jpg": "is a pipe, not a file", "sparse.jpg": "over the limit"}.items():
            with pytest.raises(UserError, match=reason):
                archive.read(name)


FILES = {"a/1.jpg": b"one" * 50, "a/2.jpg": bytes(700), "list.txt": b"1 2\n"}


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
@given(data=st.data())
@fuzz
def test_a_damaged_archive_gives_what_it_held_or_is_refused_by_name(
    kind: str, data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        write_zip(path, FILES)
    else:
        write_tar(path, FILES, "w" if kind == "tar" else f"w:{kind}")
    content = bytearray(path.read_bytes())
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)
    ):
        content[place] = byte
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), *range(len(content))]))])
    try:
        with open_archive(path) as archive:
            found = dict(archive.iterate(archive.names()))
    except UserError as error:
        assert str(path) in str(error)
        return
    if kind != "tar":  # which has sums of its headers only
        assert all(content in FILES.values() for content in found.values())


def array(shape: tuple[int, ...], kind: str = "<f4", content: bytes = b"") -> bytes:
    """A member of a ``.npz`` file that claims a shape."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def test_arrays_come_as_they_were_saved(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b/c": np.asfortranarray(np.eye(3)),
        "d": np.array(["x"]),
        "e": np.zeros(0),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = read_npz(tmp_path / "a.npz")
        assert found.keys() == arrays.keys()
        for name, value in arrays.items():
            assert np.array_equal(found[name], value)
            assert found[name].dtype == value.dtype


@pytest.mark.parametrize(
    "content",
    [
        array((10**12,)),
        array((3 * 10**8,), content=bytes(100)),
        array((10**12,), "<U0"),
        array((-1, -4), content=bytes(16)),
        array((2,), content=bytes(9)),
        array((1,), "|O", bytes(8)),
        b"\x93NUMPY\x09\0" + bytes(100),
        b"no array",
    ],
)
def test_arrays_that_claim_more_than_there_is_are_refused_before_memory_is_taken(
    tmp_path: Path, content: bytes
) -> None:
    path = write_zip(tmp_path / "a.npz", {"a.npy": content})
    with little_memory(), pytest.raises(ValueError, match=r"\w"):
        read_npz(path)


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<LL", kind, len(content)) + content + bytes(-len(content) % 8)


def matlab(edges: tuple[int, ...], kind: int = 2, content: bytes = b"", packed: bool = False) -> bytes:
    """A file of MATLAB that claims an array."""
    parts = element(6, struct.pack("<LL", kind, 0)) + element(5, struct.pack(f"<{len(edges)}l", *edges))
    parts = element(14, parts + element(1, b"annotations") + content)
    whole = struct.pack("<LL", 15, len(zlib.compress(parts))) + zlib.compress(parts) if packed else parts
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + whole


FIELDS = element(5, struct.pack("<L", 8)) + element(1, b"class".ljust(8, b"\0"))


def number(edges: tuple[int, ...], content: bytes = b"", kind: int = 9) -> bytes:
    head = element(6, struct.pack("<LL", 6, 0)) + element(5, struct.pack(f"<{len(edges)}l", *edges)) + element(1, b"")
    return element(14, head + element(kind, content))


@pytest.mark.parametrize("packed", [False, True])
def test_a_list_of_matlab_is_read_by_its_bytes_whatever_it_claims(packed: bool) -> None:
    content = FIELDS + number((9**9, 1)) + number((1, 1), struct.pack("<d", 7)) + number((1, 1), b"\7", 2)
    for edges in ((3, 1), (10**9, 1), (-1, -1), ()):
        with little_memory():
            found = structures_in(matlab(edges, content=content, packed=packed), "annotations")
        assert found == [{"class": None}, {"class": 7}, {"class": 7}]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"content": FIELDS}, "0 values for 1 fields"),
        ({"content": element(5, struct.pack("<L", 1)) + element(1, bytes(2**20))}, "more than 1,000 fields"),
        ({"content": FIELDS + element(14, b"")[:7]}, "0 values for 1 fields"),
        ({"content": FIELDS, "kind": 17}, "no structures annotations"),
        ({"kind": 9, "content": element(2, bytes(2**25))}, "more than 33,554,432 bytes"),
    ],
)
def test_a_list_of_matlab_that_is_damaged_is_refused(content: dict, reason: str, packed: bool) -> None:
    data = matlab((1, 1), **content, packed=packed)
    with little_memory(2**28), pytest.raises(ValueError, match=reason):
        structures_in(data, "annotations")


def test_a_list_of_matlab_is_what_scipy_finds_in_it() -> None:
    fields = [("fname", object), ("class", object), ("box", object), ("none", object)]
    kinds = (np.uint8, np.int16, np.float64, np.uint32)
    table = np.array(
        [(f"{i}-é-文.jpg", kinds[i % 4](i), np.arange(4.0) + i, np.zeros(0)) for i in range(20)], fields
    ).reshape(1, -1)
    for compressed in (False, True):
        stream = io.BytesIO()
        savemat(stream, {"other": np.eye(3), "annotations": table}, do_compression=compressed)
        found = structures_in(stream.getvalue(), "annotations")
        expected = loadmat(io.BytesIO(stream.getvalue()), squeeze_me=True)["annotations"]
        assert [row["fname"] for row in found] == [str(row["fname"]) for row in expected]
        assert [row["class"] for row in found] == [int(row["class"]) for row in expected]
        assert [row["box"] for row in found] == [row["box"][0] for row in expected]
        assert {row["none"] for row in found} == {None}


def test_lists_that_are_no_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with open(tmp_path / "sparse.txt", "wb") as file:
        file.truncate(2**40)
    for name, reason in {
        "pipe.txt": "is a pipe",
        "sparse.txt": "is larger than",
        "none.txt": "cannot be read: No such file",
        ".": "is a folder",
    }.items():
        with little_memory(), pytest.raises(UserError, match=reason):
            read_list(tmp_path / name)


def test_cells_that_no_reader_takes_are_named_with_their_list() -> None:
    with pytest.raises(UserError, match=r"index.csv: cannot be read as CSV \(field larger than"):
        table_of(b"a," + b"x" * 200_000, "index.csv")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.booleans())
@fuzz
def test_any_bytes_are_a_list_or_refused_by_name(content: bytes, strict: bool) -> None:
    for read in (
        lambda: table_of(content, "a list", strict=strict),
        lambda: list(rows(content, "a list", ("one", "two"))),
    ):
        try:
            assert isinstance(read(), list)
        except UserError as error:
            assert str(error).startswith("a list: ")


def saved(kind: str) -> bytes:
    stream = io.BytesIO()
    numbers = np.arange(40, dtype=np.float32).reshape(5, 8)
    if kind == "npz":
        np.savez(stream, a=numbers, b=numbers[0])
    else:
        savemat(
            stream, {"annotations": np.array([(1, "x")], [("class", object), ("fname", object)])}, do_compression=True
        )
    return stream.getvalue()


SAVED = {kind: saved(kind) for kind in ("npz", "mat")}


@given(st.data())
@fuzz
def test_damaged_arrays_and_lists_of_matlab_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    for kind, content in SAVED.items():
        changed = bytearray(content)
        for place, byte in data.draw(
            st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=5)
        ):
            changed[place] = byte
        with contextlib.suppress(ValueError):
            if kind == "npz":
                (tmp_path / "a.npz").write_bytes(changed)
                read_npz(tmp_path / "a.npz")
            else:
                structures_in(bytes(changed), "annotations")
