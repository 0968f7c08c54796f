"""Faults at seeded moments: ``python tests/faults/campaign.py --faults 110 --seed 0``, or ``make faults``.

After each fault the same command is run again. It must end well, every artefact must verify, the results must equal
those of the undisturbed run byte for byte, and no process of a killed run may be left.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

for folder in ("workflow", "faults"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))

from kinds import KINDS, Struck, done  # noqa: E402
from pipeline import COMMANDS, RUN_VERBS, Reference, Run, results, wait_until  # noqa: E402

DISK = 48 * 2**20
"""Bytes of the small disk beside what the project holds at the start."""


@dataclass(frozen=True)
class Fault:
    """One drawn fault; equal seeds and numbers give equal faults."""

    kind: str
    command: str
    verb: str
    run: str
    delay: float
    key: str

    @classmethod
    def drawn(cls, seed: int, number: int, attempt: int, kinds: list[str]) -> "Fault":
        """The fault of this number: kinds in turn by their share, the rest at random."""
        turns = [kind for kind in kinds for _ in range(KINDS[kind].share)]
        random.Random(seed).shuffle(turns)
        kind = turns[number % len(turns)] if len(kinds) < len(KINDS) or number >= len(kinds) else kinds[number]
        key = f"{seed}:{number}:{attempt}"
        draw = random.Random(key)
        command, verb = draw.choice(KINDS[kind].commands), draw.choice(KINDS[kind].verbs)
        run = draw.choice(["*", "*", "triplet-semihard"]) if verb in RUN_VERBS else "*"
        longest = {"train": 6.0}.get(verb, 2.5) / (1 + attempt)
        return cls(kind, command, verb, run, draw.uniform(0, longest), key)


@dataclass
class Outcome:
    """What came of a fault: sentences; none where all is well."""

    hit: bool
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)

    @property
    def bad(self) -> list[str]:
        """All complaints."""
        return self.wrong + self.lost + self.alive


def can_mount() -> bool:
    """Whether this process may mount a small file system."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return mounted.returncode == 0


def strike(reference: Reference, fault: Fault, folder: Path) -> Outcome:
    """Run the pipeline, inject the fault, run the same command again, and judge."""
    kind, command = KINDS[fault.kind], COMMANDS[fault.command]
    home = folder / "project"
    home.mkdir(parents=True)
    if fault.kind == "disk full":
        held = sum(path.stat().st_size for path in reference.project.folder.rglob("*") if path.is_file())
        size = f"size={held * 2 + DISK}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", home], check=True)
    try:
        project = reference.copy(home, fault.verb, fault.run)
        run = Run(project, command, f"struck-{fault.key}")
        begun = project.folder / "logs" / fault.verb
        wait_until(lambda: run.ended or any(begun.rglob("*.log")), 120)
        time.sleep(fault.delay)
        outcome = Outcome(hit=False)
        struck = Struck(project, command, run, fault.verb, random.Random(fault.key))
        with done(kind, struck) as outcome.hit:
            run.wait()
            if not wait_until(lambda: not run.processes(), 15):
                outcome.alive = [" ".join(process.cmdline()) for process in run.processes()]
        run.stop_all()
        again = Run(project, command, f"again-{fault.key}")
        if again.wait():
            outcome.lost.append(f"the same command again ended with {again.wait()}: {again.log.read_text()[-3000:]}")
        judge(reference, Path(home), outcome)
        return outcome
    finally:
        if os.path.ismount(home):
            subprocess.run(["umount", home], check=True)


def judge(reference: Reference, home: Path, outcome: Outcome) -> None:
    """Compare the results with the undisturbed ones, and verify."""
    found = results(home)
    outcome.lost += [f"{name} is missing" for name in reference.results if name not in found]
    outcome.wrong += [f"{name} differs" for name, digest in found.items() if digest != reference.results.get(name)]
    verified = type(reference.project)(home).run("hardmine verify", check=False)
    if verified.returncode:
        outcome.wrong.append(verified.stderr)


def inject(reference: Reference, seed: int, number: int, kinds: list[str], base: Path) -> tuple[Fault, Outcome]:
    """The fault of this number, drawn again, each time sooner, until it hits."""
    for attempt in range(8):
        fault = Fault.drawn(seed, number, attempt, kinds)
        folder = base / f"fault-{number}-{attempt}"
        outcome = strike(reference, fault, folder)
        if outcome.hit or outcome.bad:
            break
        shutil.rmtree(folder)
    if not outcome.bad:
        shutil.rmtree(folder)
    return fault, outcome


def main() -> int:
    """Inject faults and print the counts; 1 where a result was wrong or lost or a process lived on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=110)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one fault, to see it again")
    parser.add_argument("--kind", choices=KINDS, help="faults of one kind only")
    parser.add_argument("--folder", type=Path, help="where the projects are made; failed ones stay there")
    options = parser.parse_args()
    base = options.folder or Path(tempfile.mkdtemp(prefix="hardmine-faults-"))
    kinds = [options.kind] if options.kind else [k for k in KINDS if can_mount() or not KINDS[k].needs_mount]
    for kind in KINDS:
        if not options.kind and kind not in kinds:
            print(f"left out, because mounting is not allowed here: {kind}")
    start = time.monotonic()
    reference = Reference.make(base)
    print(f"undisturbed: {reference.seconds:.1f} s")
    counts: Counter[tuple[str, str]] = Counter()
    for number in [options.only] if options.only is not None else range(options.faults):
        began = time.monotonic()
        fault, outcome = inject(reference, options.seed, number, kinds, base)
        counts[fault.kind, "injected"] += outcome.hit
        for name in ("wrong", "lost", "alive"):
            counts[fault.kind, name] += bool(getattr(outcome, name))
        what = f"{number}: {fault.kind} in {fault.verb} after {fault.delay:.1f} s ({fault.command})"
        print(f"{what}: {'well' if not outcome.bad else 'BAD'}, {time.monotonic() - began:.1f} s", flush=True)
        for complaint in outcome.bad:
            print(f"  {complaint}")
        if outcome.bad:
            print(
                f"  again: python tests/faults/campaign.py --seed {options.seed} --only {number}"
                + (f" --kind '{options.kind}'" if options.kind else ""),
                flush=True,
            )
    print(table(counts, kinds, time.monotonic() - start))
    return int(any(count for (_, name), count in counts.items() if name != "injected"))


def table(counts: Counter[tuple[str, str]], kinds: list[str], seconds: float) -> str:
    """Counts by kind and in all."""
    names = ("injected", "wrong", "lost", "alive")
    rows = [[kind, *(counts[kind, name] for name in names)] for kind in kinds]
    rows.append(["all", *(sum(counts[kind, name] for kind in kinds) for name in names)])
    lines = [f"{'fault':24}" + "".join(f"{name:>10}" for name in names)]
    lines += [f"{row[0]:24}" + "".join(f"{number:>10}" for number in row[1:]) for row in rows]
    return "\n".join([*lines, f"{seconds:.0f} s"])


if __name__ == "__main__":
    sys.exit(main())
