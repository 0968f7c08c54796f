import json
import sys
from pathlib import Path

import numpy as np
import pytest
from search_tools import refused, succeeded

import hardmine
from hardmine.errors import UserError
from hardmine.exporting import onnx_file

runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx") / "model"
    assert str(folder / "model.onnx") in succeeded("export", trained, "-o", folder, "--onnx")
    return folder


@pytest.mark.parametrize("count", [1, 3, 17])
def test_onnxruntime_gives_torchs_embeddings_at_any_batch_size(exported: Path, count: int) -> None:
    pixels = np.random.default_rng(count).integers(0, 256, (count, 16, 16, 1), dtype=np.uint8)
    session = runtime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["embedding"], {"pixels": pixels})
    assert np.abs(found - hardmine.load(exported).embed(pixels)).max() < 1e-4


def test_the_file_says_how_images_are_prepared(exported: Path) -> None:
    session = runtime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    (pixels,) = session.get_inputs()
    assert (pixels.name, pixels.type, pixels.shape) == ("pixels", "tensor(uint8)", ["batch", 16, 16, 1])
    metadata = session.get_modelmeta().custom_metadata_map
    config = json.loads((exported / "config.json").read_text())
    assert json.loads(metadata["hardmine.preprocessing"]) == config["preprocessing"]
    assert metadata["hardmine.model_digest"] == hardmine.load(exported).digest


def test_a_file_that_differs_from_torch_is_not_kept(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="onnxruntime's embeddings differ from torch's by"):
        onnx_file.write_onnx(hardmine.load(trained, "cpu"), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(
        "export",
        trained,
        "-o",
        tmp_path / "model",
        "--onnx",
        message=r"not installed\. Run: pip install .*\[onnx\]",
    )
