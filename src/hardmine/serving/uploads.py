"""The body of a request, no larger and no slower than is sane."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["LARGEST", "read_upload"]

LARGEST = 32 * 2**20
"""Bytes of a picture that is sent."""
_SECONDS = 30.0


async def read_upload(request: Request, most: int = LARGEST, seconds: float = _SECONDS) -> bytes:
    """The body of a request; it is read no further than ``most`` bytes.

    Raises:
        HTTPException: 413 it is larger; 408 it did not come within ``seconds``; 422 it is empty.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise HTTPException(408, "the picture came too slowly", {"Connection": "close"}) from None
    if not body:
        raise HTTPException(422, "no picture was sent: the body of the request is the image file")
    return bytes(body)


def _too_large(most: int) -> HTTPException:
    return HTTPException(
        413, f"the file is larger than {most // 2**20} MiB, the most that is taken", {"Connection": "close"}
    )
