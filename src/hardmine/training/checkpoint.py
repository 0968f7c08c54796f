"""Checkpoints: whole, tied to the settings and inputs they belong to, never part of an artefact."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hardmine.artefacts import Job, key_of, writing

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(job: Job, state: dict[str, Any]) -> None:
    """Write the state of training, with the random numbers of torch, under the job's key."""
    content = {"key": key_of(job), "torch": torch.get_rng_state(), "cuda": _cuda_state(), "state": _plain(state)}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with writing(_path(job)) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(job: Job, device: torch.device) -> dict[str, Any] | None:
    """The state of an interrupted run with the same settings and inputs, or None. Restores torch's random numbers."""
    path = _path(job)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged file makes torch raise
        print(f"{path}: is damaged ({error}); training starts anew.", flush=True)
        return None
    if content["key"] != key_of(job):
        return None
    torch.set_rng_state(content["torch"])
    if device.type == "cuda" and content["cuda"]:
        torch.cuda.set_rng_state_all(content["cuda"])
    return content["state"]


def _path(job: Job) -> Path:
    return job.scratch / "checkpoint.pt"


def _cuda_state() -> list[torch.Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


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
