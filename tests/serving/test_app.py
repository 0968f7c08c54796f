import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from search_tools import succeeded
from serving_tools import Reply, app_of, ask

from hardmine.serving import answers

QUERY = "odd/07.png"


@pytest.fixture(scope="module")
def app(shared: Path) -> Any:
    return app_of(shared)


@pytest.fixture(scope="module")
def query(shared: Path) -> bytes:
    return (shared.parent / "pictures" / QUERY).read_bytes()


def paths(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [hit["path"] for hit in reply.json["hits"]]


def test_a_picture_gets_the_answer_of_the_command(app: Any, shared: Path, query: bytes) -> None:
    file = shared.parent / "pictures" / QUERY
    (expected,) = json.loads(succeeded("search", shared, file, "-k", 7, "--json"))
    reply = ask(app, "/search?k=7", query)
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {**expected, "query": "upload"}


def test_searching_on_with_a_row_is_searching_with_its_picture(app: Any, shared: Path, query: bytes) -> None:
    by_picture = ask(app, "/search?k=9", query).json
    row = by_picture["hits"][0]["row"]
    by_row = ask(app, f"/search?k=9&row={row}").json
    assert by_row["query"] == str(shared.parent / "pictures" / QUERY)
    for one, other in zip(by_row["hits"], by_picture["hits"], strict=True):
        assert one == {**other, "similarity": pytest.approx(other["similarity"], abs=1e-5)}


def test_the_count_is_the_offered_one_unless_given(app: Any, query: bytes) -> None:
    assert len(paths(ask(app, "/search", query))) == 20
    assert len(paths(ask(app, "/search?k=1000", query))) == 40


def test_filters_leave_the_most_similar_of_what_passes_in_their_order(app: Any, query: bytes) -> None:
    every = paths(ask(app, "/search?k=40", query))
    even = [path for path in every if path.startswith("even/")]
    assert paths(ask(app, "/search?k=40&class=even", query)) == even
    assert paths(ask(app, "/search?k=3&class=even", query)) == even[:3]
    tens = [path for path in every if path.startswith("odd/1")]
    assert paths(ask(app, "/search?k=40&folder=odd/1", query)) == tens
    assert paths(ask(app, "/search?k=40&class=odd&folder=odd/1", query)) == tens
    assert paths(ask(app, "/search?row=3&k=40&class=eve", query)) == []
    assert paths(ask(app, "/search?k=40&class=even&folder=odd/", query)) == []


def test_names_to_filter_by_are_offered(app: Any) -> None:
    assert ask(app, "/names?of=class").json == ["even", "odd"]
    assert ask(app, "/names?of=class&text=OD").json == ["odd"]
    assert ask(app, "/names?of=folder&text=ve").json == ["even/"]


def test_the_page_learns_what_it_must_know(app: Any) -> None:
    about = ask(app, "/about").json
    assert (about["index"], about["images"], about["classes"], about["k"]) == ("index", 40, 2, 20)
    assert about["threshold"] is None
    assert [one["row"] for one in about["examples"]] == list(range(0, 40, 2))


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/search?row=40", 404),
        ("/search?row=-1", 400),
        ("/search?row=1e3", 400),
        (f"/search?row={'9' * 5000}", 400),
        ("/search", 404),
        ("/search?row=3&k=0", 400),
        ("/search?row=3&k=1001", 400),
        (f"/search?row=3&folder={'a' * 5000}", 400),
        ("/search?row=3&index=0123456789abcdef", 409),
        ("/names?of=file", 400),
        ("/thumbnail/40", 404),
        ("/thumbnail/-1", 404),
        ("/thumbnail/notes.txt", 404),
        (f"/thumbnail/{'9' * 5000}", 404),
        ("/thumbnail/..%2f..%2fetc%2fpasswd", 404),
        ("/thumbnail/../index.json", 404),
        ("/thumbnail/3?index=0123456789abcdef", 409),
        ("/index.json", 404),
        ("/page.py", 404),
        ("//page.js", 404),
    ],
)
def test_what_is_not_there_is_refused_in_words(app: Any, target: str, status: int) -> None:
    reply = ask(app, target)
    assert (reply.status, list(reply.json)) == (status, ["error"])


def test_a_thumbnail_is_a_small_picture_of_the_row(app: Any) -> None:
    reply = ask(app, "/thumbnail/3")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(reply.body)).size == (24, 24)


def test_of_files_altered_or_gone_nothing_is_shown(index: Path, pictures: Path) -> None:
    app = app_of(index)
    (pictures / "even/02.png").write_bytes((pictures / "even/04.png").read_bytes())
    (pictures / "even/04.png").unlink()
    assert [ask(app, f"/thumbnail/{row}").status for row in (0, 1, 2, 3)] == [200, 404, 404, 200]


def test_an_index_that_points_elsewhere_shows_nothing_from_there(index: Path, pictures: Path) -> None:
    secret = pictures.parent / "secret"
    (secret / "even").mkdir(parents=True)
    Image.new("RGB", (24, 24), "red").save(secret / "even/00.png")
    content = json.loads((index / "index.json").read_text())
    (index / "index.json").write_text(json.dumps({**content, "images": str(secret)}))
    reply = ask(app_of(index), "/thumbnail/0")
    assert (reply.status, reply.json) == (404, {"error": "this picture is not there any more, or was altered"})


@pytest.mark.parametrize("target", ["/", "/about", "/names", "/search", "/thumbnail/3", "/page.js"])
def test_other_methods_are_refused(app: Any, target: str) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", *(["POST"] if target != "/search" else [])):
        reply = ask(app, target, method=method)
        assert reply.status == 405, method
        assert "GET" in reply.headers["allow"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no picture", "this cannot be used as an image: cannot identify image file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "this cannot be used as an image: "),
        (b"%!PS-Adobe-3.0\nshowpage\n", "this cannot be used as an image: cannot identify image file"),
    ],
)
def test_what_is_no_picture_is_named(app: Any, body: bytes, words: str) -> None:
    reply = ask(app, "/search", body)
    assert reply.status == 422
    assert reply.json["error"].startswith(words)
    assert "Traceback" not in reply.json["error"]


def test_an_empty_body_is_named(app: Any) -> None:
    assert ask(app, "/search", method="POST").json["error"].startswith("no picture was sent")


def test_a_picture_of_too_many_pixels_is_named(app: Any, query: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    reply = ask(app, "/search", query)
    assert (reply.status, "more than 500 pixels" in reply.json["error"]) == (422, True)


def test_a_failure_of_the_server_is_told_without_its_words(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(answers, "rows_of", fail)

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(RuntimeError, match="secret"):  # for the terminal
            await app(scope, receive, send)

    reply = ask(failing, "/search?row=3")
    assert (reply.status, b"secret" in reply.body, "error" in reply.json) == (500, False, True)


def test_serving_writes_nothing(index: Path, pictures: Path, query: bytes) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in sorted(index.parent.rglob("*"))}

    before, app = files(), app_of(index)
    for reply in (ask(app, "/search", query), ask(app, "/thumbnail/1"), ask(app, "/about"), ask(app, "/")):
        assert reply.status == 200
    assert files() == before
