"""Published weights: which file, what it gives, and what becomes of damaged, hostile and wrong files."""

import io
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import write_tar, write_zip
from safetensors.torch import save_file
from torchvision.models import get_model, get_model_weights

from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.bvlc_googlenet import CAFFE_NAMES
from hardmine.backbones.pretrained import read_arrays, read_safetensors, read_state
from hardmine.errors import UserError
from hardmine.methods.hdc.network import HDCNetwork
from hardmine.methods.hdc.settings import HDC
from hardmine.settings.backbones import backbone_from, weights_file
from hardmine.settings.backbones.torchvision import ARCHITECTURES

torch.set_num_threads(1)
BVLC = backbone_from({"name": "bvlc-googlenet", "embedding": 4})
RESNET = backbone_from({"name": "torchvision", "architecture": "resnet18", "embedding": 4})


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(get_model("resnet18", weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def bvlc_arrays() -> dict[str, np.ndarray]:
    """Arrays under Caffe's names; the numbers of each say which it is."""
    network = EmbeddingNetwork(BVLC, 3, 32)
    arrays = {"__meta__": np.array("{}")}
    for name, value in network.backbone.state_dict().items():
        layer, kind = name.split(".", 1)[1].rsplit(".", 1)
        entry = f"{CAFFE_NAMES.get(layer, layer.replace('.', '/'))}/{kind}"
        arrays[entry] = np.random.default_rng(len(arrays)).normal(0, 0.02, value.shape).astype(np.float32)
    return arrays


def test_the_file_of_every_architecture_is_the_official_one() -> None:
    for name in ARCHITECTURES:
        official = get_model_weights(name).IMAGENET1K_V1.url
        file = weights_file(backbone_from({"name": "torchvision", "architecture": name}))
        assert file.urls == (official,)
        assert official.endswith(f"-{file.sha256}.pth")
        assert len(file.sha256) == 8


def test_settings_name_the_file_or_none() -> None:
    assert weights_file(backbone_from({})) is None
    assert weights_file(backbone_from({"name": "bvlc-googlenet", "weights": "none"})) is None
    assert weights_file(BVLC).path == "data/raw/weights/bvlc_googlenet/bvlc_googlenet.npz"
    hub = weights_file(backbone_from({"name": "timm", "architecture": "resnet18.a1_in1k"}))
    assert hub.urls == ("https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors",)
    assert hub.name == "resnet18.a1_in1k.safetensors"


def test_caffes_arrays_arrive_in_their_layers_with_red_first(tmp_path: Path, bvlc_arrays: dict) -> None:
    np.savez(tmp_path / "weights.npz", **bvlc_arrays)
    for network in (EmbeddingNetwork(BVLC, 1, 32), HDCNetwork(HDC(method="hdc"), BVLC, 3, 32)):
        heads = {name: value.clone() for name, value in network.state_dict().items() if "head" in name}
        network.load_pretrained(tmp_path / "weights.npz")
        deep = network.backbone.inception_5b.inception_5b["3x3_reduce"].weight
        assert np.array_equal(deep.detach().numpy(), bvlc_arrays["inception_5b/3x3_reduce/weight"])
        first = network.backbone.inception_4a.conv1.weight.detach().numpy()
        assert np.array_equal(first, bvlc_arrays["conv1/7x7_s2/weight"][:, ::-1])
        assert all(torch.equal(value, network.state_dict()[name]) for name, value in heads.items())


def test_official_state_dictionaries_give_torchvisions_own_features(resnet_file: Path) -> None:
    network = EmbeddingNetwork(RESNET, 3, 64).eval()
    network.load_pretrained(resnet_file)
    theirs = get_model("resnet18", weights=None).eval()
    theirs.load_state_dict(torch.load(resnet_file, weights_only=True))
    theirs.fc = torch.nn.Identity()
    pixels = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = theirs((pixels / 255 - mean) / deviation)
        assert torch.allclose(network.features((pixels - 127.5) / 64), expected, atol=1e-4)


@pytest.mark.parametrize("architecture", ["googlenet", "densenet121", "swin_t", "mobilenet_v3_large"])
def test_networks_cut_at_other_places_give_torchvisions_own_features(architecture: str, tmp_path: Path) -> None:
    torch.manual_seed(2)
    options = {"init_weights": False, "transform_input": True} if architecture == "googlenet" else {}
    theirs = get_model(architecture, weights=None, **options).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    network = EmbeddingNetwork(backbone_from({"name": "torchvision", "architecture": architecture}), 3, 64).eval()
    network.load_pretrained(tmp_path / "weights.pth")
    last = next(layer for layer in reversed(list(theirs.modules())) if isinstance(layer, torch.nn.Linear))
    found: list[torch.Tensor] = []
    (theirs.avgpool if architecture == "mobilenet_v3_large" else last).register_forward_pre_hook(
        lambda _, inputs: found.append(inputs[0])
    )
    pixels = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        theirs((pixels / 255 - mean) / deviation)
        ours = network.features((pixels - 127.5) / 64)
    expected = found[0].mean(dim=(2, 3)) if found[0].dim() == 4 else found[0]
    assert torch.allclose(ours, expected, atol=1e-3 * float(expected.abs().max()))


def test_position_embeddings_are_interpolated_to_the_size_of_the_images(tmp_path: Path) -> None:
    settings = backbone_from({"name": "torchvision", "architecture": "vit_b_16", "embedding": 4})
    with torch.device("meta"):
        small, published = EmbeddingNetwork(settings, 3, 32), get_model("vit_b_16", weights=None)
    layers = "encoder.layers.encoder_layer_"
    state = {name: torch.zeros(1).expand(value.shape) for name, value in published.state_dict().items()}
    ramp = torch.arange(197.0)[None, :, None].expand(1, 197, 768).contiguous()
    torch.save({**state, "encoder.pos_embedding": ramp}, tmp_path / "weights.pth")
    found = small.backbone.published(tmp_path / "weights.pth")
    assert found["model.encoder.pos_embedding"].shape == (1, 5, 768)
    assert float(found["model.encoder.pos_embedding"][0, 0, 0]) == 0
    assert any(name.startswith(f"model.{layers}") for name in found)


def test_a_file_of_the_hub_is_loaded_into_its_network(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="the optional package timm is not installed")
    for name in ("resnet10t", "test_vit"):
        theirs = timm.create_model(name).eval()
        save_file(theirs.state_dict(), tmp_path / "model.safetensors")
        settings = backbone_from({"name": "timm", "architecture": name, "weights": "none"})
        network = EmbeddingNetwork(settings, 3, 160).eval()
        network.load_pretrained(tmp_path / "model.safetensors")
        mean, deviation = (torch.tensor(theirs.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
        pixels = torch.randint(0, 256, (1, 3, 160, 160), generator=torch.Generator().manual_seed(0)).float()
        with torch.no_grad():
            expected = theirs.forward_head(theirs.forward_features((pixels / 255 - mean) / deviation), pre_logits=True)
            assert torch.allclose(network.features((pixels - 127.5) / 64), expected, atol=1e-4)


class Opener:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def test_a_pickle_that_runs_commands_is_refused_without_running_them(tmp_path: Path) -> None:
    sign = tmp_path / "ran"
    hostile = Opener(f"touch {sign}")
    torch.save({"conv1.weight": hostile}, tmp_path / "new.pth")
    torch.save({"conv1.weight": hostile}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(hostile))
    for name in ("new.pth", "old.pth", "bare.pth"):
        with pytest.raises(UserError, match=f"{name}: cannot be read as a state dictionary"):
            EmbeddingNetwork(RESNET, 3, 32).load_pretrained(tmp_path / name)
    np.savez(tmp_path / "objects.npz", **{"conv1/7x7_s2/weight": np.array([hostile], dtype=object)})
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(hostile))
    for name in ("objects.npz", "bare.npz"):
        with pytest.raises(UserError, match=f"{name}: cannot be read as arrays"):
            EmbeddingNetwork(BVLC, 3, 32).load_pretrained(tmp_path / name)
    assert not sign.exists()
    subprocess.run(
        [sys.executable, "-c", f"import pickle; pickle.loads(open({str(tmp_path / 'bare.pth')!r}, 'rb').read())"],
        check=True,
    )
    assert sign.exists(), "the file would not have done anything anyway"


@pytest.mark.parametrize("length", [0, 1, 100, 10_000, -1, -1000])
def test_a_truncated_file_is_named_with_the_remedy(length: int, tmp_path: Path, resnet_file: Path, bvlc_arrays) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: bvlc_arrays[name] for name in list(bvlc_arrays)[:3]})
    cut = {"pth": (RESNET, resnet_file.read_bytes()), "npz": (BVLC, buffer.getvalue())}
    for kind, (settings, content) in cut.items():
        path = tmp_path / f"weights.{kind}"
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=rf"weights.{kind}: .*(Delete the file and its made.json|right file there)"):
            EmbeddingNetwork(settings, 3, 32).load_pretrained(path)


