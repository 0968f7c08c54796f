"""Device, threads and memory."""

import ctypes
import os
import re

import torch
from torch.utils import deterministic

from hardmine.artefacts import devices_here, hold_device, listed_devices, note_circumstance
from hardmine.errors import UserError

__all__ = ["prepare_device"]

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_held: list[str] = []
"""The device that this process holds: one that makes several artefacts keeps the first's."""


def prepare_device(name: str, threads: int, alone: bool = False, gradients: bool = False) -> torch.device:
    """Set the threads, keep freed memory, make arithmetic repeatable, and choose the device.

    float32 means float32 on a GPU too: convolutions do not round to TF32. Some operators have no repeatable form
    there; torch says so when they are used.

    Args:
        name: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:<n>``.
        threads: of torch.
        alone: hold the GPU for the rest of this process, see no other, and wait for one where all are held.
        gradients: make those repeatable too in several threads of the processor, which takes 1.3 s of imports.

    Raises:
        UserError: a GPU is asked for where there is none.
    """
    torch.set_num_threads(threads)
    _keep_memory()
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise UserError(f"--device {name}: is no device; allowed: auto, cpu, cuda, cuda:<n>.")
    if alone and name != "cpu":
        name = _hold_one(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
        if alone and name == "cpu" and listed_devices() is None and devices_here():
            raise UserError(
                f"the driver names {devices_here()} GPU(s), but torch {torch.__version__} (CUDA {torch.version.cuda}) "
                "can use none: the driver may be too old for it, or its device nodes closed to you ('nvidia-smi' "
                "says). --resources gpu=0, or HARDMINE_DEVICES= in the environment, keeps to the processor."
            )
    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            raise UserError(f"--device {name}: torch sees no GPU; use --device cpu or auto.")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
    if name.startswith("cuda") or (gradients and threads > 1):
        torch.use_deterministic_algorithms(True, warn_only=True)
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a search for faults, and slow
    device = torch.device(name)
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    note_circumstance("device", kind)
    note_circumstance("instructions", torch.backends.cpu.get_cpu_capability())
    return device


def _keep_memory() -> None:
    """Have glibc keep freed memory for the next step, which asks for the same sizes, instead of returning it.

    Pages that the system hands out anew cost a page fault each: 6 to 24 % of a training step on two cores.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    set_option(_M_MMAP_THRESHOLD, 2**30)
    set_option(_M_TRIM_THRESHOLD, 2**31 - 1)


def _hold_one(name: str) -> str:
    """Take a device of those that may be shared out and hide the others; what is left to choose is returned."""
    if _held and os.environ.get("CUDA_VISIBLE_DEVICES") == _held[0]:
        return name.partition(":")[0]
    devices = _shared()
    _, _, number = name.partition(":")
    if number:
        different = list(dict.fromkeys(devices))
        if int(number) >= len(different):
            return name
        devices = [device for device in devices if device == different[int(number)]]
    if not devices:
        return name
    _held[:] = [hold_device(devices)]
    os.environ["CUDA_VISIBLE_DEVICES"] = _held[0]
    print(f"device {os.environ['CUDA_VISIBLE_DEVICES']}", flush=True)
    return name.partition(":")[0]


def _shared() -> list[str]:
    """Devices that the jobs of this machine share out: none under Slurm, which has given this job its own."""
    if "SLURM_JOB_ID" in os.environ:
        return []
    listed = listed_devices()
    return [str(number) for number in range(torch.cuda.device_count())] if listed is None else listed
