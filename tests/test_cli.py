import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HARDMINE = Path(sys.executable).parent / "hardmine"


def run(*arguments: str, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "HARDMINE_WORKFLOW"}
    return subprocess.run(
        [str(HARDMINE), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, **options
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke plan, made by the commands one by one."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(ROOT / "experiments/smoke.yaml", folder / "params.yaml")
    assert run("settle", folder=folder).returncode == 0
    for verb, artefacts in (
        ("download", ["data/raw/glyphs"]),
        ("preprocess", ["data/packed/glyphs-tiny"]),
        *((verb, [f"{top}/smoke/{name}/seed0" for name in ("random", "triplet-semihard")]) for verb, top in RUN_VERBS),
        ("figures", ["report/smoke"]),
    ):
        for artefact in artefacts:
            done = run(verb, f"scratch/settings/smoke/{artefact}.json", folder=folder)
            assert done.returncode == 0, done.stderr
    return folder


RUN_VERBS = (("train", "models"), ("embed", "embeddings"), ("evaluate", "metrics"))
TRAIN = "scratch/settings/smoke/models/smoke/triplet-semihard/seed0.json"
EMBED = "scratch/settings/smoke/embeddings/smoke/triplet-semihard/seed0.json"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr, done.stderr


def test_the_six_verbs_make_a_plan_that_verifies_and_shows(made: Path) -> None:
    assert "verified: 9 artefacts" in run("verify", folder=made).stdout
    shown = run("show", folder=made).stdout
    assert "triplet-semihard" in shown
    assert "report/smoke/index.html" in shown
    other = made / "other.yaml"
    other.write_text((made / "params.yaml").read_text().replace("seeds: [0]", "seeds: [0, 1]"))
    done = run("show", "--plan", "other.yaml", folder=made)
    assert "report/smoke: is not of other.yaml as it is now" in done.stderr
    assert "report as it was made" in done.stderr
    assert "train 2 of 4" in done.stdout
    assert "figures 0 of 1" in done.stdout
    assert "report/smoke/index.html" in done.stdout
    other.unlink()


def test_two_trainings_with_equal_settings_give_equal_bytes(folder: Path) -> None:
    names = ("model.safetensors", "history.csv", "diagnostics.safetensors")
    model = folder / "models/smoke/triplet-semihard/seed0"
    before = {name: (model / name).read_bytes() for name in names}
    assert run("train", TRAIN, folder=folder).returncode == 0
    assert before == {name: (model / name).read_bytes() for name in names}


def test_a_broken_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("plan: [")
    refused(run("settle", folder=tmp_path), "params.yaml: is not valid YAML")
    refused(run("settle", "--plan", "none.yaml", folder=tmp_path), "none.yaml: cannot be read")


def test_an_unknown_verb_is_refused_with_the_nearest(made: Path) -> None:
    refused(run("verify", "trian", folder=made), "'trian' is no verb (did you mean 'train'?)")


def test_a_settings_file_of_another_verb_is_refused(made: Path) -> None:
    refused(run("embed", TRAIN, folder=made), "belongs to 'train', not to 'embed'")


def test_a_truncated_packed_file_is_named_and_nothing_good_is_lost(folder: Path) -> None:
    path = folder / "data/packed/glyphs-tiny/images.npy"
    path.write_bytes(path.read_bytes()[:1000])
    model = folder / "models/smoke/triplet-semihard/seed0/model.safetensors"
    before = model.read_bytes()
    refused(run("train", TRAIN, folder=folder), "images.npy: missing, truncated or altered")
    assert model.read_bytes() == before


def test_a_missing_packed_file_is_named(folder: Path) -> None:
    (folder / "data/packed/glyphs-tiny/items.csv").unlink()
    refused(run("train", TRAIN, folder=folder), "items.csv: missing, truncated or altered")


def test_a_corrupt_model_file_of_the_right_size_is_named(folder: Path) -> None:
    path = folder / "models/smoke/triplet-semihard/seed0/model.safetensors"
    path.write_bytes(b"\x80" * path.stat().st_size)
    refused(run("embed", EMBED, folder=folder), "model.safetensors: missing, truncated or altered")


def test_a_full_disk_is_named_and_the_older_model_stays(folder: Path) -> None:
    model = folder / "models/smoke/triplet-semihard/seed0/model.safetensors"
    before = model.read_bytes()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = run("train", TRAIN, folder=folder, preexec_fn=limit)
    refused(done, "cannot be written: File too large")
    assert model.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_write_permission_is_named(folder: Path) -> None:
    (folder / "models/smoke/triplet-semihard/seed0").chmod(0o500)
    refused(run("train", TRAIN, folder=folder), "cannot be written: Permission denied")


def test_a_folder_in_the_place_of_a_file_is_named(folder: Path) -> None:
    path = folder / "models/smoke/triplet-semihard/seed0/history.csv"
    path.unlink()
    path.mkdir()
    refused(run("train", TRAIN, folder=folder), "history.csv: cannot be written")


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"]])
def test_help_imports_neither_torch_nor_numpy(command: list[str]) -> None:
    call = f"import sys; sys.argv = ['hardmine', *{command!r}]\nfrom hardmine import cli\ntry: cli.app()"
    heavy = "sorted({'torch', 'numpy', 'pandas'} & set(sys.modules))"
    probe = f"{call}\nexcept SystemExit: print({heavy})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("module", ["hardmine.settings", "hardmine.retrieval.evaluate", "hardmine.figures.report"])
def test_only_training_and_embedding_import_torch(module: str) -> None:
    probe = f"import sys, {module}; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )


def test_a_file_that_the_system_refuses_is_named_in_one_line() -> None:
    script = "from hardmine import cli; cli.app = lambda: open('a' * 300 + '\\x1b'); cli.main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    refused(done, "a\\x1b: File name too long.")
