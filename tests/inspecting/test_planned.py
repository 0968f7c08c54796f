"""The data report that is a part of a plan's report: on packed images, through the plan's pretrained features."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hardmine.artefacts import Job
from hardmine.datasets import Items, write_items
from hardmine.images import write_images
from hardmine.inspecting.page import PAGE
from hardmine.inspecting.planned import data_report
from hardmine.inspecting.tables import TABLES
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.reporting import DATA_REPORT

PLAN = {
    "plan": "own",
    "seeds": [3, 4],
    "baseline": "random",
    "dataset": {"name": "folder", "path": "pictures", "variant": "pictures"},
    "backbone": {"name": "torchvision", "architecture": "resnet18"},
    "runs": {
        "random": {"method": "random"},
        "features": {"method": "random", "head": "none"},
        "contrastive": {"method": "contrastive"},
    },
}


@pytest.fixture(scope="module")
def written(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of six classes of eight random images: a copy across splits, an image of one value, a class with markup."""
    folder = tmp_path_factory.mktemp("packed")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 16, 16, 1), dtype=np.uint8)
    pixels[40] = pixels[3]
    pixels[7] = 9
    classes = [["<b>a</b>", "b", "c", "d", "e", "f"][row // 8] for row in range(48)]
    splits = [("train", "validation", "test")[row // 16] for row in range(48)]
    write_images(folder / "images.npy", pixels)
    names = [f"{classes[row]}/{47 - row:02d}.png" for row in range(48)]
    write_items(folder / "items.csv", Items(names, classes, splits, ["both"] * 48))
    job = Job("own", "figures", "report/own", (), (), {"data_report": str(trained)}, {"packed": str(folder)})
    data_report(job, folder / "report", 1)
    return folder / "report/data"


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / name).read_text().splitlines()))


def test_it_finds_copies_across_splits_and_pictures_of_nothing_in_the_packed_images(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == sorted(DATA_REPORT) == sorted([PAGE, *TABLES])
    copies = [row for row in rows_of(written, "duplicates.csv") if row["kind"] == "bytes"]
    assert {(row["path"], row["split"]) for row in copies} == {("<b>a</b>/44.png", "train"), ("f/07.png", "test")}
    assert {row["splits"] for row in copies} == {"yes"}
    assert ("<b>a</b>/40.png", "constant") in {(row["path"], row["problem"]) for row in rows_of(written, "files.csv")}
    assert len(rows_of(written, "labels.csv")) == 48


def test_its_page_has_the_packed_pictures_in_itself_and_escapes_names(written: Path) -> None:
    page = (written / PAGE).read_text()
    assert "data:image/webp;base64," in page
    assert "<b>a</b>" not in page
    assert "&lt;b&gt;a&lt;/b&gt;" in page


def test_a_plan_on_own_images_with_pretrained_features_has_one_and_others_do_not() -> None:
    report = jobs_of(load_plan(PLAN, "own"))[-1]
    assert report.settings["data_report"] == "models/own/features/seed3"
    assert report.settings["data_report"] in report.inputs
    assert {f"data/{name}" for name in DATA_REPORT} < set(report.outputs)
    assert "hardmine.inspecting.planned:data_report" in report.code
    untrained = {name: run for name, run in PLAN["runs"].items() if name != "features"}  # type: ignore[attr-defined]
    for other in ({"runs": untrained}, {"dataset": {"name": "cub200"}}):
        report = jobs_of(load_plan(PLAN | other, "own"))[-1]
        assert "data_report" not in report.settings
        assert not any(name.startswith("data/") for name in report.outputs)
