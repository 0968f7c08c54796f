"""Who may ask, and what every answer says to the browser.

A page of another origin must neither read the index nor have it searched: names that are made to lead here (DNS
rebinding) are told by the ``Host`` header, pages of others by ``Origin`` and ``Sec-Fetch-Site``.
"""

import ipaddress
import socket
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Guarded", "Visitors"]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer."""


@dataclass(frozen=True)
class Visitors:
    """The names under which a server may be asked.

    Attributes:
        hosts: values of the ``Host`` header, with the port, in small letters.
        addresses: whether every address of the port is one, as where all of the machine's are listened on.
        port: listened on.
    """

    hosts: frozenset[str]
    addresses: bool
    port: int

    @classmethod
    def of(cls, host: str, address: str, port: int) -> "Visitors":
        """From the host that was asked for and the address and port that are listened on."""
        bound = ipaddress.ip_address(address.partition("%")[0])
        names = {host, address}
        if bound.is_loopback or bound.is_unspecified:
            names.add("localhost")
        if bound.is_unspecified:
            names.add(socket.gethostname())
        written = {f"[{name}]" if ":" in name else name.lower() for name in names}
        hosts = {f"{name}:{port}" for name in written} | (written if port == 80 else set())
        return cls(frozenset(hosts), bound.is_unspecified, port)

    def objection(self, headers: Headers, path: str) -> str | None:
        """Why a request is refused, None where it is not."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._known(hosts[0].lower()):
            return "this address is not the one that 'hardmine serve' printed"
        origins = headers.getlist("origin")
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return "requests from pages of others are not answered"
        if path != "/" and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "requests from pages of others are not answered"
        return None

    def _known(self, host: str) -> bool:
        if host in self.hosts:
            return True
        name, _, port = host.rpartition(":")
        if not self.addresses or port != str(self.port):
            return False
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


class Guarded:
    """An app behind the rules of ``Visitors``, with ``HEADERS`` on every answer."""

    def __init__(self, app: ASGIApp, visitors: Visitors) -> None:
        self._app, self._visitors = app, visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        objection = self._visitors.objection(Headers(scope=scope), scope["path"])
        app = self._app if objection is None else JSONResponse({"error": objection}, 403, {"Connection": "close"})
        await app(scope, receive, send_guarded)
