"""Is an artefact what the plan asks for now? One owner of the answer, for settling and for verifying."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .circumstances import other_versions
from .code import changed_code, code_of
from .job import Job
from .record import Record
from .seen import altered

__all__ = ["differing_keys", "why_not_good"]


def why_not_good(
    job: Job, record: Record | None, inputs: Mapping[str, Record | None], strict: bool = False, look: bool = True
) -> str:
    """Why an artefact will be made again; empty where it is good.

    Good means: the record names the settings the plan asks for now and the code as it is now, the outputs are all
    there and look as they did when they had the recorded content, and the recorded inputs are what the inputs' own
    records say.

    Args:
        job: what the plan asks for.
        record: of the artefact.
        inputs: each input folder's record, or None where that artefact is itself not good.
        strict: whether libraries of other versions count too.
        look: whether to look at the output files.

    Returns:
        One of ``not made yet``, ``settings: <keys>``, ``files: …``, ``code: <files>``, ``versions: …``,
        ``inputs: <folders>``, ``altered: <files>``.
    """
    if record is None:
        return "not made yet" if not job.record_file.exists() else "its record cannot be read"
    if keys := differing_keys(record.settings, job.settings):
        return f"settings: {', '.join(keys)}"
    if set(record.inputs) != set(job.inputs) or set(record.outputs) != set(job.outputs):
        return "files: the plan names others"
    if changed := changed_code(record.code, code_of(job.code)):
        return f"code: {', '.join(changed)}"
    if strict and (versions := other_versions(job, record)):
        return f"versions: {', '.join(versions)}"
    others = [name for name in job.inputs if (own := inputs.get(name)) is None or record.inputs[name] != own.outputs]
    if others:
        return f"inputs: {', '.join(others)}"
    if look and (names := altered(job.folder, record)):
        return f"altered: {', '.join(str(Path(job.folder, name)) for name in names)}"
    return ""


def differing_keys(then: Any, now: Any, prefix: str = "") -> list[str]:
    """Keys, with dots, whose values differ between two trees of settings; sorted."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return [] if then == now else [prefix.removesuffix(".")]
    missing = object()
    pairs = {key: (then.get(key, missing), now.get(key, missing)) for key in {*then, *now}}
    return sorted(found for key, pair in pairs.items() for found in differing_keys(*pair, prefix=f"{prefix}{key}."))
