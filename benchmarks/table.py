"""The frame of the benchmarks: rows of the common table, taking turns, peak memory, the machine.

A subject is a module of this folder with ``run() -> list[Row]`` that ends with
``if __name__ == "__main__": table.main(run)``: alone it prints its rows, and ``python -m benchmarks`` collects those
of all subjects. Where a function needs a process of its own, for its peak memory, ``table.alone`` gives it one.
"""

import argparse
import ctypes
import dataclasses
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["Row", "alone", "alternate", "growth", "machine", "main", "markdown", "memory"]


@dataclasses.dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        subject: what the issue calls it: training, tuples, sampler, …
        what: what was measured, with its size.
        ours: our number.
        unit: of both numbers.
        peer: the peer's number, or the base's; None where there is none.
        at_most: target: largest ratio ours / peer, or largest ``ours`` without a peer.
        at_least: target: smallest one.
        how: peer, threads, rounds, and anything a reader must know.
    """

    subject: str
    what: str
    ours: float
    unit: str
    peer: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    how: str = ""

    @property
    def ratio(self) -> float | None:
        """ours / peer."""
        return self.ours / self.peer if self.peer else None

    @property
    def target(self) -> str:
        """The target in words, empty without one."""
        bounds = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        bounds += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        return ", ".join(bounds)

    @property
    def verdict(self) -> str:
        """Pass or fail, empty without a target."""
        if not self.target:
            return ""
        value = self.ours if self.peer is None else self.ours / self.peer if self.peer else float("inf")
        high = self.at_most is None or value <= self.at_most
        low = self.at_least is None or value >= self.at_least
        return "pass" if high and low else "FAIL"


def alternate(
    ways: Mapping[str, Callable[[], object]], rounds: int, warm: int = 1, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Median seconds of a call of each function; they take turns, so that all meet the same machine.

    Args:
        ways: functions by name.
        rounds: calls of each that count.
        warm: calls of each that do not.
        clock: processor time of this process, which other programs disturb least, for work in one thread of it;
            ``time.perf_counter`` for all other.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm + rounds):
        for name, function in ways.items():
            start = clock()
            function()
            if number >= warm:
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def memory(field: str = "VmHWM") -> float:
    """Memory of this process in MiB: its peak so far, or ``VmRSS`` now.

    Not getrusage, whose peak counts what the process was before its program started.
    """
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) / 1024


def growth(function: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and by how many MiB the process grew meanwhile at most; Linux only."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is held now
    before = memory("VmRSS")
    result = function()
    return result, memory() - before


def alone(module: str, function: str, *arguments: Any) -> Any:
    """What ``function(*arguments)`` of a module returns in a process of its own; plain data in and out.

    Args:
        module: its full name; one run as a script gives ``__spec__.name``.
        function: its name.
        arguments: plain data.
    """
    call = json.dumps([module, function, arguments])
    result = subprocess.run([sys.executable, "-m", __name__, call], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def machine() -> str:
    """The machine in one paragraph."""
    text = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in fields.items()}
    flags = facts.get("flags", "").split()
    named = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 bf16", "amx_bf16": "AMX bf16"}
    abilities = [title for flag, title in named.items() if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("torch", "numpy", "faiss-cpu", "scikit-learn", "pytorch-metric-learning")
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{facts.get('model name', platform.processor())}, {len(os.sched_getaffinity(0))} cores "
        f"({', '.join(abilities) or 'no vector units named'}), {memory:.0f} GiB, {gpu}; "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in packages)}. "
        f"Load at the start: {os.getloadavg()[0]:.1f}."
    )


def number(value: float | None) -> str:
    """Three digits, more where there are more before the point; empty for None and NaN."""
    return "" if value is None or value != value else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(rows: list[Row]) -> str:
    """The table."""
    lines = [
        "| subject | what | ours | peer | unit | ratio | target | | how |",
        "|---|---|--:|--:|---|--:|---|---|---|",
    ]
    for row in rows:
        cells = [row.subject, row.what, number(row.ours), number(row.peer), row.unit, number(row.ratio)]
        lines.append(f"| {' | '.join([*cells, row.target, row.verdict, row.how])} |")
    return "\n".join(lines)


def main(run: Callable[[], list[Row]]) -> None:
    """Run one subject: print its rows as a table, or as JSON for ``python -m benchmarks``."""
    options = argparse.ArgumentParser()
    options.add_argument("--json", action="store_true", help="rows as JSON in the last line")
    as_json = options.parse_args().json
    rows = run()
    print(json.dumps([dataclasses.asdict(row) for row in rows]) if as_json else markdown(rows), flush=True)


if __name__ == "__main__":
    name, called, given = json.loads(sys.argv[1])
    print(json.dumps(getattr(importlib.import_module(name), called)(*given)), flush=True)
