"""The folder of real files that some tests read, where there is one."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def mirror() -> Path:
    """The folder HARDMINE_MIRROR names, or ``shared/mirror`` beside the repository; skips the test without either."""
    named = os.environ.get("HARDMINE_MIRROR", "").removeprefix("file://")
    path = Path(named) if named else ROOT.parent / "shared" / "mirror"
    if not path.is_dir():
        pytest.skip(f"no mirror of published files: neither HARDMINE_MIRROR nor {path} is a folder")
    return path
