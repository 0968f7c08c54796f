import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from search_tools import refused, succeeded

import hardmine
from hardmine.exporting import card
from hardmine.installing import Origin
from hardmine.retrieval import summarise
from hardmine.settings.backbones import SmallCNN


@pytest.fixture
def exported(trained: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "my-model"
    printed = succeeded("export", trained, "-o", folder).split()
    assert printed == [str(folder / name) for name in ("model.safetensors", "config.json", "README.md")]
    return folder


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 1), dtype=np.uint8)


def test_an_exported_folder_alone_embeds_as_the_trained_network(exported: Path, trained: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(exported, tmp_path / "elsewhere" / "model")
    assert np.array_equal(hardmine.load(alone).embed(pixels(5)), hardmine.load(trained).embed(pixels(5)))


def test_the_config_says_how_to_rebuild_and_prepare(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text())
    assert config["format_version"] == 1
    assert config["network"]["backbone"]["name"] == "small-cnn"
    assert config["network"]["method"]["test_weights"] == [1, 5]
    assert config["preprocessing"] == {
        **{"size": 16, "resize": "warp", "channels": 1, "upright": False, "crop": 16},
        **{"mean": 127.5, "scale": 64.0},
    }


def head(folder: Path) -> dict:
    _, yaml_head, _ = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(yaml_head)


def test_the_card_has_the_head_that_model_hubs_read(exported: Path) -> None:
    found = head(exported)
    assert found["library_name"] == "hardmine"
    assert found["license"] == "unknown"
    (model,) = found["model-index"]
    (result,) = model["results"]
    assert {"type": "recall_at_1", "name": "R@1", "value": 0.5} in result["metrics"]
    assert all({"type", "name", "value"} == set(metric) for metric in result["metrics"])


def test_the_card_gives_metrics_with_intervals_over_the_seeds(exported: Path) -> None:
    expected = summarise({0: 0.5, 1: 0.6})
    card = (exported / "README.md").read_text()
    assert f"| R@1 | 50.0 | {100 * expected.mean:.1f} ± {100 * expected.half_width:.1f} |" in card
    assert "95 % t-interval of 2 trainings" in card


def test_a_seed_that_another_plan_left_is_no_part_of_the_interval(project: Path, trained: Path, tmp_path: Path) -> None:
    other = trained.with_name("seed1") / "made.json"
    before = other.read_text()
    record = json.loads(before)
    record["settings"]["training"]["learning_rate"] = 0.5
    other.write_text(json.dumps(record))
    try:
        succeeded("export", trained, "-o", tmp_path / "my-model")
    finally:
        other.write_text(before)
    assert "| R@1 | 50.0 | 50.0 |" in (tmp_path / "my-model/README.md").read_text()


def test_without_a_record_of_embeddings_settings_after_training_are_not_guessed(trained: Path, tmp_path: Path) -> None:
    place = trained.parents[3] / "embeddings" / Path(*trained.parts[-3:]) / "made.json"
    content = place.read_bytes()
    place.unlink()
    try:
        refused("export", trained, "-o", tmp_path / "m", message=r"used after training \(test_weights\).*made.json")
    finally:
        place.write_bytes(content)


def test_model_and_card_carry_the_thresholds_that_were_chosen(project: Path, tmp_path: Path, exported: Path) -> None:
    assert "No threshold was chosen" in (exported / "README.md").read_text()
    copy = shutil.copytree(project, tmp_path / "project")
    metrics = copy / "metrics/tiny/hdc/seed0/metrics.json"
    test = {"images": 80, "threshold": 0.8, "false_match": 0.04, "no_match": 0.31, "right": None}
    one = {"rate": 0.05, "value": 0.7, "low": 0.6512, "high": 0.75, "doubling": 0.5, "images": 40, "test": test}
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"no_match": [one]}))
    model = hardmine.load(copy / "models/tiny/hdc/seed0")
    assert [found.model_dump() for found in model.config.no_match] == [one]
    assert model.digest == hardmine.load(exported).digest
    succeeded("export", copy / "models/tiny/hdc/seed0", "-o", tmp_path / "out")
    assert json.loads((tmp_path / "out/config.json").read_text())["no_match"] == [one]
    card = (tmp_path / "out/README.md").read_text()
    assert "| 5 % | 0.700 (0.651 to 0.750) | 0.800 | 4.0 % | 31.0 % | – |" in card
    metrics.write_text(json.dumps({"values": [], "no_match": [one | {"rate": 7}]}))
    refused("export", copy / "models/tiny/hdc/seed0", "-o", tmp_path / "out", message=r"metrics\.json.*rate")


