"""The smoke plan, all verbs, as ``make smoke`` runs it; and single keys changed on the command line."""

import json
import shutil
from pathlib import Path

import pytest
from project import ROOT, Project

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("smoke")
    project = Project.create(base / "project", base / "remote")
    shutil.copy(ROOT / "experiments/smoke.yaml", project.folder / "smoke.yaml")
    project.run("snakemake --cores 2 --configfile smoke.yaml")
    assert len(project.jobs()) == 9
    return project


def test_a_second_call_says_nothing_to_be_done(smoke: Project) -> None:
    again = smoke.run("snakemake --cores 2 --configfile smoke.yaml")
    assert "Nothing to be done" in again.stdout + again.stderr
    assert smoke.jobs() == set()


def test_the_report_has_every_file_of_the_design_and_shows(smoke: Project) -> None:
    report = smoke.folder / "report/smoke"
    for name in (
        "index.html",
        "results.csv",
        "details.csv",
        "statistics.csv",
        "summary.json",
        "curves.csv",
        "table.md",
    ):
        assert (report / name).stat().st_size > 0
    for name in ("recall", "curves", "loss"):
        assert (report / f"figures/{name}.svg").exists()
        assert (report / f"figures/{name}.png").exists()
    assert "http" not in (report / "index.html").read_text().replace("http://www.w3.org", "")
    for option, tables in (("", 1), ("--test ", 2)):
        assert smoke.run(f"hardmine show {option}--plan smoke.yaml").stdout.count("│ triplet-semihard") == tables


def test_one_key_on_the_command_line_runs_what_it_touches_and_has_the_right_type(smoke: Project) -> None:
    smoke.run("snakemake --cores 2 --configfile smoke.yaml --config 'seeds=[0,1]'")
    made = smoke.jobs()
    assert {folder for folder in made if folder.startswith("models/")} == {
        "models/smoke/random/seed1",
        "models/smoke/triplet-semihard/seed1",
    }
    seeds = {line.split(",")[3] for line in (smoke.folder / "report/smoke/results.csv").read_text().splitlines()[1:]}
    assert seeds == {"0", "1"}


def test_seeds_with_classes_of_their_own_are_packed_trained_and_evaluated_on_them(smoke: Project) -> None:
    keys = "--config plan=drawn draws=each-seed 'seeds=[4,5]' 'dataset={\"variant\": \"32-drawn\"}'"
    smoke.run(f"snakemake --cores 2 --configfile smoke.yaml {keys}")
    made = smoke.jobs()
    packed = [f"data/packed/glyphs-32-drawn/seed{seed}" for seed in (4, 5)]
    assert set(packed) < made
    first, second = ((smoke.folder / folder / "items.csv").read_text() for folder in packed)
    assert first != second
    for verb in ("models", "embeddings", "metrics"):
        for seed, own in zip((4, 5), packed, strict=True):
            record = json.loads((smoke.folder / f"{verb}/drawn/triplet-semihard/seed{seed}/made.json").read_text())
            assert [place for place in record["inputs"] if place.startswith("data/packed/")] == [own]
    assert "other classes too" in (smoke.folder / "report/drawn/index.html").read_text()
    smoke.run(f"snakemake --cores 2 --configfile smoke.yaml {keys}")
    assert smoke.jobs() == set()


def test_a_mistake_in_the_plan_is_a_message_and_exit_code_two(smoke: Project, tmp_path: Path) -> None:
    for change, expected in (("baseline=rndom", "there is no run 'rndom'"), ("seeds=[x]", "seeds.0")):
        done = smoke.run(f"snakemake -n --configfile smoke.yaml --config '{change}'", check=False)
        assert done.returncode == 2
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