def test_an_altered_npz_is_noticed(tmp_path: Path, bvlc_arrays: dict) -> None:
    np.savez(tmp_path / "weights.npz", **bvlc_arrays)
    content = bytearray((tmp_path / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "weights.npz").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as arrays"):
        EmbeddingNetwork(BVLC, 3, 32).load_pretrained(tmp_path / "weights.npz")


def test_weights_of_another_network_are_refused(tmp_path: Path, resnet_file: Path, bvlc_arrays: dict) -> None:
    deeper = backbone_from({"name": "torchvision", "architecture": "resnet34"})
    with pytest.raises(UserError, match=r"are not the weights of this network: \d+ of its \d+ tensors are missing"):
        EmbeddingNetwork(deeper, 3, 32).load_pretrained(resnet_file)
    wrong = {**bvlc_arrays, "inception_4b/1x1/weight": np.zeros((7, 512, 1, 1), np.float32)}
    np.savez(tmp_path / "shape.npz", **wrong)
    with pytest.raises(UserError, match=r"inception_4b.1x1.weight is 7×512×1×1 in the file and 160×512×1×1 in the net"):
        EmbeddingNetwork(BVLC, 3, 32).load_pretrained(tmp_path / "shape.npz")
    nan = {**bvlc_arrays, "inception_4b/1x1/weight": np.full((160, 512, 1, 1), np.nan, np.float32)}
    np.savez(tmp_path / "nan.npz", **nan)
    with pytest.raises(UserError, match="holds values that are not finite"):
        EmbeddingNetwork(BVLC, 3, 32).load_pretrained(tmp_path / "nan.npz")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="it is no dictionary of tensors"):
        EmbeddingNetwork(RESNET, 3, 32).load_pretrained(tmp_path / "list.pth")


