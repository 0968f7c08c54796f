"""Where the files of a project are: in the installed package, or at the root of the clone that it is installed from."""

from pathlib import Path

from hardmine.errors import UserError, nearest
from hardmine.settings import read_yaml

__all__ = ["FILES", "chosen_plan", "project_files"]

FILES = (
    "Snakefile",
    "workflow",
    "profiles",
    "params.yaml",
    "experiments",
    "dvc.yaml",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvc/plots",
    ".gitignore",
    ".dvcignore",
)
"""Files and folders of a project, relative to its root; ``pyproject.toml`` puts the same into the wheel."""

_HERE = Path(__file__).parent


def project_files() -> Path:
    """The folder that holds ``FILES``.

    Raises:
        UserError: this installation has none.
    """
    for folder in (_HERE / "project", _HERE.parents[2]):
        if all((folder / name).exists() for name in FILES):
            return folder
    raise UserError(
        f"{_HERE / 'project'}: missing or not complete; this installation lacks the files of a project. Install "
        "hardmine again."
    )


def chosen_plan(source: Path, name: str | None) -> tuple[str, Path]:
    """The name of a plan, and its file.

    Args:
        source: the folder of ``project_files``.
        name: of a plan in ``experiments/``; the plan of ``params.yaml`` unless given.

    Raises:
        UserError: there is no plan of this name.
    """
    headline = source / "params.yaml"
    plans = {str(read_yaml(headline)["plan"]): headline}
    plans |= {path.stem: path for path in sorted((source / "experiments").glob("*.yaml"))}
    name = next(iter(plans)) if name is None else name
    if name not in plans:
        raise UserError(f"--plan {name}: there is no such plan{nearest(name, plans)}; there are {', '.join(plans)}.")
    return name, plans[name]
