"""``hardmine init``: a project laid out from the installed wheel, whole or not at all."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from search_tools import refused, succeeded

from hardmine.artefacts import digests_of
from hardmine.settings import jobs_of, read_plan
from hardmine.starting import layout, sources

ROOT = Path(__file__).parents[2]


def asked(command: str, folder: Path, installed: Path) -> str:
    """What a command prints under the installed wheel, which ends well."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "PYTHONPATH": str(installed), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, shell=True, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def tracked() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *sources.FILES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return set(listed.split())


def test_the_wheel_carries_what_git_knows_of_a_project_and_modules_without_tests(installed: Path) -> None:
    project = installed / "hardmine/starting/project"
    assert files_of(project) == tracked()
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"hardmine"}
    forced = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert forced["force-include"] == {name: f"hardmine/starting/project/{name}" for name in sources.FILES}


@pytest.mark.workflow
def test_a_project_from_the_wheel_is_valid_and_dry_runs_under_snakemake_and_dvc(
    installed: Path, tmp_path: Path
) -> None:
    command = f"{sys.executable} -m hardmine.cli"
    asked(f"{command} init project --plan smoke", tmp_path, installed)
    project = tmp_path / "project"
    assert files_of(project) == tracked() | {"README.md", "plan.schema.json"}
    assert "plan 'smoke' on glyphs" in asked(f"{command} check", project, installed)
    planned = asked(f"{sys.executable} -m snakemake --cores all -n", project, installed)
    assert "train_run" in planned
    asked("git init -q", project, installed)
    assert "digests" in asked(f"{sys.executable} -m dvc repro digests", project, installed)
    jobs = jobs_of(read_plan(ROOT / "experiments/smoke.yaml"))
    assert (project / "digests/smoke.json").read_text() == digests_of(jobs)  # code as in a clone: nothing is outdated
    for stage in yaml.safe_load((project / "dvc.yaml").read_text())["stages"].values():
        for name in [one for one in stage.get("deps", []) if "$" not in one and not one.startswith("data/")]:
            assert (project / name).is_file(), name


def test_the_plan_in_force_is_the_headline_or_the_one_that_is_named(tmp_path: Path) -> None:
    assert "the plan 'glyphs'" in succeeded("init", tmp_path / "first")
    assert "the plan 'folder'" in succeeded("init", tmp_path / "second", "--plan", "folder")
    first = (tmp_path / "first/params.yaml").read_text()
    line, _, rest = (ROOT / "params.yaml").read_text().partition("\n")
    assert first.partition("\n")[2].replace(f"{layout._DOCS}\n", "") == rest
    assert (tmp_path / "first" / first.partition("\n")[0].partition("$schema=")[2]).is_file()
    assert line != first.partition("\n")[0]
    page = (tmp_path / "second/README.md").read_text()
    assert "report/folder/index.html" in page
    assert "`folder.yaml` trains on pictures of your own" not in page  # the plan in force does
    assert "`folder.yaml` trains on pictures of your own" in (tmp_path / "first/README.md").read_text()
    refused(
        "init", tmp_path / "third", "--plan", "smoky", message=r"no such plan \(did you mean 'smoke'\?\); there are"
    )
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("plan", ["folder", "smoke", "hdc-cub200"])
def test_remarks_of_the_plan_in_force_are_true_in_its_project(plan: str, tmp_path: Path) -> None:
    succeeded("init", tmp_path / "mine", "--plan", plan)
    source, text = (ROOT / f"experiments/{plan}.yaml").read_text(), (tmp_path / "mine/params.yaml").read_text()
    assert yaml.safe_load(text) == yaml.safe_load(source)
    assert "--configfile" not in text
    assert ("docs/" in text) == ("not in this project" in text.partition("\nplan:")[0])
    if plan == "folder":
        assert "snakemake --config 'dataset={path: pictures}' --cores all\n" in text
    assert not (tmp_path / "mine/docs").exists()


def test_an_empty_folder_is_filled_and_stays_the_folder_that_it_was(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o750)
    before = (tmp_path / "empty").stat()
    succeeded("init", tmp_path / "empty")
    after = (tmp_path / "empty").stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert os.access(tmp_path / "empty/Snakefile", os.R_OK)


def test_what_is_in_the_way_is_named_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("README.md", ".gitignore", "a.txt", "params.yaml"):
        (folder / name).write_text("mine")
    (folder / "experiments").mkdir()
    (folder / "Snakefile").symlink_to("nowhere")
    found = r"\.gitignore, README\.md, Snakefile, experiments, params\.yaml"
    refused("init", folder, message=f"has {found} already, .*nothing is overwritten.* does not exist yet")
    refused("init", folder / "a.txt", message="is no folder")
    refused("init", tmp_path / "no/such/place", message="there is no folder .*no/such to make it in")
    assert files_of(tmp_path) == {f"mine/{name}" for name in ("README.md", ".gitignore", "a.txt", "params.yaml")}
    assert {(folder / name).read_text() for name in ("README.md", ".gitignore", "a.txt", "params.yaml")} == {"mine"}


def test_pictures_and_a_repository_that_are_there_are_in_nobodys_way(tmp_path: Path) -> None:
    own = {"pictures/apple/1.jpg", "pictures/README.md", ".git/HEAD", "LICENSE"}
    for name in own:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(f"mine: {name}")
    succeeded("init", tmp_path / "mine", "--plan", "folder")
    assert files_of(tmp_path / "mine") == own | tracked() | {"README.md", "plan.schema.json"}
    assert all((tmp_path / "mine" / name).read_text() == f"mine: {name}" for name in own)


def test_every_name_that_a_project_brings_is_refused_where_it_is_there(tmp_path: Path) -> None:
    succeeded("init", tmp_path / "made")
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    refused("init", tmp_path / "made", message=re.escape(f"has {', '.join(names)} already"))


@pytest.mark.parametrize("there", [False, True])
def test_after_a_failure_nothing_is_left(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if there:
        (tmp_path / "project").mkdir()
        rename, moved = Path.rename, []

        def fails_at_the_third(path: Path, target: Path) -> Path:
            moved.append(path)
            if len(moved) == 3:
                raise OSError(28, "No space left on device")
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", fails_at_the_third)
    else:
        monkeypatch.setattr(layout.shutil, "copyfile", _full)
    refused("init", tmp_path / "project", message="cannot be written: No space left on device. Nothing was left")
    assert [path.name for path in tmp_path.iterdir()] == (["project"] if there else [])
    assert files_of(tmp_path) == set()


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_an_installation_without_a_projects_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_HERE", tmp_path / "site/hardmine/starting")
    refused("init", tmp_path / "project", message="this installation lacks the files of a project")
