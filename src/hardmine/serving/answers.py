"""The answers that depend on the index: searches, names to filter by, thumbnails."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hardmine.foreign import in_json
from hardmine.images.decode import UnreadableError
from hardmine.search.page import webp_of
from hardmine.search.query import plain
from hardmine.search.searching import Decision

from .filters import rows_of, suggested
from .lane import Lane
from .state import Opened, Served
from .uploads import LARGEST, read_upload

__all__ = ["MOST", "Answers", "Offer"]

MOST = 1000
"""Images in one answer."""
_NAMES = 50
_LONGEST = 4096
_EXAMPLES = 20
"""Images of the index to start with."""


@dataclass(frozen=True)
class Offer:
    """What a page shows at first.

    Attributes:
        count: images for a query.
        threshold: similarity from which images count as a match; what the model carries unless given.
        rate: the false-match rate for which that is taken; see ``Searcher.decision``.
    """

    count: int = 20
    threshold: float | None = None
    rate: float | None = None

    def decision(self, opened: Opened) -> Decision | None:
        """How "no match" is decided in an index.

        Raises:
            UserError: its model carries no threshold for the rate.
        """
        return opened.searcher.decision(self.threshold, self.rate)


class Answers:
    """The answers that depend on the index; each from the one that lies in the folder at its moment."""

    def __init__(self, served: Served, offer: Offer, searches: Lane, thumbnails: Lane) -> None:
        self._served, self._offer, self._searches, self._thumbnails = served, offer, searches, thumbnails

    async def about(self, request: Request) -> Response:
        """What the page must know before the first search."""
        return await self._quickly(self._about)

    async def names(self, request: Request) -> Response:
        """Classes (``?of=class``) or folders (``?of=folder``) that have a text in them."""
        kind, text = request.query_params.get("of"), _text(request, "text")
        if kind not in ("class", "folder"):
            raise HTTPException(400, "of: class or folder is allowed")
        return await self._quickly(partial(self._names, kind, text))

    async def search(self, request: Request) -> Response:
        """The images most similar to the picture in the body, or to the one in ``?row=``."""
        count = _number(request, "k", self._offer.count)
        if not 1 <= count <= MOST:
            raise HTTPException(400, f"k: 1 to {MOST} are allowed")
        where = {"label": _text(request, "class"), "start": _text(request, "folder")}
        with self._searches.place() as work:
            if request.method == "POST":
                data = await read_upload(request)
                return await work(partial(self._found_by_picture, data, count, where))
            row, token = _number(request, "row", None), _text(request, "index")
            return await work(partial(self._found_by_row, row, token, count, where))

    async def thumbnail(self, request: Request) -> Response:
        """A small picture of an image of the index, while its file is what was indexed."""
        row, token = request.path_params["row"], _text(request, "index")
        if not _is_number(row):
            raise HTTPException(404, "thumbnails have numbers of rows")
        with self._thumbnails.place() as work:
            return await work(partial(self._thumbnail, int(row), token))

    async def _quickly(self, function: Callable[[], Response]) -> Response:
        with self._thumbnails.place() as work:
            return await work(function)

    def _about(self) -> Response:
        opened = self._served.now()
        index, decision = opened.searcher.index, self._offer.decision(opened)
        content = {
            "index": index.folder.resolve().name,
            "images": len(index.table.paths),
            "classes": len(opened.classes),
            "folders": len(opened.folders),
            "k": self._offer.count,
            "threshold": decision.threshold if decision else None,
            "reason": decision.reason if decision else "",
            "largest": LARGEST,
            "examples": [{"row": row, "path": index.table.paths[row]} for row in _spread(len(index.table.paths))],
        }
        return _json(content, opened)

    def _names(self, kind: str, text: str) -> Response:
        opened = self._served.now()
        return _json(suggested(opened.classes if kind == "class" else opened.folders, text, _NAMES), opened)

    def _found_by_picture(self, data: bytes, count: int, where: dict[str, str]) -> Response:
        opened = self._served.now()
        try:
            vector = opened.searcher.vector_of(data)
        except UnreadableError as fault:
            raise HTTPException(422, f"this cannot be used as an image: {fault}") from None
        return self._found(opened, "upload", vector, count, where)

    def _found_by_row(self, row: int | None, token: str, count: int, where: dict[str, str]) -> Response:
        opened = self._served.now()
        row = _known_row(opened, row, token)
        vector = opened.searcher.index.table.vectors[row : row + 1]
        return self._found(opened, opened.searcher.file_of(row), vector, count, where)

    def _found(self, opened: Opened, query: str, vector: np.ndarray, count: int, where: dict[str, str]) -> Response:
        among = rows_of(opened.searcher.index.table.paths, **where)
        (answer,) = opened.searcher.answers([query], vector, count, among, self._offer.decision(opened))
        return _json(plain(answer), opened)

    def _thumbnail(self, row: int, token: str) -> Response:
        opened = self._served.now()
        row = _known_row(opened, row, token)
        searcher = opened.searcher
        data = webp_of(Path(searcher.file_of(row)), searcher.index.table.digests[row])
        if data is None:
            raise HTTPException(404, "this picture is not there any more, or was altered")
        return Response(data, media_type="image/webp", headers={"Cache-Control": "private, max-age=60"})


def _spread(count: int) -> list[int]:
    """Some rows all over an index of so many."""
    some = min(count, _EXAMPLES)
    return [number * count // some for number in range(some)]


def _known_row(opened: Opened, row: int | None, token: str) -> int:
    if token and token != opened.token:
        raise HTTPException(409, "the index has changed meanwhile; search again")
    count = len(opened.searcher.index.table.paths)
    if row is None or not 0 <= row < count:
        raise HTTPException(404, f"row: the index has the rows 0 to {count - 1}")
    return row


def _text(request: Request, name: str) -> str:
    text = request.query_params.get(name, "")
    if len(text) > _LONGEST:
        raise HTTPException(400, f"{name}: is too long")
    return text


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 15


def _number(request: Request, name: str, default: int | None) -> Any:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _is_number(text):
        raise HTTPException(400, f"{name}: a whole number is needed")
    return int(text)


def _json(content: Any, opened: Opened) -> Response:
    """An answer, with what tells its index from others."""
    return Response(in_json(content), media_type="application/json", headers={"Hardmine-Index": opened.token})
