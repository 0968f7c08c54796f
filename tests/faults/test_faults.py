"""Ten faults, one a kind; ``make faults`` injects more than a hundred at drawn moments."""

from pathlib import Path

import pytest
from campaign import Fault, can_mount, strike
from kinds import KINDS
from pipeline import Reference

pytestmark = pytest.mark.workflow

FAULTS = [
    Fault("training killed", "snakemake", "train", "triplet-semihard", 3.0, "a"),
    Fault("training told to stop", "snakemake", "train", "triplet-semihard", 3.0, "b"),
    Fault("another job killed", "snakemake", "embed", "triplet-semihard", 0.5, "c"),
    Fault("Snakemake killed", "snakemake", "embed", "triplet-semihard", 1.0, "d"),
    Fault("DVC killed", "dvc", "figures", "*", 0.5, "e"),
    Fault("power cut", "snakemake", "evaluate", "triplet-semihard", 0.5, "f"),
    Fault("disk full", "snakemake", "evaluate", "triplet-semihard", 0.2, "g"),
    Fault("folder read-only", "snakemake", "figures", "*", 0.2, "h"),
    Fault("bytes flipped", "snakemake", "figures", "*", 0.5, "i"),
    Fault("started twice", "snakemake", "figures", "*", 0.0, "j"),
]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference.make(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind.replace(" ", "-"))
def test_the_same_command_again_gives_the_undisturbed_results(
    reference: Reference, tmp_path: Path, fault: Fault
) -> None:
    if KINDS[fault.kind].needs_mount and not can_mount():
        pytest.skip("mounting a small file system takes root")
    outcome = strike(reference, fault, tmp_path)
    assert outcome.hit, "the fault came too late"
    assert not outcome.bad, "\n".join(outcome.bad)
