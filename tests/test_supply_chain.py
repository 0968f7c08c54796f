"""Least rights, and nothing that may change under its name, where others' programs are run."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_no_more_and_pins_what_it_uses(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    assert content["permissions"] == {"contents": "read"}
    steps = [step for job in content["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_only_two_jobs_may_more_and_they_run_nothing_of_the_project() -> None:
    rights = {}
    for path in WORKFLOWS:
        assert "secrets." not in path.read_text()
        jobs = yaml.safe_load(path.read_text())["jobs"]
        rights |= {(path.name, name): job for name, job in jobs.items() if "permissions" in job}
    site, release = rights.pop(("docs.yml", "publish")), rights.pop(("release.yml", "publish"))
    assert rights == {}
    for job in (site, release):
        assert [step for step in job["steps"] if "run" in step or "checkout" in step["uses"]] == []
    assert site["permissions"] == {"pages": "write", "id-token": "write"}
    assert site["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert release["permissions"] == {"id-token": "write"}
    assert release["environment"] == "release"


def test_a_release_is_a_tag_that_was_tested_built_checked_and_installed() -> None:
    content = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert content[True] == {"push": {"tags": ["v*"]}}  # YAML reads the key "on" as true
    needed, waiting = set(), {"publish"}
    while waiting:
        needed |= waiting
        waiting = {name for each in waiting for name in content["jobs"][each].get("needs", [])} - needed
    assert needed == set(content["jobs"])


def test_the_image_runs_as_a_user_without_rights() -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] != "root"
    assert lines.index(f"USER {users[-1]}") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
