import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from search_tools import draw, succeeded
from serving_tools import app_of, ask

from hardmine.errors import UserError
from hardmine.search.store import files_now, stage
from hardmine.serving import state
from hardmine.serving.state import Served


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be opened is tried again at the next request."""
    monkeypatch.setattr(state, "_AGAIN", 0.0)


def add_picture(pictures: Path) -> bytes:
    draw(np.random.default_rng(99)).save(pictures / "aaa.png")
    return (pictures / "aaa.png").read_bytes()


def test_an_index_brought_up_to_date_is_answered_from_without_a_restart(
    index: Path, trained: Path, pictures: Path
) -> None:
    app = app_of(index)
    query = add_picture(pictures)
    before = ask(app, "/search?k=1", query)
    assert before.json["hits"][0]["path"] != "aaa.png"
    succeeded("index", trained, pictures, "-o", index)
    after = ask(app, "/search?k=1", query)
    assert after.json["hits"][0]["path"] == "aaa.png"
    old, new = before.headers["hardmine-index"], after.headers["hardmine-index"]
    assert old != new
    for target in ("/thumbnail/0", "/search?row=0"):
        joined = target + ("&" if "?" in target else "?")
        assert ask(app, f"{joined}index={new}").status == 200
        reply = ask(app, f"{joined}index={old}")
        assert (reply.status, reply.json["error"]) == (409, "the index has changed meanwhile; search again")


def test_what_is_under_way_ends_on_the_old_index(index: Path, trained: Path, pictures: Path) -> None:
    served = Served(index)
    old = served.now()
    query = add_picture(pictures)
    succeeded("index", trained, pictures, "-o", index)
    assert len(served.now().searcher.index.table.paths) == 41
    (answer,) = old.searcher.answers(["query"], old.searcher.vector_of(query), 40)
    assert len(answer.hits) == 40
    assert "aaa.png" not in {hit.path for hit in answer.hits}
    assert len(old.searcher.index.table.digests) == 40


def test_an_index_that_did_not_change_is_opened_once(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(index)
    monkeypatch.setattr(state, "open_index", lambda *arguments: pytest.fail("opened again"))
    assert served.now() is served.now()
    os.utime(index / ".lock")
    served.now()


def test_a_committed_generation_is_the_same_before_and_after_it_is_moved(index: Path) -> None:
    served = Served(index)
    before = state._look(index)
    (index / ".next").mkdir()
    for path in files_now(index)[:3]:
        shutil.move(path, index / ".next" / path.name)
    assert files_now(index)[0].parent == index / ".next"
    assert state._look(index) == before
    assert served.now().token
    shutil.rmtree(index / ".next")
    with stage(index) as target:
        assert files_now(index)[0] == index / "index.json"  # not committed yet
        assert target.is_dir()


@pytest.mark.parametrize("harm", ["gone", "state", "vectors", "images", "shorter"])
def test_while_the_index_is_gone_or_damaged_requests_are_told_so(index: Path, harm: str) -> None:
    app, kept = app_of(index), index.parent / "kept"
    assert ask(app, "/search?row=3").status == 200
    shutil.copytree(index, kept)
    if harm == "gone":
        shutil.rmtree(index)
    else:
        file = index / {"state": "index.json", "vectors": "vectors.npy", "images": "images.parquet"}.get(
            harm, "index.faiss"
        )
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content[:-9] if harm == "shorter" else bytes(len(content)))
    for target in ("/search?row=3", "/thumbnail/3", "/about", "/names?of=class"):
        reply = ask(app, target)
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert reply.json["error"].startswith(str(index))
    assert ask(app, "/").status == 200
    shutil.rmtree(index, ignore_errors=True)
    shutil.copytree(kept, index)
    assert ask(app, "/search?row=3").status == 200


def test_an_index_of_another_model_is_told(index: Path, project: Path, pictures: Path) -> None:
    app = app_of(index)
    shutil.rmtree(index)
    succeeded("index", project / "models/tiny/hdc/seed1", pictures, "-o", index)
    reply = ask(app, "/search?row=3")
    assert reply.status == 503
    assert "was made anew by another model" in reply.json["error"]
    assert "start it again" in reply.json["error"]


def test_what_cannot_be_opened_is_not_tried_at_every_request(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_AGAIN", 1000.0)
    served, tries = Served(index), []
    (index / "index.json").write_text("{}")
    opened = state.open_index
    monkeypatch.setattr(state, "open_index", lambda *arguments: (tries.append(1), opened(*arguments))[1])
    for _ in range(3):
        with pytest.raises(UserError, match="is damaged"):
            served.now()
    assert len(tries) == 1
