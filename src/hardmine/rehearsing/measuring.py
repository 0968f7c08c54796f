"""Measurements in processes of their own, several at once, each kept until settings or code change."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hardmine.artefacts import write_text

__all__ = ["KEPT", "measure_all"]

KEPT = Path("scratch", "rehearsal")
"""A file a measurement, named by its key, and one a plan."""
PATIENCE = 300.0, 30.0
"""Seconds of the processor after which a process is ended: so many, and this many times the limit of a part."""


def measure_all(
    tasks: Mapping[str, dict[str, Any]], children: int, again: bool, said: Callable[[int, int, str], None]
) -> dict[str, dict[str, Any]]:
    """Measure tasks, the kept ones aside; each result under its task's key. Failures are results and are not kept.

    Args:
        tasks: by key.
        children: processes at once.
        again: measure what is kept, too.
        said: told of each that is done: how many are, of how many, and what went wrong.
    """
    found = (
        {} if again else {key: kept for key in tasks if "load_seconds" in (kept := _read(KEPT / f"{key}.json") or {})}
    )
    missing = [key for key in tasks if key not in found]

    def measure(key: str) -> dict[str, Any]:
        result = _in_process(tasks[key])
        if "failed" not in result:
            write_text(KEPT / f"{key}.json", json.dumps(result) + "\n")
        return result

    with ThreadPoolExecutor(children) as pool:
        for number, (key, result) in enumerate(zip(missing, pool.map(measure, missing), strict=True), start=1):
            found[key] = result
            said(number, len(missing), result.get("failed", ""))
    return found


def _in_process(task: dict[str, Any]) -> dict[str, Any]:
    """What a process found; under ``failed`` why it found nothing."""
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder, "task.json"), Path(folder, "result.json")
        seconds = round(PATIENCE[0] + PATIENCE[1] * task["limit"])
        places[0].write_text(json.dumps({**task, "most_seconds": seconds}), encoding="utf-8")
        command = [sys.executable, "-m", "hardmine.rehearsing.child", *map(str, places)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=_quiet())
        found = _read(places[1])
        return found if found is not None else {"failed": _why(done.returncode, done.stderr.splitlines(), seconds)}


def _quiet() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore"}


def _why(code: int, lines: Sequence[str], seconds: int) -> str:
    """Why a process left nothing that might take so many seconds."""
    if code == -signal.SIGXCPU:
        return f"was not done after {seconds:,} s of the processor and was ended"
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL): most likely this machine's memory ran out"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return lines[-1] if lines else f"ended with code {code}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
