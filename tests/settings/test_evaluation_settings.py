import pytest

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan


def plan(dataset: dict, **evaluation: object) -> dict:
    section = {"protocol": "paper", **evaluation}
    runs = {"a": {"method": "random"}}
    return {"plan": "p", "seeds": [0], "baseline": "a", "dataset": dataset, "evaluation": section, "runs": runs}


def settings_of(dataset: dict, **evaluation: object) -> dict:
    jobs = jobs_of(load_plan(plan(dataset, **evaluation), "test"))
    return next(job.settings for job in jobs if job.verb == "evaluate")


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [("cub200", None), ("inshop", ["query-gallery"]), ("vehicleid", ["one-gallery-image", "all-against-rest"])],
)
def test_the_data_set_decides_the_protocols(dataset: str, expected: list[str] | None) -> None:
    assert settings_of({"name": dataset}).get("protocols") == expected


def test_the_plan_may_name_protocols_and_the_first_counts() -> None:
    asked = ["one-query-image", "all-against-rest"]
    assert settings_of({"name": "vehicleid"}, protocols=asked, draws=3)["protocols"] == asked
    assert settings_of({"name": "vehicleid"}, draws=3)["evaluation"]["draws"] == 3


def test_settings_without_the_options_are_as_they_were() -> None:
    assert set(settings_of({"name": "glyphs"})["evaluation"]) == {
        "recall_at",
        "protocol",
        "neighbours",
        "clustering_restarts",
    }


@pytest.mark.parametrize(
    ("dataset", "protocols", "message"),
    [
        ("cub200", ["query-gallery"], "query-gallery does not fit cub200, which has no official queries"),
        ("inshop", ["one-gallery-image"], "one-gallery-image does not fit inshop, which has official queries"),
        ("vehicleid", ["one-gallery-image"], "measures no recall"),
        ("cub200", ["all-against-rest", "all-against-rest"], "stands twice"),
        ("cub200", ["all"], "evaluation.protocols.0"),
    ],
)
def test_protocols_that_do_not_fit_are_refused(dataset: str, protocols: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_plan(plan({"name": dataset}, protocols=protocols), "test")
