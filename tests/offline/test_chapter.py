"""The commands and the Python of docs/mining.md as they stand there."""

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mirror import ROOT
from search_tools import succeeded

from hardmine.cli import app
from hardmine.offline.tables import Layout, columns_of

PAGE = (ROOT / "docs/mining.md").read_text()
COMMANDS = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).splitlines()


@pytest.fixture
def followed(trained: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In the folder of the reader: what the commands print."""
    monkeypatch.chdir(tmp_path)
    succeeded("export", trained, "-o", "my-model")
    return [succeeded(*shlex.split(command)[1:]) for command in COMMANDS]


def test_the_commands_write_the_files_that_the_page_names(
    followed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(followed) == 4
    for name in re.findall(r"^\| `(hard\.[\w.]+)` \|", PAGE, re.MULTILINE):
        assert (tmp_path / name).is_file(), name
    assert "looked at" in followed[0]
    names = columns_of(Layout("n-tuples", True, 3, False))
    assert list(pd.read_parquet("hard.parquet").columns) == names
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(snippet, {})
    assert len(capsys.readouterr().out.splitlines()) == 11
    (other,) = re.findall(r"```python sentence-transformers\n(.*?)```", PAGE, re.DOTALL)
    compile(other, "page", "exec")
    assert set(re.findall(r'remove_columns\("(\w+)"\)', other)) == {"score"} <= set(names)
    shutil.rmtree(tmp_path / "pictures")


def test_the_page_names_every_option_that_decides_what_is_mined() -> None:
    from typer.main import get_command

    mine = get_command(app).commands["mine"]  # type: ignore[attr-defined]
    options = {name for one in mine.params for name in one.opts if name.startswith("--")}
    assert options >= {"--ranks", "--kappa"}
    for name in options - {"--output", "--page-anchors", "--strict", "--threads", "--device"}:
        assert f"{name}" in PAGE, name
