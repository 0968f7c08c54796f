import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hardmine.datasets import fetch as module
from hardmine.datasets.fetch import RemoteFile, fetch
from hardmine.errors import UserError

CONTENT = os.urandom(300_000)
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves CONTENT for any path; ``faults`` are played one a request before that."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[str] = []
        self.ranges: list[str] = []
        self.ignores_ranges = False
        self.etag = ""
        self.conditions: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        fault = self.server.faults.pop(0) if self.server.faults else ""
        asked = self.headers.get("Range", "")
        self.server.ranges.append(asked)
        condition = self.headers.get("If-Range", "")
        self.server.conditions.append(condition)
        if fault.startswith("to "):
            self.send_response(302)
            self.send_header("Location", fault.removeprefix("to "))
            self.end_headers()
            return
        if fault.isdigit():
            self.send_error(int(fault))
            return
        changed = bool(condition) and condition != self.server.etag
        start = int(asked[6:-1]) if asked and not self.server.ignores_ranges and not changed else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = bytes(len(CONTENT)) if fault == "other" else CONTENT[start:]
        self.send_response(206 if start else 200)
        if fault != "unsaid":
            self.send_header("Content-Length", str(len(body)))
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.end_headers()
        self.wfile.write(body[:100_000] if fault == "cut" else body)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.delenv("HARDMINE_MIRROR", raising=False)
    monkeypatch.setenv("HARDMINE_MANUAL", str(tmp_path / "manual"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.shutdown()


def get(folder: Path, *urls: str, digest: str | None = DIGEST) -> bytes:
    folder.mkdir(exist_ok=True)
    path = fetch(RemoteFile("file.bin", digest, urls), folder, "birds")
    assert sorted(child.name for child in folder.iterdir()) == ["file.bin"]
    return path.read_bytes()


def test_an_interrupted_download_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    server.faults = ["cut", "500"]
    assert get(tmp_path / "raw", server.url) == CONTENT
    assert server.ranges == ["", "bytes=100000-", "bytes=100000-"]


def test_a_download_killed_in_a_former_process_goes_on(tmp_path: Path, server: Server) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / ".file.bin.part").write_bytes(CONTENT[:250_000])
    assert get(tmp_path / "raw", server.url) == CONTENT
    assert server.ranges == ["bytes=250000-"]


def test_a_server_without_ranges_starts_afresh(tmp_path: Path, server: Server) -> None:
    server.faults, server.ignores_ranges = ["cut"], True
    assert get(tmp_path / "raw", server.url) == CONTENT


@pytest.mark.parametrize("leftover", [b"other bytes" * 1000, bytes(len(CONTENT)), bytes(2 * len(CONTENT))])
def test_a_leftover_of_another_file_is_thrown_away(tmp_path: Path, server: Server, leftover: bytes) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / ".file.bin.part").write_bytes(leftover)
    assert get(tmp_path / "raw", server.url) == CONTENT


