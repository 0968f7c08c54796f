"""Devices of one machine shared out among its processes: each holds one, none holds another's.

A device is held by an ``flock`` on a file of the machine's temporary folder, so a dead process's device is free.
"""

import fcntl
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

__all__ = ["hold_device"]

_held: list[IO[str]] = []  # open for as long as the process lives


def hold_device(devices: Sequence[str], interval: float = 0.2) -> str:
    """Take the first free device for the rest of this process; wait for one where all are held.

    Args:
        devices: names under which all processes of the machine know the devices; not empty.
        interval: seconds between two looks.
    """
    folder = Path(tempfile.gettempdir(), "hardmine-devices")
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        folder.chmod(0o1777)  # other users share the devices too
    waiting = False
    while True:
        for device in devices:
            if _take(folder / device.replace("/", "-")):
                return device
        if not waiting:
            print(f"all devices are in use ({', '.join(devices)}); waiting for one", flush=True)
            waiting = True
        time.sleep(interval)


def _take(path: Path) -> bool:
    try:
        file = open(path)  # noqa: SIM115 - held open on purpose; creating another user's file anew is forbidden
    except FileNotFoundError:
        file = open(path, "a")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _held.append(file)
    return True
