import io
import os
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from pictures import write_folder, write_tar, write_zip

from hardmine.datasets import members, tar
from hardmine.datasets.archives import open_archive
from hardmine.errors import UserError

FILES = {"set/b.txt": b"list", "set/images/2.jpg": b"\xff" * 3000, "set/images/1.jpg": b"one", "set/a.jpg": b""}


def build(folder: Path, kind: str) -> Path:
    if kind == "folder":
        return write_folder(folder / "set.d", FILES)
    if kind == "zip":
        return write_zip(folder / "set.zip", FILES)
    return write_tar(folder / f"set.{kind}", FILES, "w" if kind == "tar" else f"w:{kind}")


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz", "folder"])
def test_every_kind_of_archive_gives_the_same_files_and_extracts_nothing(tmp_path: Path, kind: str) -> None:
    path = build(tmp_path, kind)
    before = sorted(tmp_path.rglob("*"))
    with open_archive(path) as archive:
        assert sorted(archive.names()) == sorted(FILES)
        assert archive.read("set/b.txt") == b"list"
        assert dict(archive.iterate(FILES)) == FILES
        assert [name for name, _ in archive.iterate(["set/a.jpg", "set/b.txt"])] == [
            name for name in archive.names() if name in ("set/a.jpg", "set/b.txt")
        ]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "folder"])
def test_a_missing_file_is_named_with_the_archive(tmp_path: Path, kind: str) -> None:
    with open_archive(build(tmp_path, kind)) as archive:
        with pytest.raises(UserError, match=rf"{archive.path}: set/x.jpg missing"):
            archive.read("set/x.jpg")
        given = []
        with pytest.raises(UserError, match=r"set/x.jpg and 1 more files missing"):
            given.extend(archive.iterate(["set/x.jpg", "set/a.jpg", "set/y.jpg"]))
        with pytest.raises(UserError, match=r"set/x.jpg listed in images.txt missing"):
            archive.require(["set/x.jpg", "set/a.jpg"], "images.txt")
    assert dict(given) == {"set/a.jpg": b""}


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.8])
def test_a_truncated_archive_is_named_with_the_remedy(tmp_path: Path, kind: str, share: float) -> None:
    noise = {f"{i}.jpg": os.urandom(2000) for i in range(20)}
    path = tmp_path / f"set.{kind}"
    if kind == "zip":
        write_zip(path, noise)
    else:
        write_tar(path, noise, "w" if kind == "tar" else f"w:{kind}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError) as caught, open_archive(path) as archive:
        archive.require(noise, "its list")
    assert str(path) in str(caught.value)
    assert "Replace it by a complete copy" in str(caught.value)


def test_altered_bytes_are_found(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.jpg": os.urandom(500)})
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with open_archive(path) as archive, pytest.raises(UserError, match=r"altered at '1.jpg'"):
        archive.read("1.jpg")
    path = write_tar(tmp_path / "a.tar", {"1.jpg": b"x" * 512, "2.jpg": b"y" * 512}, "w")
    content = bytearray(path.read_bytes())
    content[1024] ^= 1  # the second header
    path.write_bytes(content)
    with open_archive(path) as archive, pytest.raises(UserError, match=r"altered .*damaged header"):
        archive.names()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"<!DOCTYPE html><p>Quota exceeded", "looks like a web page"), (b"", "starts with b''"), (b"\x89PNG", "PNG")],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "set.tgz").write_bytes(content)
    with pytest.raises(UserError, match="neither a zip nor a tar archive") as caught:
        open_archive(tmp_path / "set.tgz")
    assert told in str(caught.value)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        open_archive(tmp_path / "none.zip")


@pytest.mark.parametrize("kind", ["zip", "gz"])
@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.jpg", "set/../../outside", "C:/x.jpg", "..\\x.jpg"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    files = {"good.jpg": b"1", name: b"2"}
    path = write_zip(tmp_path / "a.zip", files) if kind == "zip" else write_tar(tmp_path / "a.tgz", files)
    with pytest.raises(UserError, match="a name that leaves the folder") as caught, open_archive(path) as archive:
        archive.names()
    assert name in str(caught.value)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("link.jpg")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with open_archive(path) as opened:
        for use in (opened.names, lambda: opened.read("link.jpg")):
            with pytest.raises(UserError, match=r"'link.jpg' is a link or a device"):
                use()


def test_links_in_zip_files_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match=r"'link.jpg' is a link"):
        open_archive(tmp_path / "a.zip")


