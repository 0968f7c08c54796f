import numpy as np
import pytest

from hardmine.errors import UserError
from hardmine.retrieval import rank_matches
from hardmine.retrieval.protocols import searches_of

LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
ROLES = np.array(["query", "query", "gallery", "query", "gallery", "query", "query", "gallery", "gallery"])
NAMES = np.array([f"{letter}.jpg" for letter in "gbcadfehi"])
BOTH = np.full(9, "both")
POINTS = np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32)


def test_every_image_searches_all_others() -> None:
    (search,) = searches_of("all-against-rest", LABELS, BOTH, NAMES, 10)
    task = search.task(POINTS, LABELS)
    assert task.identity is not None
    assert task.identity.tolist() == list(range(9))
    assert search.draw == 0


def test_official_queries_search_the_official_gallery_only() -> None:
    (search,) = searches_of("query-gallery", LABELS, ROLES, NAMES, 10)
    task = search.task(POINTS, LABELS)
    assert search.gallery.tolist() == [2, 4, 7, 8]
    assert task.identity is None
    assert rank_matches(task)[0].matches.tolist() == [1, 1, 1, 2, 2]


def test_one_image_a_class_is_drawn_as_gallery_and_all_others_search_it() -> None:
    searches = searches_of("one-gallery-image", LABELS, BOTH, NAMES, 10)
    assert [search.draw for search in searches] == list(range(1, 11))
    for search in searches:
        assert LABELS[search.gallery].tolist() == [0, 1, 2]
        assert sorted([*search.queries, *search.gallery]) == list(range(9))
    assert len({tuple(search.gallery) for search in searches}) > 3
    ranks, _ = rank_matches(searches[0].task(POINTS, LABELS))
    assert ranks.matches.tolist() == [1] * 6
    metrics = searches[0].metrics(ranks, (1, 5))
    assert metrics["map"] == pytest.approx(np.mean(1 / ranks.ranks))
    assert metrics["cmc@5"] == 1.0


def test_draws_repeat_themselves_whatever_the_order_of_rows() -> None:
    order = np.random.default_rng(1).permutation(9)
    for first, second in zip(
        searches_of("one-gallery-image", LABELS, BOTH, NAMES, 10),
        searches_of("one-gallery-image", LABELS[order], BOTH, NAMES[order], 10),
        strict=True,
    ):
        assert set(NAMES[first.gallery]) == set(NAMES[order][second.gallery])


def test_roles_can_be_swapped() -> None:
    for swapped, usual in zip(
        searches_of("one-query-image", LABELS, BOTH, NAMES, 3),
        searches_of("one-gallery-image", LABELS, BOTH, NAMES, 3),
        strict=True,
    ):
        assert swapped.queries.tolist() == usual.gallery.tolist()
        assert swapped.gallery.tolist() == usual.queries.tolist()


def test_images_without_fitting_roles_are_refused() -> None:
    with pytest.raises(UserError, match="0 and 0 images of these roles"):
        searches_of("query-gallery", LABELS, BOTH, NAMES, 10)
    with pytest.raises(UserError, match="needs a class of two images"):
        searches_of("one-gallery-image", np.arange(9), BOTH, NAMES, 10)
