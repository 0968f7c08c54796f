"""Names of files as text."""

from pathlib import Path

__all__ = ["shown"]


def shown(name: str | Path) -> str:
    r"""A name as text that any terminal and file takes: bytes of it that are not UTF-8 stand as ``\udcff``."""
    return str(name).encode(errors="backslashreplace").decode()
