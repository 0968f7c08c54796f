from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from hardmine.figures.published import (
    COLUMNS,
    FOLDER,
    Published,
    PublishedTable,
    published_results,
    published_rows,
    shown_rows,
)
from hardmine.settings import jobs_of, load_plan, read_plan
from hardmine.settings.methods import METHODS

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def rows_for(experiment: str, measured: list[tuple]) -> pd.DataFrame:
    (job,) = (job for job in jobs_of(read_plan(EXPERIMENTS / f"{experiment}.yaml")) if job.verb == "figures")
    columns = ["run", "metric", "k", "mean", "half_width", "seeds"]
    statistics = pd.DataFrame(measured, columns=columns).astype({"k": "Int64"})
    return published_rows(job, statistics)


def values(dataset: str, name: str, **wanted: object) -> dict[str, float]:
    table = published_results(dataset)
    assert table is not None
    (entry,) = (e for e in table.rows if e.name == name and all(getattr(e, key) == v for key, v in wanted.items()))
    return entry.values


def test_every_file_is_valid_and_names_methods_and_options_there_are() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == {"cub200", "cars196", "products", "inshop", "vehicleid", "any"}
    tables: list[PublishedTable] = [table for name in names if (table := published_results(name)) is not None]
    assert sum(len(entry.values) for table in tables for entry in table.rows) == 656
    for entry in (entry for table in tables for entry in table.rows):
        known = METHODS.settings(entry.method).model_fields if entry.method else {}
        assert set(entry.options) | set(entry.recipe) <= set(known)
        assert all(0 < value <= 100 for value in entry.values.values())


def test_known_digits() -> None:
    paper = "Yuan, Yang and Zhang, ICCV 2017 (arXiv 1611.05720)"
    assert values("cars196", "HDC", printed_in=paper, table="main table")["recall@1"] == 73.7
    assert values("products", "HDC")["recall@1000"] == 97.7
    adaptive = {"detail": "with global loss and controller"}
    assert values("cub200", "Smart Mining", table="1", **adaptive) == {
        "nmi": 59.90,
        "recall@1": 49.78,
        "recall@2": 62.34,
        "recall@4": 74.05,
        "recall@8": 83.31,
    }
    assert values("cars196", "HDML", detail="on N-pair")["nmi"] == 69.7
    assert values("inshop", "SCHEM", provenance="unverified")["recall@30"] == 99.0
    assert values("vehicleid", "HDC", detail="large list") == {"map": 57.5}


def test_every_run_of_the_method_has_the_papers_value_beside_its_own() -> None:
    found = rows_for("hdc-cub200", [("hdc", "recall", 1, 0.5, 0.01, 3), ("random", "recall", 1, 0.3, 0.01, 3)])
    assert tuple(found.columns) == COLUMNS
    assert set(found.run) == {"triplet-semihard", "hdc"}
    first = found[(found.run == "hdc") & (found.k == 1) & (found.provenance == "verified")].iloc[0]
    assert first.published == pytest.approx(0.536)
    assert first.difference == pytest.approx(0.5 - 0.536)
    assert first.half_width == 0.01
    assert first.differs == "aux_init: pretrained, here random"
    assert found[(found.run == "hdc") & (found.k == 16)].measured.isna().all()
    shown = shown_rows(found)
    lines = shown[(shown.run == "hdc") & (shown.provenance == "verified")].set_index("metric")
    assert lines.loc["R@1"][["published", "measured", "difference"]].tolist() == ["53.6", "50.0 ± 1.0", "-3.6"]
    assert lines.loc["R@16"][["measured", "difference"]].tolist() == ["–", "–"]


def test_ablations_are_not_set_beside_the_full_method() -> None:
    found = rows_for("smart-mining-cub200", [])
    assert set(found[found.run == "triplet-global"].paper) == {"Triplet with global loss"}
    full = found[found.run == "smart-mining"]
    assert full[(full.k == 1) & (full.provenance == "verified")].published.tolist() == [pytest.approx(0.4978)]
    paper = full[full.provenance == "verified"].iloc[0]
    assert paper.differs == "backbone: GoogLeNet, not said which, here bvlc-googlenet; index: fanng, here exact"


def test_values_that_nobody_read_are_marked_and_extras_are_named() -> None:
    found = rows_for("schem-inshop", [])
    schem = found[found.run == "schem"]
    assert not schem.verified.any()
    assert set(shown_rows(schem).provenance) == {"not verified"}
    for part in ("second-order pooling", "features of an earlier stage", "336 pixels, here 224", "not said, here 512"):
        assert part in schem.iloc[0].differs


def test_with_its_extras_schem_differs_in_what_nobody_knows() -> None:
    found = rows_for("schem-extras-cub200", [])
    assert set(found[found.run == "schem"].differs) == {"dimensions: not said, here 512"}


def test_what_is_not_as_the_paper_or_its_code_has_it_is_named() -> None:
    products, vehicles = rows_for("hdc-products", []), rows_for("hdc-vehicleid", [])
    assert "super_categories" not in products[products.run == "hdc"].differs.iloc[0]
    assert "super_categories: together 2 classes 10, here none" in vehicles[vehicles.run == "hdc"].differs.iloc[0]
    hdml = rows_for("hdml-npair-cub200", []).drop_duplicates("run").set_index("run").differs
    assert "preset: code, here paper" in hdml["hdml-npair-paper"]
    assert "preset" not in hdml["hdml-npair"]
    assert "batches" not in hdml["hdml-npair"]


def test_the_test_list_decides_which_value_of_vehicleid_is_meant() -> None:
    found = rows_for("hdc-vehicleid", [("hdc", "map", None, 0.6, 0.02, 3)])
    (row,) = found[found.run == "hdc"].itertuples()
    assert row.published == 0.655
    assert row.difference == pytest.approx(-0.055)


def test_the_choice_of_the_checkpoint_is_named() -> None:
    found = rows_for("hdml-npair-cars196", [])
    full = found[(found.run == "hdml-npair") & (found.k == 1)].iloc[0]
    assert "checkpoint: best on the test classes, here the last" in full.differs


def test_a_data_set_without_published_results_has_no_such_file() -> None:
    plan = {"plan": "p", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": {"method": "random"}}}
    job = jobs_of(load_plan(plan, "test"))[-1]
    assert "published.csv" not in job.outputs
    assert "published" not in job.settings
    assert len(published_rows(job, pd.DataFrame(columns=["run", "metric", "k"]))) == 0


def test_a_result_with_an_unknown_provenance_is_refused() -> None:
    with pytest.raises(ValidationError, match="provenance"):
        Published(name="x", printed_in="y", provenance="hearsay", backbone="z", values={"nmi": 1.0})
