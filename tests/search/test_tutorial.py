"""The commands of docs/image_search.md as they stand there, in an empty folder, on a few pictures and a small plan."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from mirror import ROOT
from PIL import Image
from serving_tools import started

from hardmine.datasets.glyphs import draw

PAGE = (ROOT / "docs/image_search.md").read_text()
COMMANDS = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).splitlines()
CLASSES, PICTURES = 10, 8

pytestmark = pytest.mark.workflow


def groceries(archive: Path, folder: Path) -> None:
    """Some classes of the Grocery data set as class folders."""
    with zipfile.ZipFile(archive) as content:
        names = [name for name in content.namelist() if name.endswith(".jpg")]
        classes = sorted({name.split("/")[1] for name in names})[1 : 8 * CLASSES : 8]
        for name in classes:
            (folder / name).mkdir(parents=True)
            for member in [one for one in names if one.split("/")[1] == name][:PICTURES]:
                (folder / name / Path(member).name).write_bytes(content.read(member))


def letters(folder: Path) -> None:
    """Some glyphs as PNG files in class folders."""
    code_points, bitmaps = draw()
    for code, faces in list(zip(code_points, bitmaps, strict=True))[: 40 * CLASSES : 40]:
        (folder / f"U+{code:04X}").mkdir(parents=True)
        for number, pixels in enumerate(faces[:PICTURES]):
            Image.fromarray(pixels).save(folder / f"U+{code:04X}" / f"{number}.png")


def small_plan() -> dict:
    """The plan of the tutorial, with one run that takes a second."""
    plan = yaml.safe_load((ROOT / "experiments/folder.yaml").read_text())
    plan["dataset"] |= {"size": 36, "path": "elsewhere"}
    plan["training"] |= {"images": 320, "batch": {"classes": 4, "images_per_class": 4}}
    plan["training"]["augmentation"]["crop"] = 32
    runs = {plan["baseline"]: plan["runs"][plan["baseline"]]}
    return plan | {"seeds": [0], "backbone": {"name": "small-cnn", "width": 8, "embedding": 16}, "runs": runs}


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all commands of the page."""
    folder = tmp_path_factory.mktemp("tutorial")
    for name in ("Snakefile", "workflow", "profiles"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / "experiments").mkdir()
    (folder / "experiments/folder.yaml").write_text(yaml.safe_dump(small_plan(), sort_keys=False))
    named = os.environ.get("HARDMINE_MIRROR", "").removeprefix("file://")
    archive = (Path(named) if named else ROOT.parent / "shared/mirror") / "grocery_128.zip"
    groceries(archive, folder / "pictures") if archive.is_file() else letters(folder / "pictures")
    pictures = sorted(path for path in (folder / "pictures").rglob("*") if path.is_file())
    for name, picture in (("query.jpg", pictures[3]), ("other.jpg", pictures[-1])):
        Image.open(io.BytesIO(picture.read_bytes())).save(folder / name, quality=95)
    for command in COMMANDS:
        done(command, folder)
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def done(command: str, folder: Path) -> str:
    """What a command of the page prints, which ends well."""
    ended = subprocess.run(command, shell=True, cwd=folder, env=environment(), capture_output=True, text=True)
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    return ended.stdout


def test_the_commands_lead_to_a_report_a_model_an_index_and_a_page(followed: Path) -> None:
    assert len(COMMANDS) == 10
    assert (followed / "report/folder/index.html").is_file()
    assert "95 % t-interval" in (followed / "my-model/README.md").read_text()
    assert json.loads((followed / "pictures-index/index.json").read_text())["count"] == CLASSES * PICTURES
    assert (followed / "found.html").read_text().count("data:image/webp") == 2 * 13
    assert "hardmine inspect" in (followed / "pictures-report/index.html").read_text()
    assert len((followed / "hard.csv").read_text().splitlines()) > CLASSES * PICTURES / 2
    assert (followed / "hard.html").is_file()


def test_the_query_finds_the_picture_it_was_copied_from(followed: Path) -> None:
    (answer,) = json.loads((followed / "found.json").read_text())
    pictures = sorted(path for path in (followed / "pictures").rglob("*") if path.is_file())
    assert followed / "pictures" / answer["hits"][0]["path"] == pictures[3]
    assert answer["hits"][0]["similarity"] > 0.99


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl is installed")
def test_the_server_of_the_page_answers_as_the_command_does(followed: Path) -> None:
    (serve,), (ask,) = (re.findall(rf"```bash {name}\n(.*)\n```", PAGE) for name in ("serve", "ask"))
    with started([*shlex.split(serve), "--port", "0"], cwd=followed, env=environment()) as (_, address):
        answer = json.loads(done(ask.replace("http://127.0.0.1:8000/", address), followed))
    (expected,) = json.loads((followed / "found.json").read_text())
    assert [hit["path"] for hit in answer["hits"]] == [hit["path"] for hit in expected["hits"][:5]]


def test_the_python_of_the_page_runs(
    followed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(followed)
    exec(snippet, {})
    assert len(re.findall(r"^\d\.\d{3}  .*\.(?:jpg|png)$", capsys.readouterr().out, re.MULTILINE)) == 5


@pytest.mark.parametrize("database", ["pgvector", "qdrant"])
def test_the_imports_into_databases_name_columns_that_are_there(followed: Path, database: str) -> None:
    import pyarrow.parquet as pq

    (snippet,) = re.findall(rf"```python {database}\n(.*?)```", PAGE, re.DOTALL)
    compile(snippet, database, "exec")
    schema = pq.read_schema(followed / "pictures-index/vectors.parquet")
    assert set(re.findall(r'(?:batch|one)\["(\w+)"\]', snippet)) == {"path", "embedding"} <= set(schema.names)
    assert schema.field("embedding").type.list_size == 16
