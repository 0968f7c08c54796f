"""The plans of experiments/ against what their papers and the released code have, and against their own headers.

The numbers of images and classes are the published ones of each data set; the rest is from the method pages.
"""

import re
from pathlib import Path

import pytest

from hardmine.settings import Plan, jobs_of, read_plan

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
IMAGES = {"cub200": 5864, "cars196": 8054, "products": 59551, "inshop": 25882}
PAPERS = sorted(
    path for kind in ("hdc", "hdml", "schem", "smart-mining", "vit") for path in EXPERIMENTS.glob(f"{kind}-*.yaml")
)


def plan_of(name: str) -> Plan:
    return read_plan(EXPERIMENTS / f"{name}.yaml")


def own(plan: Plan, run: str) -> dict:
    return plan.resolved(plan.runs[run]).own()


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_the_header_names_the_file_and_counts_its_images_and_its_trainings(path: Path) -> None:
    head = " ".join(line[2:] for line in path.read_text().splitlines() if line.startswith("#"))
    plan = read_plan(path)
    assert f"snakemake --configfile experiments/{path.name} " in head
    assert path.stem == plan.plan
    trained = [run for run in plan.runs.values() if run.method != "random"]
    images = {plan.training_of(run).images for run in trained}
    assert images == {int(re.findall(r"Expected: ([\d,]+) training images", head)[0].replace(",", ""))}
    trainings, million = re.findall(r"Rehearsed: (\d+) trainings, ([\d,.]+) million images", head)[0]
    assert int(trainings) == len(trained) * len(plan.seeds)
    assert float(million.replace(",", "")) * 1e6 == pytest.approx(int(trainings) * images.pop(), rel=0.05)


