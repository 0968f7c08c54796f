"""Deep spectral clustering as a method: its head, its whitening, its controls, resuming."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from resuming import assert_resumes
from tiny import advance, build, weights

from hardmine.errors import UserError
from hardmine.methods.log import EpochLog
from hardmine.methods.spectral.settings import Spectral
from hardmine.methods.spectral.whitening import whitening_of

OWN = {"method": "spectral", "head": 4}
TRIPLET = {"method": "spectral", "objective": "triplet"}


def embedded(method, count=20):
    return method.network.eval().embed(method.images.plain(np.arange(count)))


def test_the_triplet_control_is_the_method_triplet_bit_for_bit():
    control, plain = build(TRIPLET), build({"method": "triplet", "selection": "random"})
    for method in (control, plain):
        advance(method, 10)
    found = weights(control)
    for name, value in weights(plain).items():
        assert torch.equal(found[name], value), name
    assert torch.equal(embedded(control)["embedding"], embedded(plain)["embedding"])


def test_every_run_is_scored_plain_and_whitened():
    assert list(embedded(build(OWN))) == ["embedding", "whitened", "head", "head-whitened"]
    assert list(embedded(build(TRIPLET))) == ["embedding", "whitened"]
    assert list(embedded(build(OWN | {"whiten": False}))) == ["embedding", "head"]
    assert set(embedded(build(OWN))) <= {"embedding", *Spectral.levels}
    assert embedded(build(OWN))["head"].shape == (20, 4)


def test_whitening_is_that_of_all_training_images_at_the_epochs_end():
    for run in (OWN, TRIPLET):
        method = build(run)
        advance(method, method.steps_per_epoch)
        images = method.images.plain(np.arange(64))
        outputs = method.network.eval()(images)
        for name, rows in outputs.items():
            rows = torch.nn.functional.normalize(rows, dim=1) if run is TRIPLET else rows
            expected = whitening_of(rows).float()
            assert torch.allclose(getattr(method.network, f"{name}_whitening"), expected, rtol=1e-3, atol=1e-3)
        before = method.network.embedding_whitening.clone()
        advance(method, 1)
        assert torch.equal(before, method.network.embedding_whitening)


def test_the_last_step_takes_the_whitening_too():
    method = build(OWN, images=6 * 16)
    advance(method, 4)
    before = method.network.embedding_whitening.clone()
    advance(method, 2)
    assert not torch.equal(before, method.network.embedding_whitening)


def test_measuring_changes_nothing_of_training():
    with_, without = build(OWN), build(OWN | {"whiten": False})
    for method in (with_, without):
        advance(method, 9)
    found = weights(with_)
    assert all(torch.equal(found[name], value) for name, value in weights(without).items())


def test_the_loss_is_taken_of_the_head_or_of_the_embedding():
    outputs = {"embedding": torch.randn(16, 8), "head": torch.randn(16, 4)}
    rows = torch.arange(64).reshape(8, 8)[:4, :4].reshape(-1)
    for run, features in ((OWN, "head"), (OWN | {"head": 0}, "embedding")):
        given = {name: value.requires_grad_() for name, value in outputs.items() if name == "embedding" or run is OWN}
        method = build(run)
        value = method.loss(given, rows, EpochLog())
        expected = method.spectral_loss_of(given[features], method.images.labels[rows], EpochLog())
        assert float(value.detach()) == pytest.approx(float(expected.detach()))


def test_centring_takes_the_mean_away():
    rows, labels = torch.randn(16, 4, dtype=torch.float64) + 5, torch.arange(4).repeat_interleave(4)
    found = build(OWN | {"centre": True}).spectral_loss_of(rows.requires_grad_(), labels, EpochLog())
    shifted = build(OWN | {"centre": True}).spectral_loss_of(rows + 7, labels, EpochLog())
    assert float(found.detach()) == pytest.approx(float(shifted.detach()))


def test_released_gradients_are_half_and_ridge_has_its_own():
    labels = torch.arange(4).repeat_interleave(4)
    start = torch.randn(16, 4, dtype=torch.float64)
    found = {}
    for name, keys in {"exact": {}, "released": {"gradient": "released"}, "ridge": {"ridge": 0.1}}.items():
        rows = start.clone().requires_grad_()
        build(OWN | keys).spectral_loss_of(rows, labels, EpochLog()).backward()
        found[name] = rows.grad
    assert torch.allclose(found["released"] * 2, found["exact"])
    assert not torch.allclose(found["ridge"], found["exact"])


RUNS = [
    OWN,
    OWN | {"head": 0},
    OWN | {"ridge": 0.01, "centre": True},
    OWN | {"objective": "within-trace"},
    {"method": "spectral", "objective": "softmax"},
    TRIPLET,
]


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_resumed_run_goes_on_bit_for_bit(run):
    assert_resumes(run, (5, 4))


@pytest.mark.parametrize("run", [OWN, OWN | {"objective": "within-trace"}], ids=str)
def test_training_lowers_the_loss(run):
    method = build(run, learning_rate=0.003, images=6400)
    first = advance(method, 4).means()["loss"]
    advance(method, 16)
    assert advance(method, 4).means()["loss"] < first


def test_what_is_logged():
    means = advance(build(OWN), 4).means()
    assert 0 < means["of_chance"] < 1.5
    assert (means["rank"], means["cut_share"]) == (4, 0)
    assert means["singular_min_log10"] <= means["singular_max_log10"]


def test_a_batch_inside_its_span_is_refused():
    with pytest.raises(UserError, match="a batch of 16 images lies in the span of 16 dimensions"):
        build(OWN | {"head": 16})
    build(OWN | {"head": 16, "ridge": 0.1})
    build(OWN | {"head": 16, "objective": "within-trace"})


def test_embeddings_that_are_no_numbers_are_named():
    with pytest.raises(UserError, match="'length' became nan"):
        build(OWN).spectral_loss_of(torch.full((16, 4), torch.nan), torch.arange(16) // 4, EpochLog())


def test_free_directions_are_said(capsys):
    build(OWN | {"head": 7})
    build(OWN | {"head": 2})
    build(OWN)
    assert capsys.readouterr().out.splitlines() == [
        "spectral: 4 classes, 7 dimensions: 3 are free, the loss can reach 0.",
        "spectral: 4 classes, 2 dimensions: 0 are free, the loss can reach 2.",
    ]


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_equal_embeddings_and_one_class_give_finite_gradients(run):
    method = build(run)
    for vectors, rows in (
        (torch.ones(6, 8), [0, 1, 8, 9, 16, 17]),
        (torch.zeros(6, 8), [0, 1, 8, 9, 16, 17]),
        (torch.randn(6, 8), [0, 1, 2, 3, 4, 5]),
        (torch.randn(6, 8), [0, 0, 8, 16, 24, 32]),
    ):
        given = {"embedding": vectors.requires_grad_()}
        if run.get("head"):
            given["head"] = vectors[:, :4]
        method.loss(given, torch.tensor(rows), EpochLog()).backward()
        assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"objective": "softmax", "head": 25}, "has no place in objective: softmax"),
        ({"head": 1}, "1 direction tells no classes apart"),
        ({"objective": "triplet", "ridge": 0.1}, "no effect on objective: triplet"),
        ({"gradient": "released", "ridge": 0.1}, "without ridge"),
        ({"cut": 0}, "greater than 0"),
        ({"head": -1}, "greater than or equal to 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        Spectral(method="spectral", **keys)


def test_the_head_is_absent_where_the_objective_has_none():
    assert [Spectral(method="spectral", objective=name).head for name in ("spectral", "softmax", "triplet")] == [
        25,
        0,
        0,
    ]
