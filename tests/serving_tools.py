"""An app asked without a network, and servers in threads of a test."""

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardmine.serving.answers import Offer
from hardmine.serving.app import build_app
from hardmine.serving.running import bound, server_of
from hardmine.serving.state import Served
from hardmine.serving.visitors import Visitors

__all__ = ["HOST", "Reply", "answered", "app_of", "ask", "running", "started"]

HOST = "127.0.0.1:8000"


@dataclass
class Reply:
    """What came back, and how many parts of the body were taken for it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    taken: int = 0

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def app_of(index: Path, threshold: float | None = None, **options: Any) -> Any:
    """The app of an index as the command builds it."""
    return build_app(Served(index), Offer(20, threshold), Visitors.of("127.0.0.1", "127.0.0.1", 8000), **options)


def ask(
    app: Any, target: str, body: bytes | list[bytes] = b"", method: str | None = None, **headers: str | None
) -> Reply:
    """Ask an app; names of headers with ``_`` for ``-``, None for one that is left out."""
    return asyncio.run(answered(app, target, body, method, **headers))


async def answered(
    app: Any, target: str, body: bytes | list[bytes] = b"", method: str | None = None, **headers: str | None
) -> Reply:
    """See ``ask``."""
    reply, parts = Reply(), [body] if isinstance(body, bytes) else body
    path, _, query = target.partition("?")
    sent = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "method": method or ("POST" if body else "GET"),
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value is not None],
    }
    coming = _parts(parts, reply)

    async def receive() -> dict[str, Any]:
        return await anext(coming, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply


async def _parts(parts: list[bytes], reply: Reply) -> AsyncIterator[dict[str, Any]]:
    for number, part in enumerate(parts, start=1):
        reply.taken += 1
        yield {"type": "http.request", "body": part, "more_body": number < len(parts)}


@contextmanager
def started(command: Sequence[str | Path], **options: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process of a command and the address that it prints; killed at the end if it still lives."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r".*: [0-9,]+ images at (http://127\.0\.0\.1:[0-9]+/) \(Ctrl-C ends it\)\n", line)
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


@contextmanager
def running(index: Path, threshold: float | None = None) -> Iterator[str]:
    """The address of a server of an index, in a thread."""
    with bound("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        visitors = Visitors.of("127.0.0.1", "127.0.0.1", port)
        server = server_of(build_app(Served(index), Offer(20, threshold), visitors))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.should_exit = True
            thread.join()
