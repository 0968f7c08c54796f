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


def test_only_the_job_that_publishes_the_site_may_write_and_runs_nothing_of_a_branch() -> None:
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values()]
    (publishing,) = [job for job in jobs if "permissions" in job]
    assert publishing["permissions"] == {"pages": "write", "id-token": "write"}
    assert publishing["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert [step["uses"].partition("@")[0] for step in publishing["steps"]] == ["actions/deploy-pages"]


def test_the_image_runs_as_a_user_without_rights() -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] != "root"
    assert lines.index(f"USER {users[-1]}") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
