"""One job of a plan: the settings that decide an artefact, its folder, its files, its inputs."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hardmine.errors import UserError

from .files import read_regular

__all__ = ["VERBS", "WORK", "Job"]

LARGEST = 16 * 2**20
"""Bytes of a settings file."""

WORK = {
    "download": "hardmine.datasets.fetch:download",
    "preprocess": "hardmine.images.pack:preprocess",
    "tune": "hardmine.training.tune:tune",
    "train": "hardmine.training.loop:train",
    "embed": "hardmine.training.embed:embed",
    "evaluate": "hardmine.retrieval.evaluate:evaluate",
    "figures": "hardmine.figures.report:figures",
}
"""What does the work of each verb: a function of the job, the folder to write, and what its command passes on."""
VERBS = tuple(WORK)
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ASIDE = r"(?:scratch/(?:remake|rehearsal)/)?"
PLACES = {
    "download": rf"{_ASIDE}data/raw/{_NAME}(?:/{_NAME})?",
    "preprocess": rf"{_ASIDE}data/packed/{_NAME}(?:/seed\d+)?",
    "tune": rf"{_ASIDE}tuning/PLAN/{_NAME}/(?:trial\d+|choice|table)",
    "train": rf"{_ASIDE}models/PLAN/{_NAME}/seed\d+",
    "embed": rf"{_ASIDE}embeddings/PLAN/{_NAME}/seed\d+",
    "evaluate": rf"{_ASIDE}metrics/PLAN/{_NAME}/seed\d+",
    "figures": rf"{_ASIDE}report/PLAN",
}
"""Where the artefacts of each verb are, as patterns; PLAN stands for the plan's name. Remakes lie aside."""
_ANY_PLACE = [place.replace("PLAN", _NAME) for place in PLACES.values()]


@dataclass(frozen=True)
class Job:
    """What one job makes and what decides its result.

    Attributes:
        plan: name of the plan the job belongs to.
        verb: one of ``VERBS``.
        folder: the artefact's folder, relative to the project, e.g. ``models/glyphs/hdc/seed0``.
        outputs: file names inside the folder, without ``made.json``.
        inputs: folders of the artefacts that are read, upstream of this one.
        settings: everything that decides the result; JSON values only.
        where: what does not decide the result but the job needs to know (names, paths).
        code: import strings of what does the job's work, see ``code_of``; none where checksums judge it.
        packages: distributions of others that bring some of it.
    """

    plan: str
    verb: str
    folder: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    settings: dict[str, Any]
    where: dict[str, Any]
    code: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def settings_file(self) -> Path:
        """The file that hands this job to a rule, outside every DVC out."""
        return Path("scratch", "settings", self.plan, f"{self.folder}.json")

    @property
    def record_file(self) -> Path:
        """``made.json``, written last."""
        return Path(self.folder, "made.json")

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of all outputs, the record last."""
        return (*(f"{self.folder}/{name}" for name in self.outputs), str(self.record_file))

    @property
    def benchmark_file(self) -> Path:
        """Snakemake's benchmark of the job; it counts as an output when Snakemake compares times."""
        parts = Path(self.together).parts
        return Path("logs", self.verb, "/".join(parts[2 if parts[0] == "data" else 1 :]) + ".tsv")

    @property
    def together(self) -> str:
        """What one process makes: the folder, or for embedding and evaluating that of all seeds of a run."""
        return str(Path(self.folder).parent) if self.verb in ("embed", "evaluate") else self.folder

    @property
    def scratch(self) -> Path:
        """Where the job may keep what must survive a kill (checkpoints)."""
        return Path("scratch", self.verb, self.folder)

    def to_json(self) -> dict[str, Any]:
        """The content of the settings file."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Read a settings file.

        Raises:
            UserError: there is no such file, or it is no settings file.
        """
        try:
            content = json.loads(read_regular(path, LARGEST))
            content.pop("again", None)
            for key in ("outputs", "inputs", "code", "packages"):
                content[key] = tuple(content.get(key, ()))
            job = cls(**content)
        except FileNotFoundError:
            raise UserError(
                f"{path}: no such settings file. 'hardmine settle' writes the settings of the plan in force."
            ) from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UserError(f"{path}: not a settings file of hardmine ({error}).") from error
        texts = (job.plan, job.verb, job.folder, *job.outputs, *job.inputs, *job.code, *job.packages)
        if not all(isinstance(text, str) for text in texts) or not all(
            isinstance(mapping, dict) for mapping in (job.settings, job.where)
        ):
            raise UserError(f"{path}: not a settings file of hardmine (a value of another type).")
        for fault in job.faults():
            raise UserError(f"{path}: not a settings file of hardmine ({fault}).")
        if path.resolve() != job.settings_file.resolve():
            raise UserError(f"{path}: is not where the settings of {job.folder} are: {job.settings_file}.")
        return job

    def faults(self) -> Iterator[str]:
        """What in the job's names and paths no plan gives: each place is derived from the plan, none is free."""
        if self.verb not in VERBS:
            yield f"{self.verb!r} is no verb"
        elif not re.fullmatch(PLACES[self.verb].replace("PLAN", re.escape(self.plan)), self.folder):
            yield f"{self.folder!r} is no folder of {self.verb} in the plan {self.plan!r}"
        if not re.fullmatch(_NAME, self.plan):
            yield f"{self.plan!r} is no name of a plan"
        folders = [*self.inputs, *(self.where.get(key) for key in ("packed", "model", "embeddings", "start", "choice"))]
        yield from (f"{name!r} is no folder of an artefact" for name in folders if not _is_place(name))
        names = [*self.outputs, *([weights] if (weights := self.where.get("weights")) else [])]
        yield from (f"{name!r} leads out of its folder" for name in names if not _is_inside(name))
        urls = self.where.get("urls") or []
        yield from (f"{url!r} is no address of https" for url in urls if not str(url).startswith("https://"))


def _is_place(name: object) -> bool:
    return name is None or (isinstance(name, str) and any(re.fullmatch(place, name) for place in _ANY_PLACE))


def _is_inside(name: object) -> bool:
    """Whether a name is relative, normal and of a file below its folder."""
    parts = name.split("/") if isinstance(name, str) else [".."]
    return all(part not in ("", ".", "..") and part.isprintable() for part in parts)
