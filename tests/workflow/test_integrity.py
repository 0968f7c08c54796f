"""Section "Never a wrong result" of docs/architecture.md: each situation, under Snakemake and under DVC."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest
import yaml
from project import EVERYTHING, Project, of_run

pytestmark = pytest.mark.workflow

COMMANDS = {"snakemake": "snakemake --cores 2 --quiet all", "dvc": "dvc repro"}
MODELS = {"models/tiny/a/seed0", "models/tiny/b/seed0"}
METRICS = {"metrics/tiny/a/seed0", "metrics/tiny/b/seed0"}
DATA = {"data/raw/glyphs", "data/packed/glyphs-tiny"}
TRAIN_OF_ONE = {"train_run", "embed_run", "evaluate_run", "figures_plan"}


@pytest.fixture(params=list(COMMANDS))
def command(request: pytest.FixtureRequest) -> str:
    """The two ways to run the project."""
    return COMMANDS[request.param]


def test_models_are_larger_than_the_size_up_to_which_snakemake_compares_contents(finished: Project) -> None:
    assert (finished.folder / "models/tiny/a/seed0/model.safetensors").stat().st_size > 1_000_000


def test_a_second_call_does_nothing(project: Project, command: str) -> None:
    project.run(command)
    assert project.jobs() == set()
    assert project.planned() == set()
    project.verify()


def test_an_edited_setting_runs_that_run_only(project: Project) -> None:
    """Under DVC a fresh clone shows it, below."""
    project.edit(b=0.003)
    assert project.planned() == TRAIN_OF_ONE
    project.run(COMMANDS["snakemake"])
    assert project.jobs() == of_run("b")
    project.verify()


def test_a_dry_run_of_an_edit_leaves_nothing_behind(project: Project, command: str) -> None:
    project.edit(b=0.003)
    assert project.planned() == TRAIN_OF_ONE
    project.run("git checkout -q params.yaml && dvc checkout -q")
    project.run(command)
    assert project.jobs() == set()
    assert project.run("git status --porcelain").stdout == ""
    project.verify()


def test_going_back_to_an_older_commit_and_forward_again_runs_nothing(project: Project) -> None:
    project.edit(b=0.003)
    project.run("dvc repro")
    project.commit("another rate")
    project.jobs()
    for commit in ("HEAD~1", "main"):
        project.run(f"git checkout -q {commit} && dvc checkout -q")
        assert project.planned() == set()
        for command in COMMANDS.values():
            project.run(command)
            assert project.jobs() == set()
        project.verify()


def test_an_edit_in_a_fresh_clone_runs_that_run_only(clone: Project, command: str) -> None:
    assert clone.planned() == set()
    clone.edit(b=0.003)
    clone.run(command)
    assert clone.jobs() == of_run("b")
    clone.verify()


def test_arbitrary_times_after_a_restored_cache_do_not_matter(project: Project, command: str) -> None:
    draw = random.Random(0)
    for name in ("data", "models", "embeddings", "metrics", "report"):
        for path in (project.folder / name).rglob("*"):
            time = 1_600_000_000 + draw.randrange(10**8)
            os.utime(path, (time, time))
    project.edit(b=0.003)
    project.run(command)
    assert project.jobs() == of_run("b")
    project.verify()


def test_an_experiment_in_a_temporary_folder_trains_with_its_setting(project: Project) -> None:
    project.run("dvc exp run --temp -q -S 'runs.b.training.learning_rate=0.003'")
    assert project.jobs() == of_run("b")
    names = project.run("dvc exp list --name-only").stdout.split()
    project.run(f"dvc exp apply -q {names[0]}")
    assert (
        yaml.safe_load((project.folder / "params.yaml").read_text())["runs"]["b"]["training"]["learning_rate"] == 0.003
    )
    assert project.planned() == set()
    project.verify()


LOSS = ("methods/baselines/loss.py", "cutoff=0.5", "cutoff=0.6")
METRIC = ("retrieval/clustering.py", "\n\n\n", "\n\n\nEDITED = 1\n\n\n")
PAGE = ("figures/page.css", "margin", "padding")
MESSAGE = ("training/loop.py", "all embeddings fell onto one point", "it collapsed")
COMMAND_LINE = ("verbs.py", "time.monotonic() - start", "0")
EDITS = {
    "a loss": ([LOSS], EVERYTHING - DATA),
    "a metric and the page": ([METRIC, PAGE], METRICS | {"report/tiny"}),
    "a message and the command line": ([MESSAGE, COMMAND_LINE], set()),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_code_makes_again_what_it_decides_and_nothing_else(
    project: Project, command: str, edit: str
) -> None:
    edits, expected = EDITS[edit]
    for file, old, new in edits:
        path = project.folder / "src/hardmine" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    if expected:
        said = project.run("snakemake -n --quiet all").stderr
        lines = [line for line in said.splitlines() if line.startswith("code: ") and " changed: " in line]
        assert all(any(file in line for line in lines) for file, *_ in edits), said
    project.run(command)
    made = project.jobs()
    if edit == "a loss":  # equal models and embeddings spare what reads them
        assert {name for name in made if name.startswith("models")} == MODELS
        assert made <= expected
    else:
        assert made == expected
    project.verify()
    assert project.planned() == set()


def test_a_refactoring_is_accepted_after_a_remake_of_each_run(project: Project) -> None:
    loss = project.folder / "src/hardmine/methods/baselines/loss.py"
    text = loss.read_text()
    loss.write_text(f"{text}\n\nUNUSED = 1\n")
    assert project.planned() == {"train_run", "embed_run", "evaluate_run", "figures_plan"}
    said = project.run("hardmine accept").stdout
    assert "models/tiny/a/seed0: equal under the present code" in said
    assert "4 of 4 remakes were equal." in said
    assert project.planned() == set()
    project.verify()
    record = json.loads((project.folder / "models/tiny/b/seed0/made.json").read_text())
    assert record["accepted"]["remade"] == "models/tiny/b/seed0"
    project.jobs()
    loss.write_text(text.replace("temperature=settings.temperature", "temperature=2 * settings.temperature"))
    done = project.run("hardmine accept train", check=False)
    assert done.returncode == 2
    assert "models/tiny/a/seed0: equal under the present code" in done.stdout
    assert "models/tiny/b/seed0: other bytes under the present code (scratch/remake/models/tiny/b/seed0/" in done.stdout
    project.jobs()
    project.run(COMMANDS["snakemake"])
    assert {name for name in project.jobs() if name.startswith("models")} == {"models/tiny/b/seed0"}


def test_drawn_artefacts_are_made_again_and_compared(project: Project) -> None:
    assert project.run("hardmine verify evaluate --remake 2").stdout.count("made again, equal") == 2
    record, file = (project.folder / "metrics/tiny/a/seed0" / name for name in ("made.json", "metrics.json"))
    file.write_text(file.read_text().replace("0", "1"))  # somebody edits a result, and its record too
    content = json.loads(record.read_text())
    content["outputs"]["metrics.json"] = hashlib.sha256(file.read_bytes()).hexdigest()
    record.write_text(json.dumps(content))
    done = project.run("hardmine verify evaluate --remake 2", check=False)
    assert done.returncode == 2
    assert "metrics/tiny/a/seed0: made again, other bytes: scratch/remake/metrics/tiny/a/seed0/metrics.json" in done.stdout


def test_code_that_changes_while_a_job_runs_fails_the_job(project: Project) -> None:
    project.edit(b=0.003)
    settings = project.folder / "scratch/settings/tiny/models/tiny/b/seed0.json"
    project.run("hardmine settle")
    loop = project.folder / "src/hardmine/training/loop.py"
    text = loop.read_text()
    loop.write_text(text.replace("    progress.close()\n", "    progress.close()\n    _edit()\n") + EDITS_ITSELF)
    done = project.run(f"hardmine train {settings} --device cpu", check=False)
    assert done.returncode == 2
    assert "training/loop.py changed while it was made. Run the same command again." in done.stderr
    assert not (project.folder / "models/tiny/b/seed0/made.json").exists()


EDITS_ITSELF = """

