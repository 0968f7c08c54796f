import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardmine.serving.filters import classes_of, folders_of, rows_of, suggested

names = st.text("ab/é~", min_size=1, max_size=6).map(lambda text: "/".join(part for part in text.split("/") if part))
many = st.sets(names.filter(bool), max_size=30).map(sorted)


@given(many, st.text("ab/é~", max_size=3), st.sampled_from(["", "a", "b", "ab", "é"]))
def test_the_rows_are_those_whose_paths_pass_both_filters(paths: list[str], start: str, label: str) -> None:
    rows = rows_of(paths, label, start)
    wanted = [
        row
        for row, path in enumerate(paths)
        if path.startswith(start) and (not label or (path.split("/")[0] == label and "/" in path))
    ]
    assert list(range(len(paths)) if rows is None else rows) == wanted
    assert (rows is None) == (not start and not label)


@given(many)
def test_folders_are_all_that_lead_to_an_image(paths: list[str]) -> None:
    naive = {path[: at + 1] for path in paths for at, letter in enumerate(path) if letter == "/"}
    assert folders_of(paths) == sorted(naive)
    assert classes_of(folders_of(paths)) == [folder[:-1] for folder in sorted(naive) if folder.count("/") == 1]


@pytest.mark.parametrize(
    ("text", "found"),
    [("", ["Apfel", "Birne", "Grapefruit"]), ("ap", ["Apfel", "Grapefruit"]), ("RN", ["Birne"]), ("x", [])],
)
def test_names_that_begin_with_the_text_come_first(text: str, found: list[str]) -> None:
    assert suggested(["Apfel", "Birne", "Grapefruit", "Kirsche"], text, 3) == found


def test_images_that_lie_flat_have_no_classes() -> None:
    assert (folders_of(["a.png", "b.png"]), classes_of([])) == ([], [])
