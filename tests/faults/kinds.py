"""The faults: each is done to a running command, and undone by what follows its ``yield``.

A fault yields whether it hit something; one that came too late is drawn again.
"""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import FOLDERS, Run, wait_until
from project import Project

from hardmine.artefacts import VERBS


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        do: injects it.
        verbs: where it may strike; the run has this verb and all after it to do.
        commands: which commands it may strike.
        share: how often it is drawn, relative to the others.
        needs_mount: whether it mounts a file system, which takes root.
        kills: whether no process of the struck run may live on.
    """

    do: Callable[["Struck"], "Iterator[bool]"]
    verbs: tuple[str, ...] = VERBS[1:]
    commands: tuple[str, ...] = ("snakemake", "snakemake", "snakemake", "dvc")
    share: int = 10
    needs_mount: bool = False
    kills: bool = False


@dataclass
class Struck:
    """What a fault may touch: the project, its running command, the drawn choices."""

    project: Project
    command: str
    run: Run
    verb: str
    draw: random.Random


def _kill(struck: Struck, number: signal.Signals, *words: str) -> bool:
    """Signal one process of the run; False where none of the name lives."""
    found = struck.run.processes(*words)
    if not found:
        return False
    os.kill(struck.draw.choice(found).pid, number)
    return True


def kill_job(struck: Struck) -> Iterator[bool]:
    """SIGKILL to a running job of the verb."""
    yield _kill(struck, signal.SIGKILL, "hardmine", struck.verb)


def stop_training(struck: Struck) -> Iterator[bool]:
    """A scheduler's notice: SIGTERM to training."""
    yield _kill(struck, signal.SIGTERM, "hardmine", "train")


def kill_snakemake(struck: Struck) -> Iterator[bool]:
    """SIGKILL to Snakemake alone; its jobs have to notice."""
    yield _kill(struck, signal.SIGKILL, "snakemake")


def kill_dvc(struck: Struck) -> Iterator[bool]:
    """SIGKILL to DVC alone; its Snakemake and the jobs have to notice."""
    yield _kill(struck, signal.SIGKILL, "dvc")


def cut_power(struck: Struck) -> Iterator[bool]:
    """SIGKILL to everything at once."""
    hit = not struck.run.ended
    struck.run.stop_all()
    yield hit


def fill_disk(struck: Struck) -> Iterator[bool]:
    """No space left on the project's disk, or next to none."""
    ballast = struck.project.folder / ".ballast"
    left = struck.draw.choice([0, 4096, 100_000])
    hit = not struck.run.ended
    free = shutil.disk_usage(struck.project.folder).free
    with open(ballast, "wb", buffering=0) as file:
        try:
            file.write(bytes(max(0, free - left)))
            while left == 0:
                file.write(bytes(4096))
        except OSError:
            pass
    yield hit
    ballast.unlink()


def make_read_only(struck: Struck) -> Iterator[bool]:
    """A folder of the project turns into a read-only mount."""
    own = FOLDERS[struck.verb]
    folder = struck.project.folder / struck.draw.choice([own, own, "scratch", "logs", ".snakemake"])
    folder.mkdir(parents=True, exist_ok=True)
    hit = not struck.run.ended
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    yield hit
    subprocess.run(["umount", folder], check=True)


def _some_artefact(struck: Struck) -> Path | None:
    """A file that holds something, of any artefact that is there, records, checkpoints and settings included."""
    folder = struck.project.folder
    names = [*FOLDERS.values(), "scratch/train", "scratch/settings", "scratch/seen"]
    paths = [path for name in names for path in sorted((folder / name).rglob("*"))]
    files = [path for path in paths if path.is_file() and path.stat().st_size > 0]
    return struck.draw.choice(files) if files else None


def truncate(struck: Struck) -> Iterator[bool]:
    """A file loses its end."""
    try:
        path = _some_artefact(struck)
        if path:
            os.truncate(path, struck.draw.randrange(path.stat().st_size))
    except FileNotFoundError:  # a temporary file that has got its name meanwhile
        path = None
    yield path is not None


def flip_bytes(struck: Struck) -> Iterator[bool]:
    """A few bytes of a file change; its size stays."""
    try:
        path = _some_artefact(struck)
        if path:
            with open(path, "r+b") as file:
                for _ in range(struck.draw.randint(1, 4)):
                    place = struck.draw.randrange(path.stat().st_size)
                    file.seek(place)
                    old = file.read(1)
                    file.seek(place)
                    file.write(bytes([old[0] ^ struck.draw.randint(1, 255)]))
    except (FileNotFoundError, IndexError):
        path = None
    yield path is not None


def start_twice(struck: Struck) -> Iterator[bool]:
    """The same command a second time; it ends well, or leaves with a message that says why."""
    hit = not struck.run.ended
    second = Run(struck.project, struck.command, f"{struck.run.mark}-second")
    status = second.wait()
    text = second.log.read_text()
    assert "Traceback" not in text, text
    assert status == 0 or "another hardmine workflow is running" in text or "locked" in text or "busy" in text, text
    assert wait_until(lambda: struck.run.ended, 300)
    assert struck.run.process.returncode == 0, struck.run.log.read_text()
    yield hit


KINDS: dict[str, Kind] = {
    "training killed": Kind(kill_job, verbs=("train",), share=16),
    "another job killed": Kind(kill_job, verbs=("preprocess", "embed", "evaluate", "figures")),
    "training told to stop": Kind(stop_training, verbs=("train",), share=8),
    "Snakemake killed": Kind(kill_snakemake, commands=("snakemake",), share=16, kills=True),
    "DVC killed": Kind(kill_dvc, commands=("dvc",), share=10, kills=True),
    "power cut": Kind(cut_power, kills=True),
    "disk full": Kind(fill_disk, needs_mount=True, share=12),
    "folder read-only": Kind(make_read_only, needs_mount=True),
    "file truncated": Kind(truncate),
    "bytes flipped": Kind(flip_bytes, share=12),
    "started twice": Kind(start_twice, share=6),
}


@contextmanager
def done(kind: Kind, struck: Struck) -> Iterator[bool]:
    """Inject on entry, undo on exit."""
    steps = kind.do(struck)
    hit = next(steps)
    try:
        yield hit
    finally:
        for _ in steps:
            raise AssertionError("a fault yields once")
