"""``checksums.txt``: digests of downloads for which nobody publishes one, as they first came.

Commit the file: what others fetch, or the same project later, is then compared with what came first.
"""

import re
from pathlib import Path

from hardmine.artefacts import hold_job, read_regular, write_text
from hardmine.errors import UserError

__all__ = ["CHECKSUMS", "record_digest", "recorded_digest"]

CHECKSUMS = Path("checksums.txt")
_LARGEST = 2**20
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def recorded_digest(dataset: str, name: str) -> str | None:
    """``sha256:…`` of a download as it first came; None where it never came.

    Raises:
        UserError: the file of checksums cannot be read.
    """
    value = _read().get(f"{dataset}/{name}")
    return f"sha256:{value}" if value else None


def record_digest(dataset: str, name: str, value: str) -> None:
    """Record the SHA-256 (64 hex digits) of a download that came for the first time."""
    with hold_job("checksums"):
        known = _read() | {f"{dataset}/{name}": value}
        write_text(CHECKSUMS, "".join(f"{value}  {key}\n" for key, value in sorted(known.items())))
    print(
        f"{name}: nobody publishes a checksum; the one of this copy ({value[:16]}…) is in {CHECKSUMS} now. Commit that "
        "file: another copy is refused from now on.",
        flush=True,
    )


def _read() -> dict[str, str]:
    try:
        lines = read_regular(CHECKSUMS, _LARGEST).decode("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{CHECKSUMS}: cannot be read: {error}.") from None
    found = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise UserError(f"{CHECKSUMS}: line {number} is no SHA-256, two spaces and a name.")
        found[match[2]] = match[1]
    return found