def _edit() -> None:
    with open(__file__, "a") as file:
        file.write("X = 1\\n")
"""


def test_a_library_of_another_version_is_told_and_with_strict_made_again(project: Project, command: str) -> None:
    record = project.folder / "models/tiny/b/seed0/made.json"
    content = json.loads(record.read_text())
    content["made_with"]["torch"] = "2.0.0"
    record.write_text(json.dumps(content))
    project.run(command)
    assert project.jobs() == set()
    told = project.run("hardmine verify").stdout
    assert "warning: 1 artefacts were made with torch 2.0.0, now " in told
    plan = yaml.safe_load((project.folder / "params.yaml").read_text()) | {"versions": "strict"}
    project.write_plan(plan)
    project.run(command)
    assert "models/tiny/b/seed0" in project.jobs()
    project.verify()


def test_packed_images_with_other_content_train_everything_again(project: Project, command: str) -> None:
    plan = yaml.safe_load((project.folder / "params.yaml").read_text())
    plan["dataset"]["noise"] = 10
    project.write_plan(plan)
    project.run(command)
    assert project.jobs() == EVERYTHING - {"data/raw/glyphs"}
    project.verify()


def test_a_missing_record_makes_that_artefact_again_and_equal_bytes_spare_the_rest(project: Project) -> None:
    before = (project.folder / "models/tiny/b/seed0/model.safetensors").read_bytes()
    (project.folder / "models/tiny/b/seed0/made.json").unlink()
    project.run(COMMANDS["snakemake"])
    assert "models/tiny/b/seed0" in project.jobs()
    assert (project.folder / "models/tiny/b/seed0/model.safetensors").read_bytes() == before
    assert project.planned() == set()
    project.verify()


def test_many_dry_runs_do_not_hide_a_pending_job(project: Project) -> None:
    project.edit(a=0.004, b=0.003)
    for _ in range(3):
        assert project.planned() == TRAIN_OF_ONE
    project.run(COMMANDS["snakemake"])
    assert project.jobs() == of_run("a") | of_run("b")


def test_runs_that_left_the_plan_are_moved_out_of_the_recorded_folders(project: Project) -> None:
    plan = yaml.safe_load((project.folder / "params.yaml").read_text())
    del plan["runs"]["b"]
    project.write_plan(plan)
    project.run("dvc repro")
    assert project.jobs() == {"report/tiny"}
    assert not (project.folder / "models/tiny/b").exists()
    assert list((project.folder / "scratch/trash").glob("*/models/tiny/b/seed0/model.safetensors"))
    project.verify()


def test_altered_bytes_are_found_by_verify(project: Project) -> None:
    path = project.folder / "models/tiny/b/seed0/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    found = project.run("hardmine verify train", check=False)
    assert found.returncode == 2
    assert "models/tiny/b/seed0/model.safetensors: its content is not what" in found.stderr
    assert "Traceback" not in found.stderr


def test_two_plans_do_not_share_a_folder_for_different_images(project: Project, tmp_path: Path) -> None:
    plan = yaml.safe_load((project.folder / "params.yaml").read_text())
    plan |= {"plan": "other", "dataset": {**plan["dataset"], "noise": 3}}
    (project.folder / "other.yaml").write_text(yaml.safe_dump(plan))
    done = project.run("snakemake -n --configfile other.yaml", check=False)
    assert done.returncode == 2
    assert "'tiny'" in done.stderr
    assert "dataset.variant" in done.stderr
