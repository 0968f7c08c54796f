"""What DVC shows of a finished project."""

import pytest
from project import Project, of_run

pytestmark = pytest.mark.workflow


def test_an_experiment_in_place_runs_what_it_touches_and_is_compared(project: Project) -> None:
    project.run("dvc exp run -q -S 'runs.b.training.learning_rate=0.01'")
    assert project.jobs() == of_run("b")
    difference = project.run("dvc metrics diff").stdout
    assert "validation.b.MAP@R" in difference
    assert "a.MAP@R" not in difference
    shown = project.run("dvc exp show --csv").stdout
    assert shown.index("validation.a.R@1") < shown.index("test.a.R@1")
    assert "runs.b.training.learning_rate" in shown
    project.run("dvc plots show")
    page = (project.folder / "dvc_plots/index.html").read_text()
    assert "strokeDash" in page
    assert "recall.png" in page
