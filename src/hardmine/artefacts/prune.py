"""Move what left the plan out of the way of DVC; nothing is deleted."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from .job import Job

__all__ = ["prune"]


def prune(jobs: Sequence[Job], verb: str) -> list[tuple[Path, Path]]:
    """Move folders of runs and seeds that are no longer in the plan to ``scratch/trash/``.

    Only verbs with one folder a run and seed (train, embed, evaluate) have anything to prune.

    Returns:
        The moves made, as (from, to).
    """
    mine = [job for job in jobs if job.verb == verb]
    kept = {Path(job.folder) for job in mine}
    roots = {folder.parents[1] for folder in kept if len(folder.parts) == 4}
    trash = Path("scratch", "trash", time.strftime("%Y%m%d-%H%M%S"))
    moves = []
    for root in sorted(roots):
        for seed_folder in sorted(root.glob("*/seed*")):
            if seed_folder not in kept:
                target = trash / seed_folder
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(seed_folder, target)
                moves.append((seed_folder, target))
        for run_folder in sorted(root.iterdir()):
            if run_folder.is_dir() and not any(run_folder.iterdir()):
                run_folder.rmdir()
    return moves
