"""One workflow at a time in a working folder, and no job that outlives its workflow.

Snakemake's own lock needs a manual unlock after SIGKILL, and its jobs live on. An ``flock`` dies with its holder:
the workflow holds one; a job that finds it free, or held by another workflow, stops at once. A workflow that a DVC
stage started stops when that DVC is gone.
"""

import fcntl
import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hardmine.errors import UserError

from .files import open_regular

__all__ = ["hold_job", "hold_workflow", "watch_workflow", "workflow_name"]

_WORKFLOW = Path("scratch", "workflow.lock")
_VARIABLE = "HARDMINE_WORKFLOW"
_held: list[IO[str]] = []  # open for as long as the process lives


def hold_workflow(patience: float = 2.0) -> None:
    """Take the workflow lock for the rest of this process and tell the jobs its name.

    Raises:
        UserError: another workflow holds it after ``patience`` seconds.
    """
    _WORKFLOW.parent.mkdir(parents=True, exist_ok=True)
    file = _open_lock(_WORKFLOW)
    if not _lock(file, patience):
        file.seek(0)
        owner = _owner(file.read())
        raise UserError(
            f"another hardmine workflow is running in {os.getcwd()}"
            + (f" (process {owner['pid']} on {owner['host']})" if owner else "")
            + ". Wait for it to end, or stop it, then run the same command again."
        )
    token = secrets.token_hex(8)
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "token": token}))
    file.flush()
    _held.append(file)
    os.environ[_VARIABLE] = f"{socket.gethostname()}:{token}"
    if "DVC_STAGE" in os.environ:
        _watch_parent()


def _watch_parent(interval: float = 0.25) -> None:
    """Leave at once when the parent is gone: under another parent already (another process group), or from now on."""
    parent = os.getppid()

    def gone() -> bool:
        return os.getppid() != parent or os.getpgid(parent) != os.getpgrp()

    _leave_when(gone, "the DVC that started this workflow is gone; the workflow stops.", interval)


def workflow_name() -> str:
    """Name of the workflow that this process belongs to, alike in all its jobs; empty where there is none."""
    return os.environ.get(_VARIABLE, "")


def watch_workflow(interval: float = 0.25) -> None:
    """In a job: leave at once when the workflow that started it is gone. No effect outside a local workflow."""
    host, _, token = workflow_name().partition(":")
    if not token or host != socket.gethostname():
        return

    _leave_when(lambda: not _alive(token), "the workflow that started this job is gone; the job stops.", interval)


@contextmanager
def hold_job(folder: str, patience: float = 30.0) -> Iterator[None]:
    """Hold the lock of one artefact's folder while it is made.

    Raises:
        UserError: another process makes the same artefact and does not end within ``patience`` seconds.
    """
    path = Path("scratch", "locks", folder.replace("/", "--"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open_lock(path) as file:
        if not _lock(file, patience):
            raise UserError(f"{folder}: another process is making it. Wait for it to end, then run the command again.")
        yield


def _leave_when(gone: Callable[[], bool], message: str, interval: float) -> None:
    def watch() -> None:
        while not gone():
            time.sleep(interval)
        print(f"hardmine: {message}", file=sys.stderr, flush=True)
        os._exit(3)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def _open_lock(path: Path) -> IO[str]:
    """Open a lock for reading and writing at its end, made where it is missing."""
    try:
        return os.fdopen(open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "a+")
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror}. Mend its permissions, or delete it.") from None


def _lock(file: IO[str], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)


def _owner(text: str) -> dict[str, str] | None:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _alive(token: str) -> bool:
    """Whether the workflow of this token still holds the lock."""
    try:
        with os.fdopen(open_regular(_WORKFLOW)) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = _owner(file.read())
                return owner is None or owner["token"] == token
            return False
    except (OSError, UserError):
        return False