def test_links_that_leave_a_folder_are_refused_and_others_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    folder = write_folder(tmp_path / "set", {"a.jpg": b"a"})
    (folder / "inner.jpg").symlink_to("a.jpg")
    with open_archive(folder) as archive:
        assert dict(archive.iterate(archive.names())) == {"a.jpg": b"a", "inner.jpg": b"a"}
    (folder / "outer.jpg").symlink_to(tmp_path / "secret.jpg")
    with open_archive(folder) as archive:
        with pytest.raises(UserError, match=r"'outer.jpg' is a link that leaves the folder"):
            archive.names()
        for name in ("outer.jpg", "../secret.jpg"):
            with pytest.raises(UserError, match="leaves the folder"):
                archive.read(name)


def test_links_of_a_users_own_folder_are_followed_wherever_they_lead_but_only_to_files(tmp_path: Path) -> None:
    (tmp_path / "store.jpg").write_bytes(b"s")
    folder = write_folder(tmp_path / "set", {"a.jpg": b"a"})
    (folder / "outer.jpg").symlink_to(tmp_path / "store.jpg")
    (folder / "me.jpg").symlink_to("me.jpg")
    (folder / "null.jpg").symlink_to("/dev/null")
    with open_archive(folder, own=True) as archive:
        assert archive.names() == ["a.jpg", "outer.jpg"]
        assert dict(archive.iterate(archive.names())) == {"a.jpg": b"a", "outer.jpg": b"s"}
        for name, reason in (
            ("../store.jpg", "leaves the folder"),
            ("null.jpg", "is a device, not a file"),
            ("me.jpg", "link"),
        ):
            with pytest.raises(UserError, match=reason):
                archive.read(name)


def test_a_link_to_itself_is_no_file_of_a_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", {"a.jpg": b"a"})
    (folder / "me.jpg").symlink_to("me.jpg")
    with open_archive(folder) as archive:
        assert archive.names() == ["a.jpg"]


@pytest.mark.parametrize("kind", ["zip", "gz", "folder"])
def test_a_member_over_the_limit_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build(tmp_path, kind)
    monkeypatch.setattr(members, "MEMBER_LIMIT", 2999)
    with pytest.raises(UserError, match=r"2.jpg' is 3,000 bytes long, over the limit of 2,999"):
        dict(open_archive(path).iterate(FILES))


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_an_archive_that_expands_enormously_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = {f"{i}.jpg": bytes(200_000) for i in range(20)}
    path = write_zip(tmp_path / "a.zip", zeros) if kind == "zip" else write_tar(tmp_path / "a.tgz", zeros)
    with open_archive(path) as archive:
        assert len(archive.names()) == 20
    monkeypatch.setattr(members, "EXPANSION_FLOOR", 10_000)
    with pytest.raises(UserError, match="a bomb"):
        open_archive(path).names()


def test_a_header_that_claims_an_enormous_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 50_000
    (tmp_path / "a.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(60_000))
    monkeypatch.setattr(tar, "HEADER_LIMIT", 40_000)
    with open_archive(tmp_path / "a.tar") as archive, pytest.raises(UserError, match="a header of 50,176 bytes"):
        archive.names()


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.jpg": b"x"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"'1.jpg' is encrypted"):
        open_archive(path)


def test_a_name_held_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.jpg", b"a")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("1.jpg", b"b")
    with tarfile.open(tmp_path / "a.tar", "w") as tape:
        for _ in range(2):
            tape.addfile(tarfile.TarInfo("1.jpg"), io.BytesIO())
    for name in ("a.zip", "a.tar"):
        with pytest.raises(UserError, match=r"'1.jpg' is held twice"):
            open_archive(tmp_path / name).names()


def test_what_macos_adds_is_passed_over_and_a_leading_dot_is_no_part_of_the_name(tmp_path: Path) -> None:
    files = {"./set/1.jpg": b"1", "./set/._1.jpg": b"x", "__MACOSX/set/._1.jpg": b"x", "./set/.DS_Store": b"x"}
    for path in (write_zip(tmp_path / "a.zip", files), write_tar(tmp_path / "a.tgz", files)):
        with open_archive(path) as archive:
            assert archive.names() == ["set/1.jpg"]
            assert archive.read("set/1.jpg") == b"1"


def test_a_large_tar_file_passes_through_little_memory(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tgz", {f"{i:03d}.jpg": os.urandom(2**20) for i in range(16)})
    tracemalloc.start()
    with open_archive(path) as archive:
        assert sum(len(content) for _, content in archive.iterate(archive.names())) == 2**24
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * 2**20
