"""The mixed difference network and the attributes of letters."""

import pytest
import torch
from circle import close
from tiny import advance, build

from hardmine.errors import UserError
from hardmine.images import ImageStore
from hardmine.methods import Method
from hardmine.methods.ccl.attributes import attributes_of, shuffled
from hardmine.methods.ccl.network import MixedNetwork

LETTERS = ("U+0041", "U+00C1", "U+00C4", "U+0042", "U+0391", "U+0392", "U+0410", "U+0411")
"""A, Á, Ä, B; two letters of the Greek and two of the Cyrillic script."""
MIXED = {"method": "ccl", "network": "mixed"}


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The eight classes of the tiny setup lie in folders named by letters."""
    monkeypatch.setattr(ImageStore, "paths", lambda store: [f"{LETTERS[label]}/000-Face" for label in store.labels])


def network_of(method: Method) -> MixedNetwork:
    assert isinstance(method.network, MixedNetwork)
    return method.network


def test_the_heads_are_the_worked_ones() -> None:
    network = MixedNetwork.__new__(MixedNetwork)
    torch.nn.Module.__init__(network)
    weights = {
        "head": [[1, 0.5], [-0.5, 0.2]],
        "instance_head": [[0.3, -0.4], [0.6, 0.1]],
        "join": [[0.2, 0.4, -0.1, 0.3], [0.5, -0.6, 0.7, 0.2]],
    }
    for name, rows in weights.items():
        layer = torch.nn.Linear(len(rows[0]), 2, bias=False).double()
        layer.load_state_dict({"weight": torch.tensor(rows).double()})
        setattr(network, name, layer)
    x = torch.tensor([[0.5, 1.0]]).double()
    found = network.heads(x, x)
    close(found["attribute"][0], (1, 0))
    close(found["instance"][0], (-0.25, 0.4))
    close(found["embedding"][0], (0.345, 0.405))
    logits = found["attribute"] @ torch.tensor([[0.5, 1], [-0.2, 0.4], [0.1, -0.3]]).double().T
    close(logits[0], (0.5, -0.2, 0.1))
    close(torch.nn.functional.cross_entropy(logits, torch.tensor([1])), 1.473300)


def test_attributes_are_scripts_or_letters_without_accents() -> None:
    paths = [f"{letter}/000-Face" for letter in LETTERS]
    assert attributes_of(paths, "script").tolist() == [2, 2, 2, 2, 1, 1, 0, 0]
    assert attributes_of(paths, "base-letter").tolist() == [0, 0, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("path", ["001.Black_footed_Albatross/a.jpg", "U+GG/1", "U+110000000/1", "U+D800/1", "a.png"])
def test_folders_that_name_no_letter_are_refused(path: str) -> None:
    with pytest.raises(UserError, match="no folder named by a letter's code point"):
        attributes_of(["U+0041/000", path], "script")


def test_one_attribute_for_all_is_refused() -> None:
    with pytest.raises(UserError, match="attribute: all training images have the script LATIN"):
        attributes_of(["U+0041/0", "U+0042/0"], "script")


def test_shuffled_attributes_are_dealt_to_classes_and_keep_their_numbers() -> None:
    labels = torch.arange(30).repeat_interleave(3).numpy()
    own = labels % 4
    dealt = shuffled(own, labels, 0)
    assert (dealt.reshape(30, 3) == dealt.reshape(30, 3)[:, :1]).all()
    assert sorted(dealt) == sorted(own)
    assert (dealt != own).mean() > 0.5


@pytest.mark.usefixtures("letters")
def test_the_first_branch_learns_alone_and_then_both_do() -> None:
    method = build(MIXED, images=256)
    network, steps = network_of(method), method.steps_per_epoch
    before = {name: value.clone() for name, value in network.named_parameters()}
    log = advance(method, steps).means()
    moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.startswith(("backbone.", "head."))}
    assert "cluster_loss" not in log
    later = advance(method, 2 * steps).means()
    assert later["attribute_accuracy"] > log["attribute_accuracy"]
    assert not [name for name, value in network.named_parameters() if torch.equal(value, before[name])]
    expected = later["cluster_loss"] + 0.5 * later["branch_loss"] + 0.5 * later["attribute_loss"]
    assert later["loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("keys", [{}, {"attribute_order": "shuffled"}, {"attribute": "base-letter"}], ids=str)
def test_a_mixed_training_resumes(keys: dict) -> None:
    straight, stopped, resumed = (build(MIXED | keys, images=256) for _ in range(3))
    advance(straight, 7)
    log = advance(stopped, 3)
    resumed.load_state_dict(stopped.state_dict())
    advance(resumed, 4, log)
    for name in ("network", "classifier"):
        pairs = zip(straight.parts[name].state_dict().values(), resumed.parts[name].state_dict().values(), strict=True)
        assert all(torch.equal(first, second) for first, second in pairs)


def test_images_are_found_by_the_joined_embedding_alone() -> None:
    network = network_of(build(MIXED | {"attribute_weight": 0})).eval()
    images = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    found = network.embed(images)
    assert list(found) == ["embedding"]
    assert torch.allclose(found["embedding"].norm(dim=1), torch.ones(3))
    assert set(network(images)) == {"embedding", "instance", "attribute"}


def test_the_copies_start_equal_share_no_weights_and_follow_other_runs_weights() -> None:
    network = network_of(build(MIXED | {"attribute_weight": 0}))
    first, copy = network.backbone.block3, network.branch[0]
    assert len(network.branch) == 2
    assert all(torch.equal(a, b) and a is not b for a, b in zip(first.parameters(), copy.parameters(), strict=True))
    plain = build({"method": "triplet", "selection": "random"}, seed=3).network.state_dict()
    network.load_origin(plain)
    assert torch.equal(copy[1].weight, plain["backbone.block3.1.weight"])
    own = {name: value + 1 for name, value in network.state_dict().items()}
    network.load_origin(own)
    assert torch.equal(network.branch[0][1].weight, own["branch.0.1.weight"])


def test_frozen_batch_norm_is_frozen_in_the_copies_too() -> None:
    network = network_of(build(MIXED | {"attribute_weight": 0}, backbone={"width": 4, "batch_norm": "frozen"}))
    network.train()
    norms = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(norms) == 11
    assert not any(part.training for part in norms)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"shared_tap": "block4"}, "nothing lies between block4 and block4"),
        ({"shared_tap": "conv"}, "has no tap 'conv'"),
    ],
)
def test_a_tap_that_leaves_nothing_to_double_is_refused(keys: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(MIXED | {"attribute_weight": 0} | keys)