def test_a_missing_file_and_a_family_without_files_are_explained(tmp_path: Path) -> None:
    for settings in (BVLC, RESNET):
        with pytest.raises(UserError, match=r"none: there is no such file. Run 'snakemake"):
            EmbeddingNetwork(settings, 3, 32).load_pretrained(tmp_path / "none")
    with pytest.raises(UserError, match=r"has no published weights. Set weights: none."):
        EmbeddingNetwork(backbone_from({"width": 2}), 3, 32).load_pretrained(tmp_path / "none")


def test_a_failed_load_leaves_the_network_as_it_was(resnet_file: Path) -> None:
    network = EmbeddingNetwork(backbone_from({"name": "torchvision", "architecture": "resnet34"}), 3, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(UserError):
        network.load_pretrained(resnet_file)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())


def test_weights_that_are_no_files_or_claim_more_than_they_hold_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (read_arrays, read_state, read_safetensors):
        with pytest.raises(UserError, match="pipe: is a pipe, not a file"):
            read(tmp_path / "pipe")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    write_zip(tmp_path / "bomb.npz", {"conv1/7x7_s2/weight.npy": head.getvalue()})
    with pytest.raises(UserError, match=r"bomb.npz: cannot be read as arrays \(.npz\) \(an array of \[1000000000000\]"):
        read_arrays(tmp_path / "bomb.npz")


def test_compressed_parts_of_a_state_dictionary_are_refused_and_older_formats_read(tmp_path: Path) -> None:
    state = {"weight": torch.arange(6.0).reshape(2, 3)}
    torch.save(state, tmp_path / "new.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("new.pth", "old.pth"):
        assert torch.equal(read_state(tmp_path / name)["weight"], state["weight"])
    with zipfile.ZipFile(tmp_path / "new.pth") as archive:
        write_zip(tmp_path / "bomb.pth", {part: archive.read(part) for part in archive.namelist()})
    with pytest.raises(UserError, match=r"bomb.pth: .*its parts are compressed"):
        read_state(tmp_path / "bomb.pth")


def test_a_tar_archive_in_place_of_a_state_dictionary_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tar(tmp_path / "weights.pth", {"storages": b"x", "tensors": b"x", "pickle": b"x"}, "w")

    def opening(*_: object, **__: object) -> None:
        raise AssertionError("was opened")

    monkeypatch.setattr(tarfile, "open", opening)
    with pytest.raises(UserError, match=r"weights.pth: cannot be read as a state dictionary") as caught:
        read_state(tmp_path / "weights.pth")
    assert "was opened" not in str(caught.value)
