"""Settings of the network families, and what a run may override."""

import pytest
from pydantic import ValidationError

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.backbones import SmallCNN, Torchvision, backbone_from

RESNET = {"name": "torchvision", "architecture": "resnet18"}


def plan_of(backbone: object = None, run: object = None, size: int = 32):
    content = {
        "plan": "p",
        "baseline": "a",
        "dataset": {"name": "glyphs", "size": size},
        "runs": {"a": {"method": "random"} | ({} if run is None else {"backbone": run})},
    }
    return load_plan(content | ({} if backbone is None else {"backbone": backbone}), "plan.yaml")


def resolved(backbone: object = None, run: object = None):
    plan = plan_of(backbone, run)
    return plan.backbone_of(plan.runs["a"])


def test_a_section_without_a_name_is_the_small_network() -> None:
    assert resolved() == resolved({}) == SmallCNN()
    assert resolved({"width": 4}) == SmallCNN(width=4)


def test_switched_off_options_leave_the_settings_of_the_small_network_as_they_were() -> None:
    assert SmallCNN().model_dump(mode="json") == {
        "name": "small-cnn",
        "width": 16,
        "embedding": 64,
        "tap": "block4",
        "pooling": "average",
    }
    changed = SmallCNN(batch_norm="frozen", trunk_rate=0.1).model_dump(mode="json")
    assert (changed["batch_norm"], changed["trunk_rate"]) == ("frozen", 0.1)


def test_what_a_job_holds_gives_the_same_network_back() -> None:
    settings = {**RESNET, "batch_norm": "frozen", "trunk_rate": 0.5, "tap": "layer3"}
    (job,) = (job for job in jobs_of(plan_of(settings)) if job.verb == "embed" and "seed0" in job.folder)
    assert backbone_from(job.settings["backbone"]) == Torchvision(**settings)


def test_a_run_changes_single_keys_of_the_plans_family() -> None:
    shared = {**RESNET, "embedding": 32, "weights": "none"}
    found = resolved(shared, {"trunk_rate": "0.1", "architecture": "resnet50"})
    assert found == Torchvision(**{**shared, "trunk_rate": 0.1, "architecture": "resnet50"})


def test_a_run_of_another_family_starts_from_its_defaults() -> None:
    found = resolved({"width": 3, "embedding": 5}, RESNET)
    assert found == Torchvision(**RESNET)
    assert found.embedding != 5


@pytest.mark.parametrize(
    ("backbone", "run", "expected"),
    [
        ({"name": "resnet"}, None, "backbone.name: 'resnet' is not allowed; allowed: small-cnn, bvlc-googlenet,"),
        ({"name": "torchvison"}, None, "backbone.name: 'torchvison' is not allowed (did you mean 'torchvision'?)"),
        ({"name": ["timm"]}, None, "backbone.name: "),
        (3, None, "backbone: input should be a valid dictionary"),
        ({"widht": 3}, None, "backbone.widht: unknown key (did you mean 'width'?); allowed here: name, embedding,"),
        (
            {**RESNET, "width": 3},
            None,
            "allowed here: name, embedding, tap, pooling, trunk_rate, architecture,",
        ),
        ({**RESNET, "tap": "layer5"}, None, "tap: 'layer5' is not allowed (did you mean 'layer4'?); allowed: deepest,"),
        (
            {**RESNET, "architecture": "resnet81"},
            None,
            "architecture: 'resnet81' is not allowed (did you mean",
        ),
        ({**RESNET, "trunk_rate": -1}, None, "backbone.trunk_rate: input should be greater than or equal to 0"),
        ({"name": "timm"}, None, "backbone.architecture: is missing"),
        ({"name": "timm", "architecture": "resnet18"}, None, "names no weights; write a tag after a point, such as"),
        ({"name": "timm", "architecture": "hf-hub:x/../y"}, None, "backbone.architecture: 'hf-hub:x/../y' is not"),
        (None, {"widht": 3}, "runs.a.backbone.widht: unknown key (did you mean 'width'?); allowed here: name,"),
        (RESNET, {"width": 3}, "runs.a.backbone.width: unknown key (did you mean 'weights'?); allowed here: name,"),
        (None, {"name": "resnet"}, "runs.a.backbone.name: 'resnet' is not allowed; allowed: small-cnn,"),
        (None, {"width": None}, "runs.a.backbone.width: input should be a valid integer"),
        (None, [], "runs.a.backbone: must hold keys and values"),
        (
            None,
            {"name": "torchvision", "architecture": "vit_b_16", "batch_norm": "frozen"},
            "runs.a.backbone: batch_norm: vit_b_16 has no batch norm to freeze",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(backbone: object, run: object, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(backbone, run)
    assert expected in str(caught.value)
    assert all(line.startswith("plan.yaml: ") for line in str(caught.value).splitlines())


def test_all_mistakes_of_a_runs_backbone_are_named_at_once() -> None:
    with pytest.raises(UserError) as caught:
        plan_of(RESNET, {"width": 3, "tap": "layer5", "embedding": 0})
    assert [line.split(":")[1].strip() for line in str(caught.value).splitlines()] == [
        "runs.a.backbone.embedding",
        "runs.a.backbone.width",
    ]


@pytest.mark.parametrize(
    ("run", "size", "expected"),
    [
        (
            {"name": "bvlc-googlenet"},
            16,
            "runs.a.backbone: bvlc-googlenet needs images of at least 32 pixels",
        ),
        ({**RESNET, "architecture": "efficientnet_v2_s"}, 32, "efficientnet_v2_s needs images of at least 33 pixels"),
        ({**RESNET, "architecture": "vit_b_16"}, 40, "needs an edge that is a multiple of 16, not 40 pixels"),
    ],
)
def test_images_that_a_network_cannot_take_are_refused_before_anything_runs(
    run: dict, size: int, expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(None, run, size)
    assert expected in str(caught.value)
    assert plan_of(None, run, 64)


def test_the_stored_form_is_checked_too() -> None:
    with pytest.raises(ValidationError):
        backbone_from({**RESNET, "width": 3})
