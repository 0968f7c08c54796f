"""What the results of a report were made with, and a warning where they were not made alike."""

from collections.abc import Mapping, Sequence

from hardmine.artefacts import Job, Record, read_record

__all__ = ["made_with", "mixtures", "records_of"]

_UNLIKE = {
    "instructions": "processors with other instructions: training rounds differently on each",
    "device": "other devices: training rounds differently on each",
    "threads": "other numbers of threads: sums are rounded in another order",
    "tree": "some with files that differ from their commit",
    "torch": "other versions of torch",
    "numpy": "other versions of numpy",
    "faiss-cpu": "other versions of faiss",
    "pytorch-metric-learning": "other versions of pytorch-metric-learning",
    "scikit-learn": "other versions of scikit-learn",
}
"""What can make two results of equal settings differ, and what that means."""


def records_of(job: Job) -> dict[str, Record]:
    """Records of all that a report stands on, by folder; what has none is left out."""
    found = ((folder, read_record(folder)) for folder in job.inputs)
    return {folder: record for folder, record in found if record is not None}


def made_with(records: Mapping[str, Record]) -> dict[str, str]:
    """Each circumstance with all its values, the commonest first."""
    values: dict[str, dict[str, int]] = {}
    for record in records.values():
        for name, value in record.made_with.items():
            counts = values.setdefault(name, {})
            counts[value] = counts.get(value, 0) + 1
    return {name: "; ".join(sorted(counts, key=lambda value: -counts[value])) for name, counts in values.items()}


def mixtures(records: Mapping[str, Record]) -> list[str]:
    """A sentence for each circumstance that differs among artefacts of one verb, though it can change results."""
    sentences = []
    for verb in ("models", "embeddings", "metrics"):
        own = [record for folder, record in records.items() if folder.startswith(f"{verb}/")]
        sentences += [sentence for name, what in _UNLIKE.items() if (sentence := _mixed(verb, name, what, own))]
    return sentences


def _mixed(verb: str, name: str, what: str, records: Sequence[Record]) -> str:
    values = sorted({value for record in records if (value := record.made_with.get(name))})
    if name == "threads" and verb != "models":
        return ""  # nothing there depends on them
    return f"{verb} were made with {what} ({', '.join(values)})" if len(values) > 1 else ""
