"""A published network as a model: its own file of weights, its features without a layer over them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from search_tools import draw, refused, succeeded
from torchvision.models import get_model

from hardmine.errors import UserError
from hardmine.offline.trunk import load_trunk, names_trunk
from hardmine.settings.backbones import torchvision as settings


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights in the place of published ones."""
    torch.manual_seed(0)
    path = tmp_path / "weights.pth"
    torch.save(get_model("resnet18", weights=None).state_dict(), path)
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    known = settings.Architecture(f"resnet18-{digits}.pth", ("layer1", "layer2", "layer3", "layer4"))
    monkeypatch.setitem(settings.ARCHITECTURES, "resnet18", known)
    return path


def test_its_vectors_are_the_pooled_features_of_the_network(weights: Path) -> None:
    image = np.asarray(draw(np.random.default_rng(0), 256))
    model = load_trunk("torchvision/resnet18", weights, "cpu", 1)
    theirs = get_model("resnet18", weights=None)
    theirs.load_state_dict(torch.load(weights, weights_only=True))
    theirs.fc = torch.nn.Identity()
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    prepared = ((torch.from_numpy(image[16:240, 16:240].copy()) / 255 - mean) / deviation).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(theirs.eval()(prepared.float())).numpy()
    np.testing.assert_allclose(model.embed(image), expected, atol=1e-5)


def test_a_folder_is_mined_under_it(weights: Path, tmp_path: Path) -> None:
    for number in range(6):
        place = tmp_path / "images" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        draw(np.random.default_rng(number)).save(place / f"{number}.png")
    arguments = ("mine", "torchvision/resnet18", tmp_path / "images", "-o", tmp_path / "t.csv", "--negatives", 2)
    assert "12 rows" in succeeded(*arguments, "--weights", weights)
    weights.write_bytes(weights.read_bytes() + b"0")
    refused(*arguments, "--weights", weights, message=r"is another file than the published resnet18-\w{8}.pth")
    refused(
        *arguments, "--weights", tmp_path / "none", message=r"are not there. Download them \(https://download.pytorch"
    )


def test_unknown_networks_are_refused_and_folders_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"resnet19: is no network that hardmine knows: architecture: .*'resnet18'"):
        load_trunk("torchvision/resnet19", None, "cpu", 1)
    monkeypatch.chdir(tmp_path)
    assert names_trunk("torchvision/resnet18")
    assert names_trunk("bvlc-googlenet")
    assert not names_trunk("models/a/b/seed0")
    (tmp_path / "timm/mine").mkdir(parents=True)
    assert not names_trunk("timm/mine")
