"""The app: its routes, the files of the page, and how what goes wrong is answered."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hardmine.errors import UserError
from hardmine.foreign import in_json

from .answers import Answers, Offer
from .lane import BusyError, Lane
from .state import Served
from .visitors import Guarded, Visitors

__all__ = ["build_app"]

_WAITING, _WAITING_THUMBNAILS = 14, 62
_SECONDS = 60.0
_STATIC = {
    "/": ("page.html", "text/html"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/page_results.js": ("page_results.js", "text/javascript"),
}


def build_app(served: Served, offer: Offer, visitors: Visitors, threads: int = 1) -> ASGIApp:
    """The whole app.

    Args:
        served: the index.
        offer: what the page shows at first.
        visitors: who may ask.
        threads: pictures worked on at once.
    """
    answers = Answers(served, offer, Lane(threads, _WAITING, _SECONDS), Lane(threads, _WAITING_THUMBNAILS, _SECONDS))
    routes = [
        *(Route(path, _static(*content), methods=["GET"]) for path, content in _STATIC.items()),
        Route("/about", answers.about, methods=["GET"]),
        Route("/names", answers.names, methods=["GET"]),
        Route("/search", answers.search, methods=["GET", "POST"]),
        Route("/thumbnail/{row}", answers.thumbnail, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers=_FAULTS)
    app.router.redirect_slashes = False
    return Guarded(app, visitors)


async def _fault(request: Request, error: Exception) -> Response:
    """What went wrong, in words, as JSON; never more of the server than that."""
    if isinstance(error, HTTPException):
        return _refusal(error.status_code, error.detail, error.headers)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    if isinstance(error, UserError):
        return _refusal(503, str(error), {"Retry-After": "5"})
    if isinstance(error, BusyError):
        return _refusal(503, "too many requests at once; try again", {"Retry-After": "1"})
    if isinstance(error, TimeoutError):
        return _refusal(503, "this took too long; try again", {"Retry-After": "10"})
    return _refusal(500, "an error of the server; its terminal says more")


_FAULTS: dict[Any, Any] = dict.fromkeys(
    (HTTPException, ClientDisconnect, UserError, BusyError, TimeoutError, Exception), _fault
)


def _refusal(status: int, message: str, headers: Any = None) -> Response:
    return Response(in_json({"error": message}), status, headers, "application/json")


def _static(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = files("hardmine.serving").joinpath(name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return answer
