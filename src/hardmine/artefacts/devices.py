"""Devices of one machine shared out among its processes: each holds one, none holds another's.

A device is held by an ``flock`` on a file of the machine's temporary folder, so a dead process's device is free. Other
users share the folder: what they leave there is never followed, waited for or trusted to be a lock.
"""

import fcntl
import os
import pwd
import stat
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["devices_here", "hold_device", "listed_devices", "said_of_devices"]

_DRIVERS = Path("/proc/driver/nvidia/gpus")
_held: list[int] = []  # open for as long as the process lives


def listed_devices() -> list[str] | None:
    """The devices that the environment names, by HARDMINE_DEVICES or CUDA_VISIBLE_DEVICES; None where it names none."""
    listed = os.environ.get("HARDMINE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES"))
    return None if listed is None else [device.strip() for device in listed.split(",") if device.strip()]


def devices_here(drivers: Path = _DRIVERS) -> int:
    """How many GPUs of this machine its jobs may use, counted without importing torch.

    Args:
        drivers: where the driver has a folder for each GPU.
    """
    if _is_without_cuda():
        return 0
    listed = listed_devices()
    return len(listed) if listed is not None else _named_by(drivers)


def said_of_devices(count: int, drivers: Path = _DRIVERS) -> str:
    """What a workflow says of the GPUs that it is going to use."""
    if not count and _is_without_cuda() and (there := _named_by(drivers)):
        return f"{there} GPU{'s' * (there > 1)}, of no use to torch {version('torch')}; trainings run on the processor"
    if not count:
        return "no GPU here; trainings run on the processor"
    listed = listed_devices() or [str(number) for number in range(count)]
    different = len(set(listed))
    alone = "each for one job at a time" if different > 1 else "for one job at a time"
    how = alone if different == len(listed) else f"for {len(listed)} jobs at a time in all"
    return f"{different} GPU{'s' * (different > 1)}, {how} (--resources gpu=0 keeps to the processor)"


def _is_without_cuda() -> bool:
    with suppress(PackageNotFoundError):
        return "+cpu" in version("torch")
    return False


def _named_by(drivers: Path) -> int:
    """How many GPUs the driver names."""
    try:
        return len(list(drivers.iterdir()))
    except OSError:
        return 0


def hold_device(devices: Sequence[str], interval: float = 0.2) -> str:
    """Take the first free device for the rest of this process; wait for one where all are held.

    A device that is named k times is held by k processes at once, but by none that wants it alone; those with the
    fewest holders go first. One whose lock cannot be used (no regular file, another user's without permission to read)
    is told, and taken unlocked where no other is free, rather than never.

    Args:
        devices: names under which all processes of the machine know the devices; not empty.
        interval: seconds between two looks.
    """
    folder = _folder()
    places = sorted((devices[:number].count(device), number) for number, device in enumerate(devices))
    usable = [(devices[number], _locks(folder, devices, number, place)) for place, number in places]
    waiting = False
    while True:
        holders: dict[str, list[str]] = {}
        for device, locks in list(usable):
            try:
                holder = _take(locks)
            except OSError as error:
                usable.remove((device, locks))
                why = f"{error.filename}: {error.strerror}"
                print(f"the lock of device {device} cannot be used ({why})", file=sys.stderr, flush=True)
                continue
            if holder is None:
                return device
            holders.setdefault(device, []).append(holder)
        if not usable:
            device = devices[0]
            print(f"device {device} is taken without a lock: others may use it too", file=sys.stderr, flush=True)
            return device
        if not waiting:
            held = ", ".join(f"{device} by {' and '.join(dict.fromkeys(by))}" for device, by in holders.items())
            print(f"all devices are in use ({held}); waiting for one", flush=True)
            waiting = True
        time.sleep(interval)


def _locks(folder: Path, devices: Sequence[str], number: int, place: int) -> list[tuple[Path, int]]:
    """Files to lock and how: the device's alone, or shared together with a place of one's own."""
    path = folder / devices[number].replace("/", "-")
    if devices.count(devices[number]) == 1:
        return [(path, fcntl.LOCK_EX)]
    return [(path, fcntl.LOCK_SH), (path.with_name(f"{path.name}+{place}"), fcntl.LOCK_EX)]


def _folder() -> Path:
    """The folder of the locks: everybody's, or where that is no real folder one of this user's own."""
    shared = Path(tempfile.gettempdir(), "hardmine-devices")
    with suppress(FileExistsError):
        shared.mkdir()
        shared.chmod(0o1777)  # other users share the devices too
    if stat.S_ISDIR(os.lstat(shared).st_mode) and os.access(shared, os.R_OK | os.X_OK):
        return shared
    own = shared.with_name(f"{shared.name}-{os.getuid()}")
    own.mkdir(mode=0o700, exist_ok=True)
    if not stat.S_ISDIR(os.lstat(own).st_mode) or os.lstat(own).st_uid != os.getuid():
        own = Path(tempfile.mkdtemp(prefix=shared.name))
    print(f"{shared}: cannot be used as a folder; devices are shared out in {own} alone", file=sys.stderr, flush=True)
    return own


def _take(locks: Sequence[tuple[Path, int]]) -> str | None:
    """Take locks, all or none; None where that succeeded, else who holds the first that is not free.

    Raises:
        OSError: one cannot be used.
    """
    taken: list[int] = []
    with ExitStack() as release:
        for path, how in locks:
            taken.append(_open(path))
            release.callback(os.close, taken[-1])
            try:
                fcntl.flock(taken[-1], how | fcntl.LOCK_NB)
            except BlockingIOError:
                return _holder(os.fstat(taken[-1]).st_ino)
        release.pop_all()
    _held.extend(taken)
    return None


def _open(path: Path) -> int:
    """The file of a lock, made where there is none.

    Raises:
        OSError: it cannot be used.
    """
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, os.O_RDONLY | flags)
    except FileNotFoundError:
        with suppress(FileExistsError):
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, 0o666)
            os.fchmod(made, 0o666)  # whatever this user's umask says, others must be able to open it
            os.close(made)
        handle = os.open(path, os.O_RDONLY | flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "is no regular file", str(path))
    return handle


def _holder(inode: int) -> str:
    """Who holds a lock on a file, as the system knows it: process and user."""
    try:
        rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        process = next(int(row[4]) for row in rows if len(row) > 5 and row[5].endswith(f":{inode}") and row[1] != "->")
        user = pwd.getpwuid(os.stat(f"/proc/{process}").st_uid).pw_name
    except (OSError, ValueError, StopIteration, KeyError):
        return "a process that the system does not name"
    return f"process {process} of {user}"
