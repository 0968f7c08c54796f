"""A process that measures one thing, so that its memory is its own and its end is nobody else's."""

import json
import resource
import sys
import tempfile
import traceback
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from hardmine.errors import UserError
from hardmine.loading import loading
from hardmine.processors import limit_threads

from .peak import clock

__all__ = ["main", "work"]

_MODULES = {"train": "training", "evaluate": "evaluation"}


def work(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Measure what a task says.

    Args:
        task: JSON values, see ``hardmine.rehearsing.tasks``.
        folder: for files that are needed meanwhile.

    Raises:
        UserError: the settings do not fit together.
    """
    start = clock()
    with loading():
        module = import_module(f"hardmine.rehearsing.{_MODULES[task['kind']]}")
    loaded = clock() - start
    found: dict[str, Any] = module.rehearse(task, folder)
    return found | {"load_seconds": loaded}


def main(task_file: Path, result_file: Path) -> None:
    """Read a task, write what was measured, or under ``failed`` why it was not."""
    task = json.loads(task_file.read_text(encoding="utf-8"))
    limit_threads(task["threads"])
    resource.setrlimit(resource.RLIMIT_CPU, (task["most_seconds"], task["most_seconds"] + 5))
    try:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
            found = work(task, Path(folder))
    except UserError as error:
        found = {"failed": str(error)}
    except MemoryError:
        found = {"failed": "memory ran out"}
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        found = {"failed": f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"}
        traceback.print_exc()
    result_file.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
