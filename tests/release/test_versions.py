"""Versions come from tags, are told by the command, and outdate nothing that was trained."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from search_tools import succeeded

import hardmine
from hardmine.artefacts import circumstances, digests_of, key_of
from hardmine.artefacts.record import Record
from hardmine.settings import jobs_of, read_plan

ROOT = Path(__file__).parents[2]
DEVELOPMENT = r"\.dev1\+g[0-9a-f]{7,}"


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.email=test@example.org", "-c", "user.name=test", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True)


def tree(folder: Path) -> Path:
    """What the version hangs on, without git."""
    folder.mkdir()
    for name in ("pyproject.toml", ".git_archival.txt", ".gitattributes"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def committed(folder: Path, *tags: str) -> Path:
    """A commit of it, with tags."""
    git(tree(folder), "init", "-q")
    commit(folder)
    for tag in tags:
        git(folder, "tag", "--no-sign", tag)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--no-gpg-sign", "--allow-empty", "-m", "one more")


def version_of(folder: Path) -> str:
    return ProjectMetadata(str(folder), PluginManager()).version


def test_the_version_is_the_tag_of_the_commit(tmp_path: Path) -> None:
    folder = committed(tmp_path / "project", "data-2024", "v1.2.3")
    assert version_of(folder) == "1.2.3"
    git(folder, "archive", "-o", "../archive.tar", "HEAD")
    (tmp_path / "archive").mkdir()
    subprocess.run(["tar", "xf", "../archive.tar"], cwd=tmp_path / "archive", check=True)
    assert version_of(tmp_path / "archive") == "1.2.3"
    commit(folder)
    assert re.fullmatch(rf"1\.2\.4{DEVELOPMENT}", version_of(folder))
    (folder / "pyproject.toml").write_text((folder / "pyproject.toml").read_text() + "\n")
    assert re.fullmatch(rf"1\.2\.4{DEVELOPMENT}\.d\d{{8}}", version_of(folder))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_tags_or_git_a_version_is_there_that_no_index_takes_for_a_release(tmp_path: Path) -> None:
    assert version_of(tree(tmp_path / "bare")) == "0.1.0.dev0"
    folder = committed(tmp_path / "project", "data-2024")
    assert re.fullmatch(rf"0\.1\.0{DEVELOPMENT}", version_of(folder))
    git(folder, "tag", "v1.2.3")
    commit(folder)
    git(tmp_path, "clone", "-q", "--depth", "1", folder.as_uri(), "shallow")
    assert re.fullmatch(rf"0\.1\.0{DEVELOPMENT}", version_of(tmp_path / "shallow"))


def test_the_command_tells_the_version_of_the_wheel(installed: Path) -> None:
    (record,) = installed.glob("*.dist-info/METADATA")
    (version,) = re.findall(r"^Version: (.*)$", record.read_text(), re.MULTILINE)
    command = [sys.executable, "-m", "hardmine.cli", "--version"]
    done = subprocess.run(command, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True)
    assert done.stdout == f"hardmine {version}\n"
    assert succeeded("--version") == f"hardmine {hardmine.__version__}\n"


@pytest.mark.parametrize("plan", ["params.yaml", "experiments/folder.yaml"])
def test_another_version_outdates_nothing(plan: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    jobs = jobs_of(read_plan(ROOT / plan))
    monkeypatch.chdir(tmp_path)
    seen = []
    for version in ("0.1.0", "7.0.0"):
        found = {"hardmine": version}
        monkeypatch.setattr("hardmine.artefacts.circumstances._version", lambda name, found=found: found.get(name, "1"))
        seen.append((digests_of(jobs), [key_of(job) for job in jobs]))
    assert seen[0] == seen[1]
    job = jobs[-1]
    made = circumstances.circumstances(job)
    assert made["hardmine"] == "7.0.0"
    assert circumstances.other_versions(job, Record(job.settings, {}, {}, {}, made | {"hardmine": "0.1.0"})) == []
    assert '"hardmine"' not in seen[0][0]
