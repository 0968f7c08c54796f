"""The papers' five data sets in their official layouts, small, through all verbs with their official protocols."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import test_auto_sets as auto
import test_manual_sets as own
from pictures import write_tar, write_zip

from hardmine.artefacts import WORK, making, settle, verify
from hardmine.processors import limit_threads
from hardmine.settings import jobs_of, load_plan


def cub(manual: Path) -> None:
    write_tar(manual / "cub200/CUB_200_2011.tgz", auto.cub_files())


def products(manual: Path) -> None:
    write_zip(manual / "products/Stanford_Online_Products.zip", auto.products_files())


def halves(manual: Path) -> None:
    own.halves(manual, "archives")


def merged(manual: Path) -> None:
    own.bring_merged_cars(manual)


def inshop(manual: Path) -> None:
    own.bring_inshop(manual)


def vehicles(manual: Path) -> None:
    own.bring_vehicles(manual, own.TRAIN, own.TEST)


EQUAL_HALVES = {"train": [4, 2], "test": [4, 2]}
SETS: dict[str, tuple[Callable[[Path], None], dict, str, set[str]]] = {
    "cub200": (cub, {"name": "cub200", "counts": EQUAL_HALVES}, "all-against-rest", {"recall"}),
    "cars196, two archives": (halves, {"name": "cars196", "counts": EQUAL_HALVES}, "all-against-rest", {"recall"}),
    "cars196, one archive": (
        *(merged, {"name": "cars196", "release": "merged", "counts": EQUAL_HALVES}),
        *("all-against-rest", {"recall"}),
    ),
    "products": (products, {"name": "products", "counts": EQUAL_HALVES}, "all-against-rest", {"recall"}),
    "inshop": (
        *(inshop, {"name": "inshop", "counts": {"train": [4, 2], "query": [2, 2], "gallery": [3, 2]}}),
        *("query-gallery", {"recall"}),
    ),
    "vehicleid": (vehicles, {"name": "vehicleid", "counts": {"test": [9, 3]}}, "one-gallery-image", {"cmc", "map"}),
}


@pytest.mark.parametrize("name", SETS)
def test_a_data_set_in_its_official_layout_goes_through_all_verbs_with_its_protocol(
    name: str, in_a_folder_of_its_own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring, dataset, protocol, metrics = SETS[name]
    monkeypatch.setenv("HARDMINE_MANUAL", str(in_a_folder_of_its_own / "manual"))
    bring(in_a_folder_of_its_own / "manual")
    limit_threads(1)
    training = {"images": 16, "batch": {"classes": 2, "images_per_class": 2}}
    content = {
        "plan": "official",
        "seeds": [0],
        "baseline": "triplet",
        "dataset": {"size": 32, "validation_share": 0, **dataset},
        "backbone": {"width": 2, "embedding": 8},
        "training": training,
        "evaluation": {"protocol": "paper", "recall_at": [1, 2], "neighbours": 2, "clustering_restarts": 1},
        "runs": {"triplet": {"method": "triplet", "selection": "random"}, "softmax": {"method": "softmax"}},
    }
    jobs = jobs_of(load_plan(content, "plan.yaml"))
    assert list(settle(jobs)) == [job.folder for job in jobs]
    more = {"preprocess": (1,), "train": (1, "cpu"), "embed": (1, "cpu"), "evaluate": (1, "cpu")}
    for job in jobs:
        module, _, work = WORK[job.verb].partition(":")
        with making(job) as folder:
            getattr(import_module(module), work)(job, folder, *more.get(job.verb, ()))
    assert settle(jobs) == {}
    assert verify(jobs, list(WORK)) == {}
    measured = pd.DataFrame(json.loads(Path("metrics/official/triplet/seed0/metrics.json").read_text())["values"])
    assert protocol in set(measured.protocol)
    assert metrics <= set(measured.metric)
    results = pd.read_csv("report/official/results.csv")
    assert set(results.run) == {"triplet", "softmax"}
    assert np.isfinite(results.value).any()
    assert not Path("report/official/published.csv").exists()  # of another copy than the published one
    assert Path("report/official/index.html").stat().st_size > 1000
