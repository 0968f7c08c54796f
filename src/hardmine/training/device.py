"""Device and threads."""

import os
import re

import torch

from hardmine.errors import UserError

__all__ = ["prepare_device"]


def prepare_device(name: str, threads: int) -> torch.device:
    """Set the threads, make arithmetic repeatable, and choose the device.

    Args:
        name: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:<n>``.
        threads: of torch.

    Raises:
        UserError: a GPU is asked for where there is none.
    """
    torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UserError(f"--device {name}: is no device; allowed: auto, cpu, cuda, cuda:<n>.")
    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            raise UserError(f"--device {name}: torch sees no GPU; use --device cpu or auto.")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        # On the CPU the operators used are repeatable at a given thread count, and this call costs 1.3 s of imports.
        torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device(name)
