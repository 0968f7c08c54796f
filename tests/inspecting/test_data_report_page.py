"""The commands of docs/data_report.md as they stand there, and the benchmark behind its numbers."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from search_tools import draw, succeeded

from benchmarks import wrong_labels

PAGE = (Path(__file__).parents[2] / "docs/data_report.md").read_text()
COMMANDS = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).splitlines()


@pytest.fixture
def followed(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder after all commands of the page."""
    monkeypatch.chdir(tmp_path)
    numbers, lines = np.random.default_rng(1), []
    for label in ("apple", "pear", "plum"):
        Path("pictures", label).mkdir(parents=True)
        for number in range(6):
            draw(numbers).save(Path("pictures", label, f"{number}.png"))
            lines.append(f"{label}/{number}.png,{label}")
    Path("pictures/list.csv").write_text("\n".join(["path,class,split", *(f"{line},train" for line in lines)]))
    Path("classes.csv").write_text("\n".join(["path,class", *lines]))
    succeeded("export", trained, "-o", "my-model")
    for command in COMMANDS:
        name, *arguments = shlex.split(command)
        assert name == "hardmine"
        succeeded(*arguments)
    return tmp_path


def test_the_commands_write_four_reports_that_agree(followed: Path) -> None:
    assert len(COMMANDS) == 5
    kinds = ("pictures", "index", "labelled", "list")
    tables = [(followed / f"{kind}-report/labels.csv").read_text() for kind in kinds]
    assert tables[0] == tables[1] == tables[2] == tables[3].replace(",train,", ",,")


def test_the_python_of_the_page_runs(followed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doubts, copies = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(doubts, {})
    rows = (followed / "pictures-report/labels.csv").read_text().count(",yes,")
    assert len(capsys.readouterr().out.splitlines()) == rows > 0
    for name in ("apple/=once.png", "apple/twice.png", "plum/thrice.png"):
        shutil.copy("pictures/apple/5.png", f"pictures/{name}")
    Image.open("pictures/apple/5.png").save("pictures/apple/again.jpg", quality=95)
    succeeded("inspect", "pictures", "my-model", "-o", "pictures-report")
    capsys.readouterr()
    exec(copies, {})
    removed = [line.split(" is the file ")[0] for line in capsys.readouterr().out.splitlines()]
    assert removed == ["apple/=once.png", "apple/twice.png", "plum/thrice.png"]  # apple/5.png stays


def test_the_page_names_the_columns_that_there_are() -> None:
    from hardmine.inspecting.tables import TABLES

    for name, columns in TABLES.items():
        (line,) = re.findall(rf"^\| `{re.escape(name)}` .*$", PAGE, re.MULTILINE)
        assert set(columns) <= set(re.findall(r"`(\w+)`", line)), name


def test_switched_labels_are_five_percent_and_of_the_classes_alike_where_wished() -> None:
    draws = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 20)
    place = np.eye(10)[labels] + 0.6 * np.eye(10)[(labels + 1) % 10] + 0.02 * draws.normal(size=(200, 10))
    for alike in (False, True):
        new = wrong_labels.switched(place, labels, alike, 0)
        moved = new != labels
        assert moved.sum() == 10
        assert set(new.tolist()) <= set(range(10))
    cosines = np.array([sum(np.eye(10)[(a + s) % 10] * w for s, w in ((0, 1.0), (1, 0.6))) for a in range(10)])
    near = cosines @ cosines.T
    assert all(near[old, now] >= np.sort(near[old])[-4] - 1e-9 for old, now in zip(labels, new, strict=True))


def test_hits_count_the_wrong_among_the_first() -> None:
    wrong = np.array([True, False, True, False, False, False])
    assert wrong_labels.hits(np.array([0.1, 0.9, 0.2, 0.8, 0.7, 0.6]), wrong) == 1
    assert wrong_labels.hits(np.array([0.1, 0.0, 0.2, 0.8, 0.7, 0.6]), wrong) == 0.5
