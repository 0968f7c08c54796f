"""The server process: its socket, its signals, its end."""

import importlib.util
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from hardmine.errors import UserError
from hardmine.installing import extra

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

__all__ = ["address_of", "bound", "check_installed", "is_loopback", "server_of"]

_CONNECTIONS = 128
"""Open at once; more are answered 503."""
_FAREWELL = 3
"""Seconds that requests under way have at the end."""


def check_installed() -> None:
    """See that the extra is there.

    Raises:
        UserError: it is not installed.
    """
    for name in ("starlette", "uvicorn"):
        if importlib.util.find_spec(name) is None:
            raise UserError(f"hardmine serve: {name} is not installed. Run: {extra('serve')}")


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens.

    Args:
        host: a name or an address of this machine.
        port: 0 for a free one.

    Raises:
        UserError: the address is not of this machine, or the port is taken or not allowed.
    """
    try:
        listening = _listening(host, port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"--host {host} --port {port}: cannot be listened on: {reason}. Give another port (--port 0 picks a free "
            "one), or an address of this machine."
        ) from None
    with listening:
        yield listening


def _listening(host: str, port: int) -> socket.socket:
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # With the protocol named, asyncio sends each part of an answer at once; else the last one comes 40 ms later.
    listening = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_CONNECTIONS)
    except OSError:
        listening.close()
        raise
    return listening


def is_loopback(address: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def address_of(host: str, port: int) -> str:
    """What to open in a browser."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def server_of(app: "ASGIApp") -> "uvicorn.Server":
    """What answers requests; its ``run([socket])`` returns at SIGINT (Ctrl-C), SIGTERM or ``should_exit``."""
    import uvicorn

    class Server(uvicorn.Server):
        """One that ends well at a signal instead of dying of it."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_FAREWELL,
    )
    return Server(config)
