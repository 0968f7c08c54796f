from pathlib import Path

import pytest

from hardmine.datasets.listing import Entry, Listing, make_listing, require_counts
from hardmine.errors import UserError
from hardmine.settings.datasets import Cub200


def entry(path: str, label: str, split: str = "train", role: str = "") -> Entry:
    return Entry(path, label, split, role or ("train" if split == "train" else "both"), Path("a.zip"), f"in/{path}")


TRAIN = [entry(f"{label}/{i}", label) for label in "abcdefghij" for i in range(3)]
TEST = [entry(f"{label}/{i}", label, "test") for label in "xyz" for i in range(2)]


def made(entries: list[Entry], **settings: object) -> Listing:
    return make_listing(entries, Cub200(**settings), "the list")


def test_items_are_sorted_by_path_and_keep_their_places() -> None:
    listing = made([*reversed(TRAIN), *TEST], validation_share=0)
    assert listing.items.paths == sorted(item.path for item in TRAIN + TEST)
    assert listing.places == [(Path("a.zip"), f"in/{path}") for path in listing.items.paths]


def test_the_share_of_training_classes_goes_to_validation_by_seed() -> None:
    def validation(seed: int) -> list[str]:
        items = made(TRAIN + TEST, validation_share=0.3, seed=seed).items
        rows = items.rows("validation")
        assert {items.roles[row] for row in rows} == {"both"}
        assert len(rows) == 9
        held = sorted({items.classes[row] for row in rows})
        assert not set(held) & {items.classes[row] for row in items.rows("train", "test")}
        return held

    draws = [validation(seed) for seed in range(8)]
    assert all(len(draw) == 3 for draw in draws)
    assert len({tuple(draw) for draw in draws}) > 3
    assert validation(0) == draws[0]
    assert not len(made(TRAIN + TEST, validation_share=0).items.rows("validation"))


def test_drawn_classes_keep_the_numbers_of_classes_and_seed_0_the_published_ones() -> None:
    def split_of(seed: int) -> dict[str, str]:
        items = made(TRAIN + TEST, classes="drawn", validation_share=0.2, seed=seed).items
        homes = dict(zip(items.classes, items.splits, strict=True))
        assert [homes[label] for label in items.classes] == items.splits
        assert all(
            (role == "train") == (split == "train") for role, split in zip(items.roles, items.splits, strict=True)
        )
        assert sorted(homes.values()) == ["test"] * 3 + ["train"] * 8 + ["validation"] * 2
        return homes

    tested = [{label for label, split in split_of(seed).items() if split == "test"} for seed in range(40)]
    assert tested[0] == set("xyz")
    assert len({frozenset(classes) for classes in tested}) > 20
    assert set().union(*tested) == set("abcdefghijxyz")
    assert split_of(3) == split_of(3)


def test_a_list_with_validation_classes_has_these_drawn_too() -> None:
    held = [entry(f"{label}/{i}", label, "validation") for label in "uvw" for i in range(2)]
    items = made(TRAIN + TEST + held, classes="drawn", seed=1).items
    homes = dict(zip(items.classes, items.splits, strict=True))
    assert sorted(homes.values()) == ["test"] * 3 + ["train"] * 10 + ["validation"] * 3
    assert {label for label, split in homes.items() if split == "validation"} != set("uvw")


def test_a_class_of_one_image_is_never_drawn_for_validation() -> None:
    entries = [*TRAIN, *(entry(f"single{i}/0", f"single{i}") for i in range(10))]
    for seed in range(5):
        items = made(entries, validation_share=0.5, seed=seed).items
        assert {items.classes[row] for row in items.rows("validation")} == set("abcdefghij")


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_a_share_that_leaves_too_few_classes_is_refused(share: float) -> None:
    with pytest.raises(UserError, match=r"dataset.validation_share: .* of 10 training classes is"):
        made(TRAIN, validation_share=share)


def test_images_allowed_to_be_unreadable_are_left_out_by_name() -> None:
    assert "a/1" not in made(TRAIN, unreadable=("a/1",)).items.paths
    with pytest.raises(UserError, match=r"dataset.unreadable: the list lists no image 'a/7' \(did you mean"):
        made(TRAIN, unreadable=("a/7",))


def test_an_image_listed_twice_a_class_on_both_sides_and_an_empty_list_are_refused() -> None:
    with pytest.raises(UserError, match="the list: a/0 is listed twice"):
        made([*TRAIN, entry("a/0", "a")])
    with pytest.raises(UserError, match=r"class 'a' is in train and in test \(z/9\)"):
        made([*TRAIN, entry("z/9", "a", "test")])
    with pytest.raises(UserError, match="lists no image"):
        made([])


def test_counts_are_compared_by_split_and_by_query_and_gallery() -> None:
    entries = [*TEST, entry("q", "s", "test", "query"), entry("g", "s", "test", "gallery")]
    require_counts(entries, {"test": (6, 3), "query": (1, 1), "gallery": (1, 1)}, "the list")
    for wrong in ({"test": (6, 4)}, {"test": (7, 3)}, {"train": (1, 1)}):
        with pytest.raises(UserError, match="where the published data set has"):
            require_counts(entries, wrong, "the list")
