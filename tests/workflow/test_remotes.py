"""Results go from one clone to another through a folder and through an object store; experiments go in turn."""

import csv
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT, Project, of_run

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def object_store() -> Iterator[str]:
    """An S3 server on loopback with a bucket; its address."""
    pytest.importorskip("dvc_s3")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    import boto3

    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    client.create_bucket(Bucket="results")
    yield address
    server.stop()


@pytest.fixture(scope="module")
def author(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone whose author pulled, changed a run and reproduced; nothing of it is pushed."""
    folder = tmp_path_factory.mktemp("author") / "clone"
    finished.run(f"git clone -q . {folder} && cp {ROOT}/Makefile {folder}")
    project = Project(folder)
    project.run("git config user.email test@example.org && git config user.name test && make READY= pull")
    project.run("git tag before")
    project.edit(b=0.01)
    project.run("dvc repro")
    assert project.jobs() == of_run("b")
    project.commit("a higher rate for b")
    return project


def reader_of(author: Project, folder: Path) -> Project:
    """A fresh clone of the author's commits."""
    author.run(f"git clone -q . {folder}")
    return Project(folder)


@pytest.mark.parametrize("kind", ["folder", "object store"])
def test_what_one_clone_pushes_another_pulls_and_compares(
    author: Project, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "folder":
        author.run(f"dvc remote add -f -d shared {tmp_path}/store")
    else:
        keys = {"endpointurl": request.getfixturevalue("object_store"), "access_key_id": "a", "secret_access_key": "b"}
        author.run("dvc remote add -f -d shared s3://results/hardmine")
        for key, value in keys.items():
            author.run(f"dvc remote modify shared {key} {value}")
    author.commit("another remote")
    author.run("dvc push")

    reader = reader_of(author, tmp_path / "reader")
    reader.run("make READY= pull")
    assert reader.planned() == set()
    reader.verify()
    difference = json.loads(reader.run("dvc metrics diff before --json").stdout)["report/tiny/summary.json"]
    assert {tuple(name.split(".")[:2]) for name in difference} == {("validation", "b"), ("test", "b")}
    name = "models/tiny/b/seed0/model.safetensors"
    assert (reader.folder / name).read_bytes() == (author.folder / name).read_bytes()


def test_an_older_commit_comes_back_from_the_cache_and_the_newer_one_again(author: Project) -> None:
    name = author.folder / "models/tiny/b/seed0/model.safetensors"
    newer = name.read_bytes()
    author.run("git checkout -q before -- params.yaml dvc.lock && make READY= checkout")
    older = name.read_bytes()
    assert older != newer
    assert author.planned() == set()
    author.run("git checkout -q main -- params.yaml dvc.lock && make READY= checkout")
    assert name.read_bytes() == newer


def test_queued_experiments_run_one_after_the_other_and_are_shown(project: Project) -> None:
    for rate in (0.02, 0.03):
        project.run(f"dvc exp run -q --queue -S runs.b.training.learning_rate={rate}")
    project.run("dvc exp run -q --run-all --jobs 1")
    assert "Queued" not in project.run("dvc queue status").stdout
    shown = list(csv.DictReader(io.StringIO(project.run("dvc exp show --csv --hide-workspace").stdout)))
    (rate,) = (name for name in shown[0] if name.endswith("runs.b.training.learning_rate"))
    rates = {row[rate] for row in shown}
    assert {"0.02", "0.03"} <= rates
    column = next(name for name in shown[0] if name.endswith("b.R@1"))
    assert all(row[column] for row in shown)
    assert project.planned() == set()
