from pathlib import Path

import pytest
from browsing import browser
from search_tools import draw_forty, pictures, project, succeeded, trained

__all__ = ["browser", "pictures", "project", "trained"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """An index of forty pictures beside these, for tests that leave both as they are."""
    folder = tmp_path_factory.mktemp("served")
    succeeded("index", trained, draw_forty(folder / "pictures"), "-o", folder / "index")
    return folder / "index"


@pytest.fixture
def index(trained: Path, pictures: Path, tmp_path: Path) -> Path:
    """An index of the pictures, for tests that change either."""
    succeeded("index", trained, pictures, "-o", tmp_path / "index")
    return tmp_path / "index"
