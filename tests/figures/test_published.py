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
from hardmine.settings import Plan, jobs_of, load_plan, read_plan
from hardmine.settings.methods import METHODS

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def rows_for(experiment: str, measured: list[tuple]) -> pd.DataFrame:
    return rows_of(read_plan(EXPERIMENTS / f"{experiment}.yaml"), measured)


def rows_of(plan: Plan, measured: list[tuple]) -> pd.DataFrame:
    (job,) = (job for job in jobs_of(plan) if job.verb == "figures")
    columns = ["run", "metric", "k", "mean", "half_width", "seeds"]
    statistics = pd.DataFrame(measured, columns=columns).astype({"k": "Int64"})
    return published_rows(job, statistics)


def plan_of(run: dict, **dataset: object) -> Plan:
    return load_plan({"plan": "p", "baseline": "run", "dataset": dataset, "runs": {"run": run}}, "test")


def values(dataset: str, name: str, **wanted: object) -> dict[str, float]:
    table = published_results(dataset)
    assert table is not None
    (entry,) = (e for e in table.rows if e.name == name and all(getattr(e, key) == v for key, v in wanted.items()))
    return entry.values


def test_every_file_is_valid_and_names_methods_options_and_values_there_are() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == {"cub200", "cars196", "products", "inshop", "vehicleid", "any"}
    tables: list[PublishedTable] = [table for name in names if (table := published_results(name)) is not None]
    assert sum(len(entry.values) for table in tables for entry in table.rows) == 808
    for entry in (entry for table in tables for entry in table.rows):
        known = METHODS.settings(entry.method).model_fields if entry.method else {}
        assert set(entry.options) | set(entry.excluded) | set(entry.recipe) <= set(known)
        assert all(0 < value <= 100 for value in entry.values.values())
        for options in ways(entry):
            assert options.items() <= own_keys(entry.method, options).items()


def ways(entry: Published) -> list[dict]:
    """What an entry asks of a run, and that with each value that it does not want, or that its source has."""
    others = [{key: value} for key, values in entry.excluded.items() for value in values]
    others += [{key: value} for key, value in entry.recipe.items() if not isinstance(value, dict)]
    return [entry.options | key for key in ([{}] if entry.options else []) + others]


def own_keys(method: str | None, options: dict) -> dict:
    return METHODS.settings(method).model_validate({"method": method, **options}).own()


@pytest.mark.parametrize("dataset", ["cub200", "cars196", "products", "inshop", "vehicleid"])
def test_nothing_is_there_twice(dataset: str) -> None:
    table = published_results(dataset)
    assert table is not None
    apart = ("name", "detail", "part", "boxes", "printed_in", "table", "note", "backbone", "dimensions")
    rows = [(*(getattr(entry, key) for key in apart), metric) for entry in table.rows for metric in entry.values]
    assert len(rows) == len(set(rows))


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


def test_what_is_added_here_alone_is_named_as_well() -> None:
    found = rows_for("schem-extras-cub200", [])
    plain = found[(found.run == "triplet-semihard") & (found.paper == "Triplet")].iloc[0]
    assert "extra: none, here " in plain.differs
    assert "image size: the usual 224 or 227 pixels, here 336" in plain.differs
    usual = rows_for("hdml-npair-cars196", [])
    assert not usual.differs.str.contains("image size: the usual|extra: none").any()


def test_a_data_set_without_published_results_has_no_such_file() -> None:
    plan = {"plan": "p", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": {"method": "random"}}}
    job = jobs_of(load_plan(plan, "test"))[-1]
    assert "published.csv" not in job.outputs
    assert "published" not in job.settings
    assert len(published_rows(job, pd.DataFrame(columns=["run", "metric", "k"]))) == 0


def test_a_result_with_an_unknown_provenance_is_refused() -> None:
    with pytest.raises(ValidationError, match="provenance"):
        Published(name="x", printed_in="y", provenance="hearsay", backbone="z", values={"nmi": 1.0})


WHOLE_ENSEMBLE = {"method": "dreml", "learners": 48, "backbone": {"embedding": 576}}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"method": "hap2s"}, {"56.1 not verified"}),
        ({"method": "quadruplet"}, set()),
        ({"method": "quadruplet", "margins": "fixed"}, {"61.7 not verified"}),
        ({"method": "pddm"}, {"58.3 third-party"}),
        ({"method": "ccl"}, set()),
        ({"method": "daml"}, {"52.7 third-party"}),
        ({"method": "daml", "base_loss": "triplet"}, {"37.6 third-party"}),
        ({"method": "dvml"}, {"52.7 not verified"}),
        ({"method": "dvml", "base_loss": "triplet"}, set()),
        ({"method": "htg"}, {"59.5 not verified"}),
        ({"method": "htl"}, {"57.1 third-party"}),
        ({"method": "facility-location"}, {"48.2 third-party", "48.18 third-party"}),
        ({"method": "spectral"}, {"53.2 not verified"}),
        ({"method": "adapted-triplet"}, set()),
        ({"method": "bier"}, {"55.3 third-party"}),
        ({"method": "bier", "boosting": "eta", "diversity": "activation"}, {"55.3 third-party"}),
        ({"method": "bier", "diversity": "adversarial"}, {"57.5 third-party", "65.5 third-party"}),
        ({"method": "abe"}, set()),
        ({"method": "abe", "learners": 8}, {"60.6 third-party"}),
        ({"method": "dreml"}, set()),
        (WHOLE_ENSEMBLE, {"63.52 third-party", "63.9 third-party"}),
        ({"method": "multi-similarity"}, {"57.4 verified", "65.7 verified"}),
        ({"method": "proxy-anchor"}, {"69.1 verified", "69.9 verified", "68.4 not verified"}),
        ({"method": "softtriple"}, {"65.4 third-party"}),
        ({"method": "circle"}, {"66.7 not verified"}),
        ({"method": "xbm"}, {"65.8 not verified"}),
        ({"method": "softmax"}, {"61.3 not verified"}),
        ({"method": "arcface"}, set()),
    ],
)
def test_a_run_on_cub_gets_what_is_printed_of_its_method(run: dict, expected: set[str]) -> None:
    assert at_first(rows_of(plan_of(run, name="cub200"), [])) == expected


