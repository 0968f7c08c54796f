"""Search results as one page with the pictures in it, without any outside request."""

import base64
import hashlib
import io
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from hardmine.artefacts import write_text
from hardmine.foreign import shown
from hardmine.images.decode import UnreadableError, read_picture, thumbnail

from .query import SearchResults

__all__ = ["in_page", "link_to", "picture_of", "webp_of", "write_page"]

_EDGE = 320
"""Longest edge of a thumbnail in pixels; shown at half of it on sharp screens."""


def write_page(results: SearchResults, target: Path) -> None:
    """Write the page of some queries' answers; of the index's pictures those that are as they were indexed.

    Raises:
        UserError: the file cannot be written.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(files("hardmine.search").joinpath("page.html.j2").read_text(encoding="utf-8"))
    context: dict[str, Any] = {
        "index": shown(results.index),
        "images": len(results.table.paths),
        "decision": results.decision,
        "results": [
            {
                "name": shown(Path(result.query).name),
                "link": link_to(result.query),
                "thumbnail": picture_of(Path(result.query)),
                "match": result.match,
                "hits": [
                    {
                        "path": shown(hit.path),
                        "link": link_to(hit.file),
                        "similarity": hit.similarity,
                        "below": result.threshold is not None and hit.similarity < result.threshold,
                        "thumbnail": picture_of(Path(hit.file), results.table.digests[hit.row]),
                    }
                    for hit in result.hits
                ],
            }
            for result in results.answers
        ],
    }
    write_text(target, template.render(context))


def link_to(path: str) -> str:
    """The address of a file."""
    return Path(path).absolute().as_uri()


def picture_of(path: Path, sha256: str = "", edge: int = _EDGE, quality: int = 80) -> str | None:
    """What ``webp_of`` gives as a data address."""
    data = webp_of(path, sha256, edge, quality)
    return None if data is None else in_page(data)


def in_page(webp: bytes) -> str:
    """A WEBP file as a data address."""
    return "data:image/webp;base64," + base64.b64encode(webp).decode()


def webp_of(path: Path, sha256: str = "", edge: int = _EDGE, quality: int = 80) -> bytes | None:
    """The picture as a small WEBP file, upright; None where its file is gone, not readable or not of the digest."""
    try:
        data = read_picture(path)
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            return None
        buffer = io.BytesIO()
        thumbnail(data, edge).save(buffer, "WEBP", quality=quality)
    except (OSError, UnreadableError):
        return None
    return buffer.getvalue()
