"""What an artefact was made with beside settings, inputs and code: libraries, processor, device, threads, commit."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .code import code_of
from .job import Job
from .record import Record, read_record

__all__ = ["circumstances", "commit_here", "digests_of", "key_of", "other_versions"]

LIBRARIES = {
    "download": ("matplotlib", "pillow"),
    "preprocess": ("numpy", "pillow"),
    "tune": ("torch", "numpy", "scipy", "faiss-cpu", "pytorch-metric-learning", "torchvision", "timm"),
    "train": ("torch", "numpy", "faiss-cpu", "pytorch-metric-learning", "torchvision", "timm"),
    "embed": ("torch", "numpy", "torchvision", "timm"),
    "evaluate": ("numpy", "faiss-cpu", "scikit-learn", "scipy"),
    "figures": ("numpy", "pandas", "scipy", "matplotlib", "pillow"),
}
"""The distributions whose versions can change what a verb makes."""
FLAGS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG")
"""Variables of the environment that change the bytes of floating-point results."""


def circumstances(job: Job) -> dict[str, str]:
    """What the artefact of a job is being made with here and now."""
    found = {name: version for name in ("hardmine", *LIBRARIES[job.verb], *job.packages) if (version := _version(name))}
    found |= {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    found |= _processor()
    found["threads"] = os.environ.get("OMP_NUM_THREADS", "")
    found |= {name: os.environ[name] for name in FLAGS if name in os.environ}
    return found | commit_here()


def other_versions(job: Job, record: Record) -> list[str]:
    """Libraries of other versions than the recorded ones, each as ``torch 2.11.0, now 2.12.0``; sorted."""
    then = record.made_with
    now = {name: _version(name) or "none" for name in (*LIBRARIES[job.verb], *job.packages)}
    return sorted(f"{name} {then[name]}, now {now[name]}" for name in now if then.get(name, now[name]) != now[name])


def digests_of(jobs: Sequence[Job]) -> str:
    """Settings, code and libraries behind each verb as JSON text: what DVC must look at beside the files that it knows.

    Settings are there since the code that gives keys their defaults is none that a job names.
    """
    found: dict[str, dict[str, str]] = {}
    for job in jobs:
        own = found.setdefault(job.verb, {})
        own |= {name: _version(name) or "none" for name in (*LIBRARIES[job.verb], *job.packages)}
        for key, what in (
            ("code", sorted(code_of(job.code).items())),
            ("jobs", [job.folder, job.settings, job.inputs]),
        ):
            own[key] = hashlib.sha256(json.dumps([own.get(key, ""), what], sort_keys=True).encode()).hexdigest()
    return json.dumps(found, indent=1) + "\n"


def key_of(job: Job) -> str:
    """Digest of what an interrupted job may go on from: settings, code, versions, inputs' contents; 64 hex digits."""
    records = {folder: read_record(folder) for folder in job.inputs}
    inputs = {folder: record.outputs if record else None for folder, record in records.items()}
    versions = {name: _version(name) for name in (*LIBRARIES[job.verb], *job.packages)}
    deciding = [job.settings, inputs, code_of(job.code), versions]
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


@cache
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def _processor() -> dict[str, str]:
    """The processor's name and the widest instructions it has, which decide the order of sums."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {"processor": platform.processor() or platform.machine()}
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    names = {"avx512f": "AVX512", "avx2": "AVX2"}  # as torch says it of itself
    widest = next((name for flag, name in names.items() if flag in flags), "DEFAULT")
    return {"processor": facts.get("model name", platform.machine()), "instructions": widest}


def commit_here() -> dict[str, str]:
    """The commit, and whether files that git knows differ from it; nothing where there is no git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return {}
    name, _, dirty = done.stdout.strip().partition("-")
    return {"commit": name, "tree": "altered" if dirty else "as committed"} if done.returncode == 0 and name else {}
