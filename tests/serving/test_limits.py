import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from serving_tools import answered, app_of, ask
from starlette.exceptions import HTTPException

from hardmine.serving import answers, app
from hardmine.serving.lane import BusyError, Lane
from hardmine.serving.uploads import LARGEST, read_upload


@pytest.fixture
def small(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app without places beside its two threads."""
    monkeypatch.setattr(app, "_WAITING", 0)
    return app_of(shared, threads=2)


def test_a_body_that_says_that_it_is_too_large_is_not_read(shared: Path) -> None:
    for said in (str(LARGEST + 1), "9" * 400, "-1", "ten"):
        reply = ask(app_of(shared), "/search", b"x", content_length=said)
        assert (reply.status, reply.taken, reply.headers["connection"]) == (413, 0, "close")
    assert reply.json["error"] == "the file is larger than 32 MiB, the most that is taken"


def test_a_body_without_a_size_is_read_up_to_the_bound(shared: Path) -> None:
    parts = [bytes(2**20)] * 100
    reply = ask(app_of(shared), "/search", parts)
    assert (reply.status, reply.taken) == (413, 33)


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.sleep(60)

    request: Any = SimpleNamespace(headers={}, stream=slowly)
    with pytest.raises(HTTPException) as refused:
        asyncio.run(read_upload(request, seconds=0.01))
    assert refused.value.status_code == 408


def test_where_all_places_are_taken_the_next_is_told_when_to_come_again(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, end = threading.Semaphore(0), threading.Event()

    def wait(*arguments: object, **options: object) -> None:
        begun.release()
        end.wait(10)

    monkeypatch.setattr(answers, "rows_of", wait)

    async def crowd() -> list[int]:
        first = [asyncio.create_task(answered(small, "/search?row=3")) for _ in range(2)]
        for _ in first:
            await asyncio.to_thread(begun.acquire, timeout=10)
        late = await answered(small, "/search?row=3")
        assert late.headers["retry-after"] == "1"
        assert late.json["error"] == "too many requests at once; try again"
        assert (await answered(small, "/thumbnail/3")).status == 200  # these have places of their own
        end.set()
        return [late.status, *(reply.status for reply in await asyncio.gather(*first))]

    assert asyncio.run(crowd()) == [503, 200, 200]
    assert ask(small, "/search?row=3").status == 200


def test_work_that_takes_too_long_loses_its_request_and_keeps_its_place_until_it_ends() -> None:
    end, lane = threading.Event(), Lane(threads=1, waiting=0, seconds=0.02)

    async def visit() -> None:
        with pytest.raises(TimeoutError), lane.place() as work:
            await work(lambda: end.wait(10))
        with pytest.raises(BusyError), lane.place():
            pass
        end.set()
        for _ in range(500):
            await asyncio.sleep(0.01)
            try:
                with lane.place() as work:
                    assert await work(lambda: 7) == 7
                return
            except BusyError:
                continue
        raise AssertionError("the place never came free")

    asyncio.run(visit())


def test_a_place_is_given_back_after_a_failure() -> None:
    lane = Lane(threads=1, waiting=0, seconds=5)

    async def visit() -> None:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), lane.place() as work:
                await work(lambda: 1 // 0)

    asyncio.run(visit())
