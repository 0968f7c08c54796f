"""What people are told to install, in one place: right in a clone and of a package, before a release and after.

An extra is asked of the hardmine that is there: pip then keeps it and adds what the extra names, whether an index has
hardmine or not.
"""

import re
import shlex
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["Origin", "extra", "installed_version", "origin", "upgrade"]

RELEASE = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
"""Versions that an index has; all others name no tag."""


@dataclass(frozen=True)
class Origin:
    """Which hardmine this is.

    Attributes:
        version: such as ``0.1.0``, or ``0.1.0.dev3+g1a2b3c4d5`` between tags.
        commit: of the code, hex digits; None where it is not known, or the version is a release.
    """

    version: str
    commit: str | None

    @property
    def released(self) -> bool:
        """Whether an index has it."""
        return self.commit is None and RELEASE.fullmatch(self.version) is not None

    @property
    def install(self) -> str:
        """Shell lines that install it elsewhere."""
        if self.released:
            return f"pip install 'hardmine>={self.version}'"
        checkout = f"git checkout {self.commit} && " if self.commit else ""
        return f"# no release yet: in a clone of the project's repository\n{checkout}pip install ."


def installed_version() -> str:
    """The version of the installed package; ``0+unknown`` where it is only imported from a folder."""
    try:
        return version("hardmine")
    except PackageNotFoundError:
        return "0+unknown"


def origin() -> Origin:
    """The hardmine that runs: of a clone the commit that is checked out, else what its version says."""
    here, clone = installed_version(), _clone()
    if clone is not None and (commit := _head(clone)):
        return Origin(here, commit)
    found = re.search(r"\+g([0-9a-f]+)", here)
    return Origin(here, found[1] if found else None)


def extra(name: str) -> str:
    """The command that adds an extra to this installation.

    Args:
        name: of ``pyproject.toml``: workflow, onnx, timm, serve, slurm.
    """
    clone = _clone()
    if clone is not None:
        return f"pip install -e {shlex.quote(f'{clone}[{name}]')}"
    return f"pip install {shlex.quote(f'hardmine[{name}]')}"


def upgrade() -> str:
    """What brings a newer hardmine, as a sentence."""
    clone = _clone()
    if clone is not None:
        return f"Update this clone: git -C {shlex.quote(str(clone))} pull"
    if origin().released:
        return "Upgrade it: pip install --upgrade hardmine"
    return "Upgrade it: pip install . in a newer clone of the project's repository"


def _clone() -> Path | None:
    """The root of the clone that this module lies in; None for an installed package."""
    root = Path(__file__).parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "src/hardmine").is_dir() else None


def _head(clone: Path) -> str | None:
    """The commit that is checked out; None where git does not say."""
    if not (clone / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
