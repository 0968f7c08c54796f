"""Checkpoints: whole, tied to the settings and inputs they belong to, never part of an artefact."""

import hashlib
import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hardmine.artefacts import Job, key_of, note_earlier, writing

__all__ = ["Checkpoints"]

_SHARE = 0.02
"""Largest share of the time of training that goes into writing checkpoints."""


class Checkpoints:
    """The newest two states of one training, and when the next is due.

    A file is the SHA-256 of what follows (32 bytes), then what ``torch.save`` writes: torch itself overlooks altered
    bytes. The older one is read where the newer is damaged.

    Args:
        job: the training; its ``checkpoint_seconds`` is the shortest time between two checkpoints.
        device: whose random numbers are kept beside those of the processor.
    """

    def __init__(self, job: Job, device: torch.device) -> None:
        self._key = key_of(job)
        self._cuda = device.type == "cuda"
        self._newest = job.scratch / "checkpoint.pt"
        self._previous = job.scratch / "checkpoint.previous.pt"
        self._pause = float(job.where["checkpoint_seconds"])
        self._start, self._earlier = time.monotonic(), 0.0
        self._due = self._start + self._pause

    def due(self) -> bool:
        """Whether it is time for the next one: slow writing makes them rarer."""
        return time.monotonic() >= self._due

    def save(self, state: dict[str, Any]) -> None:
        """Write the state of training, with the random numbers of torch, under the job's key."""
        start = time.monotonic()
        cuda = torch.cuda.get_rng_state_all() if self._cuda else []
        buffer = io.BytesIO()
        content = {"key": self._key, "torch": torch.get_rng_state(), "cuda": cuda, "state": _plain(state)}
        torch.save(content | {"seconds": self._earlier + start - self._start}, buffer)
        with writing(self._newest) as temporary:
            if self._newest.exists():
                os.replace(self._newest, self._previous)
            with open(temporary, "wb") as file:
                file.write(hashlib.sha256(buffer.getbuffer()).digest())
                file.write(buffer.getbuffer())
        end = time.monotonic()
        self._due = end + max(self._pause, (end - start) / _SHARE)

    def load(self) -> dict[str, Any] | None:
        """The state of an interrupted run with the same settings and inputs, or None.

        Restores torch's randomness, and has the journal count the time up to that state.
        """
        for path in (self._newest, self._previous):
            content = _read(path)
            if content is None or content["key"] != self._key:
                continue
            torch.set_rng_state(content["torch"])
            if self._cuda and content["cuda"]:
                torch.cuda.set_rng_state_all(content["cuda"])
            self._earlier = content["seconds"]
            note_earlier(self._earlier)
            return content["state"]
        return None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror}); it is passed over.", flush=True)
        return None
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        print(f"{path}: is damaged; it is passed over.", flush=True)
        return None
    return torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)


def _plain(value: Any) -> Any:
    """Containers and tensors only: what may be loaded without trusting the file."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, np.generic):
        return value.item()
    return value
