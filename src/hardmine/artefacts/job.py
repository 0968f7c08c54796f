"""One job of a plan: the settings that decide an artefact, its folder, its files, its inputs."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hardmine.errors import UserError

__all__ = ["VERBS", "WORK", "Job"]

WORK = {
    "download": "hardmine.datasets.fetch:download",
    "preprocess": "hardmine.images.pack:preprocess",
    "train": "hardmine.training.loop:train",
    "embed": "hardmine.training.embed:embed",
    "evaluate": "hardmine.retrieval.evaluate:evaluate",
    "figures": "hardmine.figures.report:figures",
}
"""What does the work of each verb: a function of the job, the folder to write, and what its command passes on."""
VERBS = tuple(WORK)


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
        parts = Path(self.folder).parts
        return Path("logs", self.verb, "/".join(parts[2 if parts[0] == "data" else 1 :]) + ".tsv")

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
            content = json.loads(path.read_text())
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
        return job