@pytest.mark.parametrize("name", ["cub200", "cars196"])
def test_smart_mining_ends_with_its_twentieth_epoch(name: str) -> None:
    plan = plan_of(f"smart-mining-{name}")
    for run in ("triplet-global", "smart-mining"):
        a_step = 3 * own(plan, run)["batch_triplets"]
        assert plan.training.images == 20 * (IMAGES[name] // own(plan, run)["batch_triplets"]) * a_step
    assert (plan.training.learning_rate, plan.training.head_rate, plan.training.weight_decay) == (0.1, 10, 0.0005)


@pytest.mark.parametrize(("name", "epochs"), [("cub200", 100), ("cars196", 100), ("products", 40), ("inshop", 60)])
@pytest.mark.parametrize("kind", ["schem", "schem-extras"])
def test_schem_ends_with_a_whole_epoch(kind: str, name: str, epochs: int) -> None:
    assert plan_of(f"{kind}-{name}").training.images == epochs * (IMAGES[name] // 50) * 50


@pytest.mark.parametrize("name", list(IMAGES))
def test_the_extras_of_schem_have_a_plan_of_their_own_and_are_nowhere_else(name: str) -> None:
    plain, extras = plan_of(f"schem-{name}"), plan_of(f"schem-extras-{name}")
    backbone = extras.backbone.model_dump()
    assert (backbone["tap"], backbone["pooling"], extras.training.augmentation.crop) == (
        "inception_4d",
        "second-order",
        336,
    )
    assert (plain.backbone.tap, plain.backbone.pooling, plain.training.augmentation.crop) == ("deepest", "average", 224)
    features = extras.backbone_of(extras.runs["features"])
    assert (features.tap, features.pooling) == ("deepest", "average")


@pytest.mark.parametrize(
    ("name", "rate", "drops", "factor", "images", "weights"),
    [
        ("cub200", 0.0001, (), None, 6_000_000, [1, 1, 2]),
        ("cars196", 0.01, (10_000,), 0.1, 2_000_000, [1, 2, 3]),
        ("products", 0.01, (20_000, 40_000), 0.96, 6_000_000, [1, 1, 1]),
    ],
)
def test_hdc_has_the_released_schedules_weights_and_list(name, rate, drops, factor, images, weights) -> None:
    plan = plan_of(f"hdc-{name}")
    run, training = own(plan, "hdc"), plan.training_of(plan.runs["hdc"])
    assert (training.learning_rate, training.drop_at, training.images) == (rate, drops, images)
    assert factor is None or training.drop_factor == factor
    assert (run["test_weights"], run["fixed_list"], run["sgd_style"]) == (weights, 5000, "caffe")
    assert run["ratios"] == [1, 0.5, 0.2]
    assert own(plan, "hdc-no-mining")["ratios"] == [1, 1, 1]
    assert (training.weight_decay, training.augmentation.crop, training.augmentation.mirror) == (0.0002, 224, False)


def test_one_level_of_hdc_on_cars_has_its_released_rate_and_that_of_hdc_beside_it() -> None:
    plan = plan_of("hdc-cars196")
    rates = {run: plan.training_of(plan.runs[run]).learning_rate for run in plan.runs if run.startswith("hdc-one")}
    assert rates == {"hdc-one-level": 0.001, "hdc-one-level-same-rate": 0.01, "hdc-one-level-mined": 0.001}
    assert own(plan, "hdc-one-level") == own(plan, "hdc-one-level-same-rate")


@pytest.mark.parametrize(("name", "folders", "chances"), [("products", 1, "images"), ("inshop", 3, "equal")])
def test_hdc_draws_within_super_categories_where_the_released_code_does(name: str, folders: int, chances: str) -> None:
    plan = plan_of(f"hdc-{name}")
    drawn = {"folders": folders, "together": 2, "classes": 10, "chances": chances}
    hdc = [run for run in plan.runs if plan.runs[run].method == "hdc"]
    assert len(hdc) == 4
    assert all(own(plan, run)["super_categories"] == drawn for run in hdc)


@pytest.mark.parametrize(
    ("name", "dimensions", "rate", "decay", "beta", "generator", "l2", "block"),
    [
        ("cars196", 128, 7e-5, 5e-3, 1e4, 1e-2, 3e-3, 64),
        ("cub200", 256, 6e-5, 1e-3, 5e3, 1e-2, 1.5e-2, 46),
        ("products", 512, 2e-5, 9e-3, 5e4, 5e-4, 3e-3, 465),
    ],
)
@pytest.mark.parametrize(("base", "alpha", "batch"), [("npair", 90, 128), ("triplet", 7, 120)])
def test_hdml_has_both_readings_of_the_paper_on_every_set(
    name, dimensions, rate, decay, beta, generator, l2, block, base, alpha, batch
) -> None:
    plan = plan_of(f"hdml-{base}-{name}")
    assert (plan.backbone.embedding, plan.training.learning_rate, plan.training.augmentation.crop) == (
        dimensions,
        rate,
        227,
    )
    code, paper = own(plan, f"hdml-{base}"), own(plan, f"hdml-{base}-paper")
    for run in (code, paper, own(plan, "hdml-base"), own(plan, "hdml-no-balance")):
        assert (run["batches"], run["batch_size"], run["weight_decay"]) == ("independent", batch, decay)
        assert run["generator_learning_rate"] == generator
        assert base == "triplet" or run["l2"] == l2
    assert (code["preset"], code["alpha"], code["beta"], code["average_block"]) == ("code", alpha, beta, block)
    assert (code["metric_average"], code["batch_norm_statistics"]) == ("weighted-with-decay", "both")
    assert (paper["preset"], paper["metric_average"], paper["average_block"]) == ("paper", "metric", "epoch")
    assert (paper["batch_norm_statistics"], paper["calibrate"]) == ("real-only", True)


@pytest.mark.parametrize("name", list(IMAGES))
def test_the_vision_transformers_are_fine_tuned_by_the_recipe_of_their_kind(name: str) -> None:
    plan = plan_of(f"vit-{name}")
    training = plan.training
    assert training.optimiser == "adamw"
    assert training.augmentation.crop_scale == (0.2, 1)
    assert training.layer_decay < 1 < training.head_rate
    assert training.warmup_steps * 10 < training.images / 96
    assert [run.method for run in plan.runs.values()] == ["random", "triplet", "proxy-nca", "hdc"]
    assert own(plan, "hdc")["taps"] == ["block4", "block8", "pooled"]
    assert {job.where["urls"][0].split("/")[4] for job in jobs_of(plan) if "urls" in job.where} == {
        "vit_small_patch16_224.augreg_in21k"
    }
