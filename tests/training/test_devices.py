"""What is said of devices that cannot be used; only the device is faked."""

import os
import re
import tempfile
from pathlib import Path

import pytest
import torch

from hardmine import verbs
from hardmine.artefacts import Job, devices
from hardmine.artefacts.notes import take_notes
from hardmine.errors import UserError
from hardmine.training import device
from hardmine.training.device_faults import telling_of_devices
from hardmine.training.embed import embed
from hardmine.training.loop import train
from hardmine.training.trial import trial

SETTINGS = {
    "training": {"batch": {"classes": 16, "images_per_class": 4}, "precision": "float32"},
    "method": {"method": "contrastive"},
}


def meet(error: Exception, settings: dict) -> str:
    @telling_of_devices
    def work(job: Job) -> None:
        raise error

    with pytest.raises(UserError) as met:
        work(Job("plan", "train", "models/plan/run/seed0", (), (), settings, {}))
    assert met.value.exit_code == 2
    assert met.value.__cause__ is error
    return str(met.value)


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        (SETTINGS, 64),
        ({**SETTINGS, "training": {**SETTINGS["training"], "forward_images": 10}}, 10),
        ({**SETTINGS, "method": {"method": "schem", "groups": 4, "group_size": 5}}, 20),
        ({**SETTINGS, "method": {"method": "htl", "seeds": 2, "group": 3, "images_per_class": 4}}, 24),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_says_how_small_a_part_may_fit(error: Exception, settings: dict, images: int) -> None:
    said = meet(error, settings)
    assert f"did not do for {images} images at once" in said
    assert f"training.forward_images: {images // 2}" in said
    assert said.startswith("models/plan/run/seed0: this machine's memory")


def test_a_method_that_takes_a_batch_at_once_is_not_told_to_take_parts() -> None:
    said = meet(torch.OutOfMemoryError(), {**SETTINGS, "method": {"method": "hdml", "batch_size": 32}})
    assert "did not do for 32 images at once" in said
    assert "forward_images" not in said
    assert "Take a smaller batch" in said


def test_the_device_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some Card")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("P", (), {"total_memory": 6 * 2**30}))
    assert "the 6.0 GiB of Some Card" in meet(torch.OutOfMemoryError("CUDA out of memory"), SETTINGS)
    assert "--resources gpu=0" in meet(torch.OutOfMemoryError("CUDA out of memory"), {"method": {"method": "x"}})


def test_a_device_that_goes_away_is_no_traceback_and_the_training_can_go_on() -> None:
    said = meet(RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be …"), SETTINGS)
    assert "went away (CUDA error: unspecified launch failure)" in said
    assert "goes on from the newest checkpoint" in said


def test_other_errors_stay_what_they_are() -> None:
    @telling_of_devices
    def work(job: Job) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        work(Job("plan", "train", "models/plan/run/seed0", (), (), {}, {}))


def test_all_work_on_devices_tells() -> None:
    for work in (train, trial, embed):
        assert work.__wrapped__.__name__ == work.__name__


def test_a_driver_whose_gpus_torch_cannot_use_is_told_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARDMINE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "devices_here", lambda: 2)
    with pytest.raises(UserError, match=r"names 2 GPU\(s\).*can use none.*HARDMINE_DEVICES="):
        device.prepare_device("auto", 1, alone=True)
    assert device.prepare_device("cpu", 1, alone=True).type == "cpu"
    assert device.prepare_device("auto", 1).type == "cpu"
    monkeypatch.setenv("HARDMINE_DEVICES", "")
    assert device.prepare_device("auto", 1, alone=True).type == "cpu"


def test_a_torch_without_cuda_beside_a_driver_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "version", lambda _: "2.9.0+cpu")
    (tmp_path / "0000:01:00.0").mkdir()
    assert devices.devices_here(tmp_path) == 0
    assert re.search("1 GPU.*torch 2.9.0.cpu.*processor", devices.said_of_devices(0, tmp_path))


@pytest.mark.parametrize(
    ("there", "asked", "taken"), [(False, "auto", "cpu"), (True, "auto", "cuda"), (True, "cpu", "cpu")]
)
def test_evaluation_searches_on_a_device_that_no_other_job_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool, asked: str, taken: str
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(device, "_held", [])
    monkeypatch.setenv("HARDMINE_DEVICES", "3" if there else "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some Card")
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *_, **__: None)
    monkeypatch.setattr(verbs, "_run", lambda *given: seen.append(given[-1]()))
    take_notes()
    verbs.evaluate([Path("a.json"), Path("b.json")], threads=1, device=asked)
    assert seen == [taken, taken]
    assert take_notes().circumstances.get("device", "cpu") == ("Some Card" if taken == "cuda" else "cpu")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ("3" if taken == "cuda" else "")


def test_gradients_of_images_that_are_picked_often_are_repeatable_in_several_threads() -> None:
    draws = torch.Generator().manual_seed(0)
    points = torch.randn(100, 64, generator=draws, requires_grad=True)
    rows = torch.randint(100, (3, 4000), generator=draws)
    factors = torch.randn(3, 4000, 64, generator=draws)
    device.prepare_device("cpu", 4, gradients=True)
    try:
        (seen,) = {torch.autograd.grad((points[rows] * factors).sum(), points)[0].numpy().tobytes() for _ in range(8)}
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(1)
    assert seen