def test_the_card_says_how_many_queries_had_no_match(project: Path, tmp_path: Path, exported: Path) -> None:
    assert "without match" not in (exported / "README.md").read_text()
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    metrics = copy / "metrics/tiny/hdc/seed0/metrics.json"
    content = json.loads(metrics.read_text())
    row = next(row for row in content["values"] if row["split"] == "test" and row["draw"] == 0 and row["k"] is None)
    content["values"].append(row | {"metric": "without_match", "value": 0.25})
    metrics.write_text(json.dumps(content))
    succeeded("export", copy / "models/tiny/hdc/seed0", "-o", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| without match | 25.0 |" in card
    assert "no other image of their class to find" in card


def test_the_card_names_data_licences_digests_and_versions(exported: Path, trained: Path) -> None:
    card = (exported / "README.md").read_text()
    record = json.loads((trained / "made.json").read_text())
    for words in ("glyphs", "DejaVu", "data/packed/glyphs-tiny", record["outputs"]["model.safetensors"], "torch 2"):
        assert words in card
    settings = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert settings == record["settings"]
    assert card.endswith(".\n")


def test_the_card_says_which_hardmine_wrote_it_and_how_to_get_that(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "origin", lambda: Origin("0.1.1.dev3+g1a2b3c4d5", "1a2b3c4d5"))
    succeeded("export", trained, "-o", tmp_path / "model")
    text = (tmp_path / "model/README.md").read_text()
    assert "This folder was written by hardmine 0.1.1.dev3+g1a2b3c4d5 (commit `1a2b3c4d5`)." in text
    assert "in a clone of the project's repository\ngit checkout 1a2b3c4d5 && pip install .\n```" in text
    monkeypatch.setattr(card, "origin", lambda: Origin("0.1.0", None))
    succeeded("export", trained, "-o", tmp_path / "model")
    text = (tmp_path / "model/README.md").read_text()
    assert "```bash\npip install 'hardmine>=0.1.0'\n```" in text
    assert "This folder was written by hardmine 0.1.0.\n" in text


def test_the_card_says_where_pretraining_may_have_seen_the_test(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SmallCNN, "seen", property(lambda _: "test classes may have been seen: x | y"))
    succeeded("export", trained, "-o", tmp_path / "model")
    assert "| pretraining | test classes may have been seen: x \\| y |" in (tmp_path / "model/README.md").read_text()


def test_metrics_of_another_model_are_not_told(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    record = copy / "embeddings/tiny/hdc/seed1/made.json"
    content = json.loads(record.read_text())
    content["inputs"]["models/tiny/hdc/seed1"] = {"model.safetensors": "0" * 64}
    record.write_text(json.dumps(content))
    succeeded("export", copy / "models/tiny/hdc/seed0", "-o", tmp_path / "seed0")
    assert "| R@1 | 50.0 | 50.0 |" in (tmp_path / "seed0/README.md").read_text()
    refused(
        "export", copy / "models/tiny/hdc/seed1", "-o", tmp_path / "seed1", message="is missing or of another training"
    )
    other = next(run for run in sorted((copy / "models/tiny").iterdir()) if run.name != "hdc")
    shutil.rmtree(copy / "metrics" / "tiny" / other.name)
    succeeded("export", other / "seed1", "-o", tmp_path / "seed1")
    assert "None were found beside the model" in (tmp_path / "seed1/README.md").read_text()
    assert "model-index" not in head(tmp_path / "seed1")


def test_an_export_after_another_packing_is_the_export_before_it(exported: Path, project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    record = copy / "data/packed/glyphs-tiny/made.json"
    content = json.loads(record.read_text())
    content["settings"]["dataset"]["size"] = 64
    content["outputs"] = {"images.npy": "0" * 64}
    record.write_text(json.dumps(content))
    succeeded("export", copy / "models/tiny/hdc/seed0", "-o", tmp_path / "after")
    for name in ("config.json", "README.md", "model.safetensors"):
        assert (tmp_path / "after" / name).read_bytes() == (exported / name).read_bytes()


def test_metrics_on_another_packing_are_not_told(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    record = copy / "metrics/tiny/hdc/seed0/made.json"
    content = json.loads(record.read_text())
    content["inputs"]["data/packed/glyphs-tiny"] = {"images.npy": "0" * 64}
    record.write_text(json.dumps(content))
    succeeded("export", copy / "models/tiny/hdc/seed0", "-o", tmp_path / "model")
    assert "None were found beside the model" in (tmp_path / "model/README.md").read_text()


def test_the_licence_is_the_exporters_to_choose(trained: Path, tmp_path: Path) -> None:
    succeeded("export", trained, "-o", tmp_path / "model", "--licence", "mit")
    assert head(tmp_path / "model")["license"] == "mit"


def test_exporting_again_over_an_export_works_and_drops_an_old_onnx(
    exported: Path, project: Path, trained: Path
) -> None:
    (exported / "model.onnx").write_bytes(b"of an earlier export")
    succeeded("export", project / "models/tiny/triplet/seed0", "-o", exported)
    assert hardmine.load(exported).digest == hardmine.load(project / "models/tiny/triplet/seed0").digest
    assert not (exported / "model.onnx").exists()


def test_bad_places_are_refused(exported: Path, trained: Path, tmp_path: Path) -> None:
    refused("export", exported, "-o", tmp_path / "again", message="is an exported model already")
    refused("export", tmp_path, "-o", tmp_path / "again", message="holds no model")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("mine")
    refused("export", trained, "-o", tmp_path / "mine", message="exists and is no exported model")
    refused("export", trained, "-o", tmp_path / "mine/thesis.tex", message="exists and is no exported model")


def test_a_damaged_artefact_is_not_exported(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "project")
    weights = copy / "models/tiny/hdc/seed0/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    refused(
        "export", weights.parent, "-o", tmp_path / "model", message="is not the file that the folder's record names"
    )
    assert not (tmp_path / "model").exists()


def test_a_full_disk_is_said_of_the_folder_that_is_written_and_the_older_export_stays(
    exported: Path, project: Path
) -> None:
    before = (exported / "model.safetensors").read_bytes()
    own, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, most))
    try:
        refused(
            "export",
            project / "models/tiny/triplet/seed0",
            "-o",
            exported,
            message=r"my-model/model\.safetensors: cannot be written: File too large\. Free space",
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (own, most))
    assert (exported / "model.safetensors").read_bytes() == before