def test_wrong_content_is_refused_and_an_earlier_copy_survives(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file.bin").write_bytes(b"an earlier release")
    server.faults = ["other"]
    with pytest.raises(UserError) as caught:
        get(tmp_path, server.url)
    assert f"{server.url}: its content is not the published one ({DIGEST})" in str(caught.value)
    assert f"put it into {tmp_path}/manual/birds/" in str(caught.value)
    assert (tmp_path / "file.bin").read_bytes() == b"an earlier release"


def test_a_good_copy_is_kept_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.bin").write_bytes(CONTENT)
    assert get(tmp_path / "raw", "http://127.0.0.1:9/file.bin") == CONTENT


def test_a_missing_page_is_not_asked_for_again_and_the_next_address_is_tried(tmp_path: Path, server: Server) -> None:
    server.faults = ["404"]
    assert get(tmp_path / "raw", server.url, server.url) == CONTENT
    assert len(server.ranges) == 2


def test_a_server_that_keeps_failing_is_given_up(tmp_path: Path, server: Server) -> None:
    server.faults = ["503"] * 20
    with pytest.raises(UserError, match="Service Unavailable"):
        get(tmp_path / "raw", server.url)
    assert len(server.ranges) == module.ATTEMPTS


@pytest.mark.parametrize("kind", ["folder", "file address", "http address"])
def test_the_mirror_is_tried_first(tmp_path: Path, server: Server, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "my mirror"
    place.mkdir()
    (place / "file.bin").write_bytes(CONTENT)
    values = {"folder": str(place), "file address": place.as_uri(), "http address": server.url.rpartition("/")[0]}
    monkeypatch.setenv("HARDMINE_MIRROR", values[kind])
    assert get(tmp_path / "raw", "http://127.0.0.1:9/file.bin") == CONTENT
    assert len(server.ranges) == (kind == "http address")


def test_a_mirror_with_another_file_gives_way_to_the_official_address(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.bin").write_bytes(b"something else")
    monkeypatch.setenv("HARDMINE_MIRROR", str(tmp_path))
    assert get(tmp_path / "raw", server.url) == CONTENT


def test_the_users_own_copy_comes_before_everything(tmp_path: Path) -> None:
    (tmp_path / "manual" / "birds").mkdir(parents=True)
    (tmp_path / "manual" / "birds" / "file.bin").write_bytes(CONTENT)
    assert get(tmp_path / "raw") == CONTENT


def test_without_any_source_the_message_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        get(tmp_path / "raw", "http://127.0.0.1:9/file.bin")
    for part in ("Connection refused", "Get file.bin from http://127.0.0.1:9/file.bin", "HARDMINE_MIRROR"):
        assert part in str(caught.value)


def test_a_full_disk_is_said_at_once(tmp_path: Path, server: Server) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / ".file.bin.part").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"file.bin.part: cannot be written: No space left on device"):
        get(tmp_path / "raw", server.url)
    assert len(server.ranges) == 1


def test_without_a_digest_only_the_same_version_is_continued(tmp_path: Path, server: Server) -> None:
    server.faults = ["cut"]
    assert get(tmp_path / "raw", server.url, digest=None) == CONTENT
    assert server.ranges == ["", ""]  # nothing tells that the rest would be of the same file: from the start
    Path("checksums.txt").unlink()
    server.etag, server.faults, server.ranges = '"one"', ["cut"], []
    assert get(tmp_path / "again", server.url, digest=None) == CONTENT
    assert server.ranges == ["", "bytes=100000-"]
    assert server.conditions[-1] == '"one"'


def test_a_version_that_changed_meanwhile_starts_afresh(tmp_path: Path, server: Server) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / ".file.bin.part").write_bytes(b"an older version")
    (tmp_path / "raw" / ".file.bin.part.version").write_text('"old"')
    server.etag = '"new"'
    assert get(tmp_path / "raw", server.url, digest=None) == CONTENT
    assert server.conditions == ['"old"']


def test_what_came_first_is_recorded_and_nothing_else_is_taken_ever_after(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture
) -> None:
    assert get(tmp_path / "raw", server.url, digest=None) == CONTENT
    assert "Commit that file" in capsys.readouterr().out
    assert Path("checksums.txt").read_text() == f"{DIGEST.removeprefix('sha256:')}  birds/file.bin\n"
    server.faults = ["other"]
    with pytest.raises(UserError, match=r"not what came first; if it is meant, delete its line in checksums\.txt"):
        get(tmp_path / "elsewhere", server.url, digest=None)
    assert get(tmp_path / "elsewhere", server.url, digest=None) == CONTENT
    Path("checksums.txt").write_text("no checksum\n")
    with pytest.raises(UserError, match="line 1 is no SHA-256"):
        get(tmp_path / "third", server.url, digest=None)


@pytest.mark.parametrize("fault", ["", "unsaid"])
def test_no_server_fills_the_disk(tmp_path: Path, server: Server, fault: str) -> None:
    server.faults = [fault] * 10
    with pytest.raises(UserError, match=r"over the limit of 200,000|goes on after 200,000 bytes"):
        fetch(RemoteFile("file.bin", DIGEST, (server.url,), most=200_000), tmp_path, "birds")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 200_000


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/file.bin"])
def test_no_redirect_leaves_the_web(tmp_path: Path, server: Server, place: str) -> None:
    server.faults = [f"to {place}"] * 10
    with pytest.raises(UserError, match=r"which is not safe|not allowed"):
        get(tmp_path / "raw", server.url)


def test_no_redirect_leads_from_https_to_http() -> None:
    request = module.Request("https://example.org/file.bin")
    for place in ("http://example.org/file.bin", "HTTP://example.org/x", "file:///etc/passwd"):
        with pytest.raises(OSError, match="which is not safe"):
            module._NoWeakerRedirect().redirect_request(request, None, 302, "", {}, place)  # type: ignore[arg-type]
    assert module._NoWeakerRedirect().redirect_request(request, None, 302, "", {}, "https://other.org/x")  # type: ignore[arg-type]


def test_a_pipe_in_the_place_of_the_users_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "manual/birds").mkdir(parents=True)
    os.mkfifo(tmp_path / "manual/birds/file.bin")
    with pytest.raises(UserError, match=r"is a pipe, not a file|cannot be fetched"):
        get(tmp_path / "raw")
