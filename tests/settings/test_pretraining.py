"""Plans that start from published weights: do they show these as they are, and may these have seen the test?"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hardmine.cli import app
from hardmine.settings import Plan, jobs_of, load_plan, read_plan, remarks_on
from hardmine.settings.backbones.web_scale import seen_in_pretraining
from hardmine.settings.pretraining import frozen_runs

ROOT = Path(__file__).parents[2]
FEATURES = {"method": "random", "head": "none"}
TRIPLET = {"method": "triplet", "selection": "semihard"}
RESNET = {"name": "torchvision", "architecture": "resnet18"}
PICTURES = {"name": "folder", "path": "pictures", "size": 224}
CLIP = {"name": "timm", "architecture": "vit_base_patch16_clip_224.laion2b"}


def plan_of(backbone: dict, **runs: dict) -> Plan:
    content = {"plan": "p", "baseline": next(iter(runs)), "dataset": PICTURES}
    return load_plan({**content, "backbone": backbone, "runs": runs}, "plan.yaml")


def test_a_plan_that_trains_a_pretrained_trunk_without_showing_it_untrained_is_remarked_on() -> None:
    (remark,) = remarks_on(plan_of(RESNET, random={"method": "random"}, triplet=TRIPLET))
    assert "no run shows what data/raw/weights/resnet18-f37072fd/resnet18-f37072fd.pth gives without training" in remark
    assert "'features: {method: random, head: none}'" in remark


@pytest.mark.parametrize(
    "backbone",
    [{**RESNET, "weights": "none"}, {"name": "small-cnn"}, {"name": "timm", "architecture": "x", "weights": "none"}],
)
def test_a_plan_that_starts_from_random_numbers_owes_no_such_run(backbone: dict) -> None:
    assert remarks_on(plan_of(backbone, triplet=TRIPLET)) == []


def test_every_file_of_weights_needs_a_run_of_its_own_features() -> None:
    other = {**TRIPLET, "backbone": {"architecture": "resnet34"}}
    plan = plan_of(RESNET, features=FEATURES, triplet=TRIPLET, other=other)
    assert ["resnet34" in remark for remark in remarks_on(plan)] == [True]
    assert frozen_runs(plan) == {"features": ["triplet"]}


def test_untrained_features_of_a_random_trunk_are_no_pretrained_ones() -> None:
    assert frozen_runs(plan_of({**RESNET, "weights": "none"}, features=FEATURES, triplet=TRIPLET)) == {}


@pytest.mark.parametrize(
    "name",
    [
        "vit_base_patch16_clip_224.openai",
        "vit_base_patch16_clip_224.laion2b_ft_in12k_in1k",
        "vit_small_patch14_dinov2.lvd142m",
        "vit_base_patch16_siglip_224.webli",
        "vit_base_patch16_siglip_gap_224.v2_webli",
        "tf_efficientnet_b0.ns_jft_in1k",
        "resnext101_32x8d.fb_wsl_ig1b_ft_in1k",
        "resnet50.fb_ssl_yfcc100m_ft_in1k",
        "eva02_large_patch14_448.mim_m38m_ft_in22k_in1k",
        "aimv2_large_patch14_224.apple_pt",
        "vit_pe_core_base_patch16_224.fb",
        "regnety_320.seer_ft_in1k",
    ],
)
def test_weights_made_from_pictures_of_the_web_at_large_are_named(name: str) -> None:
    assert (seen_in_pretraining(name) or "").startswith(f"test classes may have been seen: {name} was pretrained on ")


@pytest.mark.parametrize(
    "name",
    [
        "resnet18.a1_in1k",
        "vit_small_patch16_224.augreg_in21k",
        "vit_small_patch16_224.dino",
        "vit_base_patch16_224.mae",
        "convnextv2_tiny.fcmae_ft_in22k_in1k",
        "convnext_base.fb_in22k",
        "beitv2_base_patch16_224.in1k_ft_in22k",
    ],
)
def test_weights_made_from_imagenet_are_not(name: str) -> None:
    assert seen_in_pretraining(name) is None


def test_the_report_is_told_which_runs_are_of_features_and_whose_pretraining_is_in_doubt() -> None:
    figures = jobs_of(plan_of(CLIP, features=FEATURES, triplet=TRIPLET))[-1].settings
    assert figures["frozen"] == {"features": ["triplet"]}
    assert set(figures["seen"]) == {"features", "triplet"}
    plain = jobs_of(read_plan(ROOT / "params.yaml"))[-1].settings
    assert "frozen" not in plain
    assert "seen" not in plain


def test_check_warns_and_leaves_with_0(tmp_path: Path) -> None:
    text = (
        "plan: p\nseeds: [0]\nbaseline: a\ndataset: {name: folder, path: pictures, size: 224}\n"
        "runs: {a: {method: npair}}\n"
        "backbone: {name: timm, architecture: vit_base_patch16_clip_224.laion2b}\n"
    )
    (tmp_path / "plan.yaml").write_text(text)
    done = CliRunner().invoke(app, ["check", "--plan", str(tmp_path / "plan.yaml")])
    assert done.exit_code == 0
    assert [line.split(":")[0] for line in done.output.splitlines()[1:]] == ["warning"] * 3
    assert "warning: no run shows what" in done.output
    assert "warning: test classes may have been seen: vit_base_patch16_clip_224.laion2b" in done.output
    assert "warning: there is no folder pictures here" in done.output


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_plan_of_the_project_shows_its_pretrained_features_untrained(path: Path) -> None:
    assert remarks_on(read_plan(path)) == []
