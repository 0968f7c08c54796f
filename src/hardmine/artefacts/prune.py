"""Move what left the plan out of the way of DVC; nothing is deleted."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from .job import Job

__all__ = ["prune", "to_trash"]


def prune(jobs: Sequence[Job], verb: str) -> list[tuple[Path, Path]]:
    """Move what the plan does not make any more to ``scratch/trash/``: folders of runs and seeds, stray files.

    Packed images of seeds stay, since folders of variants are shared by plans.

    Returns:
        The moves made, as (from, to).
    """
    mine = [job for job in jobs if job.verb == verb]
    kept = {Path(job.folder) for job in mine}
    shared = verb == "preprocess"
    roots = {folder.parents[1] for folder in kept if len(folder.parts) == 4 and not shared}
    if verb == "tune" and jobs:  # a plan that tunes nothing any more has no such jobs
        roots.add(Path("tuning", jobs[0].plan))
    name = "*" if verb == "tune" else "seed*"
    within = [folder for root in sorted(roots) for folder in sorted(root.glob(f"*/{name}")) if folder.is_dir()]
    strays = [folder for folder in within if folder not in kept]
    for job in mine:
        found = sorted(Path(job.folder).glob("*" if shared else "**/*"))
        strays += [path for path in found if path.is_file() and str(path) not in job.files]
    moves = to_trash(strays)
    for run_folder in [folder for root in roots if root.is_dir() for folder in root.iterdir()]:
        if run_folder.is_dir() and not any(run_folder.iterdir()):
            run_folder.rmdir()
    return moves


def to_trash(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Move files and folders to a new folder of ``scratch/trash/``; returns the moves as (from, to)."""
    trash = Path("scratch", "trash", time.strftime("%Y%m%d-%H%M%S"))
    number = 1
    while trash.exists():
        trash = trash.with_name(f"{trash.name.partition('.')[0]}.{number}")
        number += 1
    moves = []
    for path in paths:
        target = trash / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
        moves.append((path, target))
    return moves