def at_first(found: pd.DataFrame) -> set[str]:
    """Recall at 1 and who read it, as people see it."""
    shown = shown_rows(found[(found.metric == "recall") & (found.k == 1)])
    return set(shown.published + " " + shown.provenance) if len(shown) else set()


@pytest.mark.parametrize(
    "run",
    [
        {"method": "hap2s", "weighting": "uniform"},
        {"method": "hap2s", "order": "permuted", "weight_gradient": False},
        {"method": "quadruplet", "margins": "fixed", "second_term": "none"},
        {"method": "pddm", "position": "none"},
        {"method": "pddm", "picks": "distances", "score_weight": 0},
        {"method": "daml", "variant": "midpoint"},
        {"method": "dvml", "variant": "noise"},
        {"method": "dvml", "variation_from": "shuffled"},
        {"method": "htg", "variant": "base"},
        {"method": "htl", "margins": "mean"},
        {"method": "htl", "linkage": "none"},
        {"method": "facility-location", "gamma": 0},
        {"method": "facility-location", "push": "contrastive"},
        {"method": "spectral", "objective": "softmax"},
        {"method": "bier", "groups": [1]},
        {"method": "bier", "boosting": "none"},
        {"method": "bier", "weighting": "mean"},
        {"method": "bier", "diversity": "adversarial", "adversary": "detached"},
        {"method": "abe", "learners": 8, "divergence_weight": 0},
        {"method": "abe", "learners": 8, "attention": "none", "deep_half": "own"},
        WHOLE_ENSEMBLE | {"merging": "same"},
        WHOLE_ENSEMBLE | {"trunk": "shared"},
        {"method": "multi-similarity", "miner": False},
    ],
)
def test_a_control_gets_nothing(run: dict) -> None:
    for dataset in ("cub200", "cars196", "products", "inshop"):
        assert rows_of(plan_of(run, name=dataset), []).empty


def test_the_adversarial_form_of_bier_is_another_method_and_boxes_are_named() -> None:
    found = rows_of(plan_of({"method": "bier", "diversity": "adversarial"}, name="cub200"), [])
    assert set(found.paper) == {"A-BIER"}
    cropped = found[found.published == 0.655].iloc[0]
    assert "images: cropped to boxes, here whole" in cropped.differs
    assert "hidden: 512, here 64" in cropped.differs


def test_weights_of_losses_and_phases_tell_runs_of_dvml_apart() -> None:
    base = {"method": "dvml", "base_loss": "triplet"}
    own = {"its own": {}, "one phase": {"variant": "one-phase", "first_weights": [1, 1, 1, 1]}}
    own["halves"] = {"first_weights": [1, 0.5, 0.5, 1], "second_weights": [0.8, 1, 0.4, 0.8]}
    own["others"] = {"first_weights": [1, 1, 1, 1]}
    found = {name: at_first(rows_of(plan_of(base | keys, name="cars196"), [])) for name, keys in own.items()}
    assert found == {
        "its own": {"52.4 third-party"},
        "one phase": {"51.1 third-party"},
        "halves": {"54.3 third-party"},
        "others": set(),
    }


def test_a_whole_ensemble_of_the_same_networks_differs_in_the_checkpoint_alone() -> None:
    network, crop = (
        {"name": "torchvision", "architecture": "resnet18", "embedding": 576},
        {"augmentation": {"crop": 224}},
    )
    found = rows_of(plan_of(WHOLE_ENSEMBLE | {"backbone": network, "training": crop}, name="cars196"), [])
    assert len(found) == 5
    assert set(found.differs.str.split(":").str[0]) == {"checkpoint"}
    assert not found.differs.str.contains("; ").any()


def test_another_choice_of_the_checkpoint_and_words_for_switches_are_named() -> None:
    ensemble = rows_of(plan_of({"method": "abe", "learners": 8}, name="products"), [])
    assert ensemble.differs.str.contains("checkpoint: best on the test classes, here the best on validation").all()
    clustering = rows_of(plan_of({"method": "facility-location"}, name="products"), [])
    assert clustering.differs.str.contains("warm: false, here true").all()


@pytest.mark.parametrize(
    ("run", "metric", "k", "published"),
    [
        ({"method": "bier"}, "cmc", 1, 0.793),
        ({"method": "bier", "diversity": "adversarial"}, "cmc", 1, 0.833),
        ({"method": "ccl"}, "map", None, 0.448),
    ],
)
def test_values_of_drawn_galleries_stand_beside_such(run: dict, metric: str, k: int | None, published: float) -> None:
    plan = plan_of(run, name="vehicleid", test_list=1600)
    (row,) = rows_of(plan, [("run", metric, k, 0.9, 0.01, 3), ("run", "recall", 1, 0.1, 0.01, 3)]).itertuples()
    assert row.published == pytest.approx(published)
    assert row.difference == pytest.approx(0.9 - published)
    assert not row.verified
