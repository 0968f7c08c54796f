"""A project with trained models, pictures, and commands for the tests of models in use."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner

from hardmine.artefacts import Job, Record, digest
from hardmine.artefacts.record import write_record
from hardmine.cli import app
from hardmine.errors import UserError
from hardmine.methods import method_class
from hardmine.settings import jobs_of, load_plan

__all__ = ["draw", "draw_forty", "pictures", "project", "refused", "succeeded", "trained"]

PLAN = {
    "plan": "tiny",
    "seeds": [0, 1],
    "baseline": "triplet",
    "dataset": {"name": "glyphs", "variant": "tiny", "size": 16},
    "backbone": {"width": 4, "embedding": 8},
    "runs": {
        "triplet": {"method": "triplet", "selection": "semihard"},
        "hdc": {"method": "hdc", "ratios": [1, 0.5], "test_weights": [1, 5], "head_channels": 4, "head_features": 8},
    },
}


def write_artefact(project: Path, job: Job, outputs: dict[str, bytes] | None = None) -> None:
    """A job's folder as the verb would leave it, with the given contents."""
    folder = project / job.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (outputs or {}).items():
        (folder / name).write_bytes(content)
    inputs = {place: json.loads((project / place / "made.json").read_text())["outputs"] for place in job.inputs}
    names = [name for name in job.outputs if (folder / name).is_file()]
    record = Record(
        job.settings,
        inputs,
        {name: digest(folder / name) for name in names},
        {name: (folder / name).stat().st_size for name in names},
        {"hardmine": "0.1.0", "torch": "2", "commit": "0" * 40},
    )
    write_record(folder, record)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two trained runs of two seeds, as far as models in use need it: random weights."""
    project = tmp_path_factory.mktemp("project")
    plan = load_plan(PLAN, "tiny")
    for job in jobs_of(plan):
        if job.verb == "train":
            run = plan.runs[job.where["run"]]
            torch.manual_seed(job.settings["seed"] + 1)
            network = method_class(run.method).build_network(run, plan.backbone_of(run), 1, 16)
            (project / job.folder).mkdir(parents=True)
            save_file(network.state_dict(), project / job.folder / "model.safetensors")
        if job.verb == "evaluate":
            values = [
                {
                    "embedding": "embedding",
                    "split": split,
                    "protocol": "all",
                    "draw": draw,
                    "metric": m,
                    "k": k,
                    "value": v + draw / 7,
                }
                for draw in (0, 1)
                for split in ("validation", "test")
                for m, k, v in (("recall", 1, 0.5 + job.where["seed"] / 10), ("map@r", None, 0.25))
            ]
            write_artefact(project, job, {"metrics.json": json.dumps({"counts": {}, "values": values}).encode()})
        elif job.verb != "figures":
            write_artefact(project, job)
    return project


@pytest.fixture(scope="session")
def trained(project: Path) -> Path:
    return project / "models/tiny/hdc/seed0"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Forty small colour pictures in two folders, and things that are no pictures."""
    return draw_forty(tmp_path / "pictures")


def draw_forty(folder: Path) -> Path:
    """What ``pictures`` gives, in a folder of one's own."""
    numbers = np.random.default_rng(3)
    for number in range(40):
        place = folder / ("odd" if number % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        draw(numbers).save(place / f"{number:02d}.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"no picture")
    return folder


def draw(numbers: np.random.Generator, edge: int = 24) -> Image.Image:
    """A picture of smooth random colours."""
    small = numbers.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((edge, edge), Image.Resampling.BICUBIC)


def succeeded(*arguments: object) -> str:
    """What a command prints that ends well."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: object, message: str) -> None:
    """Run a command that a person's mistake ends, with a message that matches a pattern."""
    with pytest.raises(UserError, match=message):
        CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
