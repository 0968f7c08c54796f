"""Trials: their folds, what they can reach, what becomes of those that fail or are stopped."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from hardmine.artefacts import Job, read_record
from hardmine.artefacts.making import making
from hardmine.datasets import Items, write_items
from hardmine.errors import StoppedError, TrainingFailedError, UserError
from hardmine.images import ImageStore, open_store, write_images
from hardmine.settings import jobs_of, load_plan
from hardmine.training import loop
from hardmine.training import trial as trials
from hardmine.training.loop import train
from hardmine.training.trial import fold_stores, trial

CLASSES, MEMBERS = 12, 6
RUNS: dict[str, Any] = {
    "a": {"method": "triplet", "selection": "semihard"},
    "b": {"method": "contrastive", "training": {"learning_rate": 1e9}},
}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pack(test_seed: int = 0, test_name: str = "t", classes: list[int] | None = None) -> None:
    """A packed store: training, validation and test classes; of training classes all, or some as ``classes``."""
    chosen = list(range(CLASSES)) if classes is None else classes
    rng, other = np.random.default_rng(3), np.random.default_rng(test_seed)
    names = [f"c{number:02}" for number in range(CLASSES + 4)] + [f"{test_name}{number}" for number in range(4)]
    splits = ["train"] * CLASSES + ["validation"] * 4 + ["test"] * 4
    shapes = rng.integers(0, 200, (CLASSES + 4, 1, 16, 16, 1))
    pixels = (shapes + rng.integers(0, 55, (CLASSES + 4, MEMBERS, 16, 16, 1))).astype(np.uint8)
    pixels = np.concatenate([pixels, other.integers(0, 255, (4, MEMBERS, 16, 16, 1)).astype(np.uint8)])
    kept = [number for number in range(CLASSES + 8) if number >= CLASSES or number in chosen]
    place = next(job for job in jobs() if job.verb == "preprocess")
    with making(replace(place, inputs=(), code=())) as folder:
        write_images(folder / "images.npy", pixels[kept].reshape(-1, 16, 16, 1))
        repeated = [[value[number] for number in kept for _ in range(MEMBERS)] for value in (names, splits)]
        paths = [f"{name}/{row}.png" for row, name in enumerate(repeated[0])]
        roles = ["train" if split == "train" else "both" for split in repeated[1]]
        write_items(folder / "items.csv", Items(paths, repeated[0], repeated[1], roles))


def jobs(**tuning: Any) -> list[Job]:
    plan = {
        "plan": "t",
        "baseline": "a",
        "seeds": [0],
        "dataset": {"name": "glyphs", "variant": "t", "size": 16, "train_letters": CLASSES},
        "backbone": {"width": 4, "embedding": 8},
        "training": {"images": 128, "batch": {"classes": 4, "images_per_class": 4}},
        "tuning": {"trials": 5, "folds": 3, "seed": 5, **tuning},
        "runs": RUNS,
    }
    return jobs_of(load_plan(plan, "t"))


def job_of(folder: str, **tuning: Any) -> Job:
    (found,) = (job for job in jobs(**tuning) if job.folder == folder)
    return replace(found, code=())


def scores_of(job: Job) -> list[dict[str, Any]]:
    with making(job) as folder:
        trial(job, folder, 1, "cpu")
    return json.loads(Path(job.folder, "scores.json").read_text())["folds"]


def test_every_class_is_held_out_once_and_the_two_sides_share_none() -> None:
    pack()
    store, _ = open_store(Path("data/packed/glyphs-t"), "train")
    held_rows: list[int] = []
    for fit, held in fold_stores(store, 3, 5):
        assert set(fit.rows) | set(held.rows) == set(store.rows)
        assert not set(fit.rows) & set(held.rows)
        assert held.classes == CLASSES // 3
        assert fit.classes == CLASSES - CLASSES // 3
        assert {len(set(store.labels[np.isin(store.rows, part.rows)])) for part in (fit, held)} == {8, 4}
        held_rows += held.rows.tolist()
    assert sorted(held_rows) == store.rows.tolist()
    assert [held.rows.tolist() for _, held in fold_stores(store, 3, 5)] != [
        held.rows.tolist() for _, held in fold_stores(store, 3, 6)
    ]


def test_the_store_of_a_trial_cannot_address_an_image_outside_the_training_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pack()
    seen: list[ImageStore] = []
    build = trials.build

    def watch(settings: Any, training: Any, store: ImageStore, *rest: Any) -> Any:
        seen.append(store)
        return build(settings, training, store, *rest)

    monkeypatch.setattr(trials, "build", watch)
    scores_of(job_of("tuning/t/a/trial0"))
    assert len(seen) == 3
    for store in seen:
        assert set(store.rows) < set(range(CLASSES * MEMBERS))
        for outside in (len(store), -len(store) - 1, CLASSES * MEMBERS):
            with pytest.raises(IndexError):
                store.read(np.array([outside]))


def test_every_fold_starts_from_the_weights_of_the_run_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pack()
    other = next(job for job in jobs() if job.folder == "models/t/a/seed0")
    settings = {key: value for key, value in other.settings.items() if key != "choice"}
    saved, _ = trained(replace(other, settings=settings, inputs=other.inputs[:1], code=()))
    begun: list[dict[str, Any]] = []
    follow = trials.follow

    def watch(method: Any, *rest: Any) -> None:
        begun.append({name: value.clone() for name, value in method.network.state_dict().items()})
        follow(method, *rest)

    monkeypatch.setattr(trials, "follow", watch)
    job = job_of("tuning/t/a/trial0")
    where = {**job.where, "start": "models/t/a/seed0"}
    scores_of(
        replace(job, where=where, inputs=(*job.inputs, "models/t/a/seed0"), settings={**job.settings, "start": "run"})
    )
    assert len(begun) == 3
    assert all(value.equal(saved[name]) for weights in begun for name, value in weights.items())


def test_scores_hang_on_no_test_image_nor_label() -> None:
    pack()
    scores_of(job_of("tuning/t/a/trial4"))
    first = Path("tuning/t/a/trial4/scores.json").read_bytes()
    pack(test_seed=9, test_name="a")  # other pixels, and names that come before those of the training classes
    scores_of(job_of("tuning/t/a/trial4"))
    assert Path("tuning/t/a/trial4/scores.json").read_bytes() == first


def test_a_fold_is_an_ordinary_training_of_its_classes() -> None:
    """The training of a packing that holds the fold's training classes alone has the weights that the trial scores."""
    pack()
    job = job_of("tuning/t/a/trial0")
    found = scores_of(job)[1]
    store, _ = open_store(Path("data/packed/glyphs-t"), "train")
    fit, held = fold_stores(store, 3, 5)[1]
    pixels = store.pixels[held.rows].copy()
    pack(classes=sorted({row // MEMBERS for row in fit.rows.tolist()}))
    settings = {
        **{key: job.settings[key] for key in ("method", "backbone", "training", "preparation")},
        "seed": job.settings["seed"] + 1,
        "protocol": "paper",
        "start": "none",
    }
    model = replace(next(item for item in jobs() if item.verb == "train"), settings=settings, code=())
    model = replace(model, inputs=model.inputs[:1])
    with making(model) as folder:
        train(model, folder, 1, "cpu")
    from hardmine.methods import method_class
    from hardmine.settings.backbones import backbone_from
    from hardmine.settings.methods import run_from
    from hardmine.training.loop import embed_rows, retrieval_scores

    run = run_from(settings["method"])
    network = method_class(run.method).build_network(run, backbone_from(settings["backbone"]), 1, 16)
    network.load_state_dict(load_file(Path(model.folder, "model.safetensors")))
    alone = ImageStore(pixels, np.arange(len(pixels)), held.labels)
    import torch

    expected = retrieval_scores(embed_rows(network, alone, torch.device("cpu"), 16)["embedding"], held.labels)
    assert found["map@r"] == pytest.approx(expected["map@r"], abs=1e-12)
    assert found["recall@1"] == pytest.approx(expected["recall@1"], abs=1e-12)


def test_a_fold_that_fails_counts_0_with_its_reason_and_stops_nothing() -> None:
    pack()
    folds = scores_of(job_of("tuning/t/b/trial0"))
    assert [fold["map@r"] for fold in folds] == [0.0, 0.0, 0.0]
    assert all("training:" in fold["failed"] for fold in folds)


def test_a_stopped_trial_goes_on_in_its_fold_with_equal_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    pack()
    job = job_of("tuning/t/a/trial4")
    whole = scores_of(job)
    Path(job.folder, "made.json").unlink()
    job = replace(job, where={**job.where, "checkpoint_seconds": 0.0})
    count = 0
    pause = trials.follow

    def interrupted(method: Any, log: Any, progress: Any, close_epoch: Any, pause_: Any) -> None:
        def pausing() -> None:
            nonlocal count
            count += 1
            if count == 12:  # in the second fold
                os.kill(os.getpid(), signal.SIGTERM)
            pause_()

        pause(method, log, progress, close_epoch, pausing)

    monkeypatch.setattr(trials, "follow", interrupted)
    with pytest.raises(StoppedError, match=r"trial4: fold 2, step \d+ of"):
        scores_of(job)
    steps = count
    assert scores_of(job) == whole
    assert count - steps < steps * 3


def test_a_trial_that_another_run_has_made_is_taken_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pack()
    job = job_of("tuning/t/a/trial4")
    whole = scores_of(job)
    renamed = replace(job, folder="tuning/t/z/trial4", where={**job.where, "run": "z"})
    monkeypatch.setattr(trials, "prepare_device", lambda *_, **__: pytest.fail("it is trained again"))
    assert scores_of(renamed) == whole
    made, other = read_record(renamed.folder), read_record(job.folder)
    assert made is not None
    assert other is not None
    assert made.outputs == other.outputs
    assert made.made_with["device"] == other.made_with["device"]  # that of the work, which is not done again
    with pytest.raises(pytest.fail.Exception):
        scores_of(replace(renamed, settings={**job.settings, "seed": 1}))
    with pytest.raises(pytest.fail.Exception):  # verify --remake trains
        scores_of(replace(job, folder=f"scratch/remake/{job.folder}"))
    path = Path(job.folder, "made.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "made_with": {**record["made_with"], "torch": "2.0.0"}}))
    with pytest.raises(pytest.fail.Exception):
        scores_of(replace(renamed, folder="tuning/t/y/trial4"))


def trained(job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights and the record of a training."""
    with making(job) as folder:
        train(job, folder, 1, "cpu")
    record = read_record(job.folder)
    assert record is not None
    return load_file(Path(job.folder, "model.safetensors")), vars(record)


def test_a_training_that_collapses_counts_with_the_untrained_network_and_says_so() -> None:
    pack()
    job = next(item for item in jobs() if item.folder == "models/t/b/seed0")
    settings = {key: value for key, value in job.settings.items() if key != "choice"}
    job = replace(job, settings=settings, inputs=job.inputs[:1], code=())
    weights, record = trained(job)
    assert record["failed"]["counts"] == "the untrained network"
    assert record["failed"]["step"] >= 1
    assert "training:" in record["failed"]["reason"]
    none = replace(job, settings={**settings, "training": {**settings["training"], "learning_rate": 1e-30}})
    untouched, good = trained(none)
    assert good["failed"] == {}
    for name, value in untouched.items():
        if "running" not in name and "tracked" not in name:
            assert weights[name].allclose(value, rtol=0, atol=1e-20), name


def test_a_training_that_fails_later_counts_with_its_best_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    pack()
    job = next(item for item in jobs() if item.folder == "models/t/a/seed0")
    settings = {key: value for key, value in job.settings.items() if key != "choice"}
    job = replace(job, settings=settings, inputs=job.inputs[:1], code=())
    constant = {**settings["training"], "schedule": "constant"}
    first, _ = trained(replace(job, settings={**settings, "training": {**constant, "images": 96}}))  # an epoch
    step = loop.Method.step

    def failing(method: Any, log: Any) -> None:
        if method.step_number == 7:
            raise TrainingFailedError("training: 'loss' became nan.")
        step(method, log)

    monkeypatch.setattr(loop.Method, "step", failing)
    weights, record = trained(replace(job, settings={**settings, "training": constant}))
    assert record["failed"] == {"reason": "training: 'loss' became nan.", "step": 8, "counts": "epoch 1"}
    assert all(weights[name].equal(value) for name, value in first.items())
    assert len(Path(job.folder, "history.csv").read_text().splitlines()) == 2


def test_a_collapse_at_the_end_is_one_of_the_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    pack()
    job = next(item for item in jobs() if item.folder == "models/t/a/seed0")
    job = replace(job, settings={**job.settings, "choice": {}}, inputs=job.inputs[:1], code=())
    settings = {key: value for key, value in job.settings.items() if key != "choice"}

    def collapsing(*_: Any) -> None:
        raise TrainingFailedError("training: the embeddings lie on a point.")

    monkeypatch.setattr(loop, "_close_epoch", collapsing)
    short = {**settings["training"], "images": 96}
    _, record = trained(replace(job, settings={**settings, "training": short}))
    assert record["failed"]["step"] == 6


def test_the_history_so_far_is_readable_while_training_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pack()
    job = next(item for item in jobs() if item.folder == "models/t/a/seed0")
    settings = {key: value for key, value in job.settings.items() if key != "choice"}
    job = replace(job, settings=settings, inputs=job.inputs[:1], code=())
    written = job.scratch / "history.csv"
    written.parent.mkdir(parents=True)
    written.write_text("of a training with other settings\n")
    step, seen = loop.Method.step, []

    def watching(method: Any, log: Any) -> None:
        seen.append(written.read_text().splitlines()[1:] if written.exists() else None)
        step(method, log)

    monkeypatch.setattr(loop.Method, "step", watching)
    trained(job)
    assert seen[0] is None
    assert [row.split(",")[0] for row in seen[-1]] == [str(epoch + 1) for epoch in range(len(seen[-1]))]
    final = Path(job.folder, "history.csv").read_text().splitlines()[1:]
    assert final[: len(seen[-1])] == seen[-1]
    assert len(final) == len(seen[-1]) + 1


def test_parts_without_two_classes_or_a_pair_are_refused() -> None:
    pixels = np.zeros((12, 16, 16, 1), np.uint8)
    with pytest.raises(UserError, match="4 parts of 6 training classes leave fewer than two in a part; at most 3"):
        fold_stores(ImageStore(pixels, np.arange(12), np.repeat(np.arange(6), 2)), 4, 0)
    with pytest.raises(UserError, match="every class in part 1 of 2 has one image"):
        fold_stores(ImageStore(pixels, np.arange(12), np.arange(12)), 2, 0)
