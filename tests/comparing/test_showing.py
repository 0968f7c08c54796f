from pathlib import Path

import pytest
import yaml

from hardmine.cli import accept, verify
from hardmine.comparing.belonging import record_of_report
from hardmine.comparing.showing import show_chosen, show_results
from hardmine.errors import UserError
from hardmine.settings import read_plan

PLAN = {
    "plan": "small",
    "baseline": "random",
    "dataset": {"name": "glyphs"},
    "tuning": {"trials": 16},
    "runs": {"random": {"method": "random"}, "triplet": {"method": "triplet", "selection": "semihard"}},
}
MAKES = "'snakemake --cores all --configfile small.yaml' makes it."


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a plan of which nothing is made; the working folder."""
    Path(tmp_path, "Snakefile").touch()
    for name in ("small.yaml", "params.yaml"):
        Path(tmp_path, name).write_text(yaml.safe_dump(PLAN))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(command: object, *arguments: object) -> str:
    with pytest.raises(UserError) as error:
        command(*arguments)  # type: ignore[operator]
    return str(error.value)


def test_where_nothing_is_made_the_command_names_the_plan_that_was_asked_for(project: Path) -> None:
    plan = read_plan(Path("small.yaml"))
    assert said(show_results, plan, Path("small.yaml"), False).endswith(f"nothing of it is made here. {MAKES}")
    assert said(show_results, plan, Path("params.yaml"), False).endswith("'snakemake --cores all' makes it.")


def test_before_the_choice_is_made_the_runs_without_one_and_the_plan_are_named(project: Path) -> None:
    plan = read_plan(Path("small.yaml"))
    assert plan.searched == ["triplet"]
    assert said(show_chosen, plan, Path("small.yaml")) == f"small.yaml: nothing is chosen here yet for triplet. {MAKES}"


def test_verify_names_the_plan_in_both_commands(project: Path) -> None:
    assert said(verify, "all", Path("small.yaml"), False, 0).endswith(
        "\n'hardmine verify --plan small.yaml --repair' has the next "
        "'snakemake --cores all --configfile small.yaml' make them again."
    )
    assert said(verify, "all", Path("params.yaml"), False, 0).endswith(
        "\n'hardmine verify --repair' has the next 'snakemake --cores all' make them again."
    )


def test_accept_names_the_plan_where_something_differs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardmine.artefacts.accept", lambda *_: [("models/small: other bytes", False)])
    monkeypatch.setattr("hardmine.artefacts.hold_workflow", lambda: None)
    assert said(accept, "all", Path("small.yaml")).endswith(
        "'snakemake --cores all --configfile small.yaml' makes them again."
    )


def test_below_the_project_its_folder_is_named_and_no_workflow(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    source = Path("../small.yaml")
    plan = read_plan(source)
    here = f"There is no project here: {project}/sub has no Snakefile. Run it in the project's folder, {project}, "
    for message in (
        said(show_results, plan, source, False),
        said(show_chosen, plan, source),
        said(record_of_report, plan, source),
        said(verify, "all", source, False, 0),
    ):
        assert here in message
        assert "snakemake" not in message


def test_a_folder_in_which_plans_were_settled_is_a_project_without_a_snakefile(project: Path) -> None:
    Path("Snakefile").rename("scratch")
    assert MAKES in said(show_results, read_plan(Path("small.yaml")), Path("small.yaml"), False)
    Path("scratch").unlink()
    assert said(show_results, read_plan(Path("small.yaml")), Path("small.yaml"), False).endswith(
        f"{project} has no Snakefile. Run it in the project's folder, and name the plan as seen from there."
    )
