"""Every trial of tuned plans on small images can be built: what contradicts itself shows here, not after hours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hardmine.images import ImageStore
from hardmine.images.batches import TrainingImages
from hardmine.methods import Setup, build_method
from hardmine.settings import read_plan, read_yaml
from hardmine.settings.plan import Plan

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CONTENTS = {path: read_yaml(path) for path in sorted(EXPERIMENTS.glob("*.yaml"))}
SMALL = [
    path for path, content in CONTENTS.items() if "tuning" in content and "name" not in content.get("backbone", {})
]


def built(plan: Plan, name: str) -> int:
    """Build the method of each of a run's trials on as many classes as a fold leaves; how many there are."""
    classes = plan.classes_in_fold(name) or 100
    labels = np.repeat(np.arange(classes), 20)
    store = ImageStore(np.zeros((len(labels), 32, 32, 1), np.uint8), np.arange(len(labels)), labels)
    device = torch.device("cpu")
    trials = plan.trials(name)
    for trial in trials:
        images = TrainingImages(store, trial.training.augmentation, device, 0)
        backbone = plan.backbone_of(trial.run)
        build_method(Setup(plan.resolved(trial.run), backbone, trial.training, images, 1, 32, device, 0))
    return len(trials)


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_trial_of_a_plan_can_be_built(path: Path) -> None:
    content = read_plan(path)
    assert content.tuning is not None
    for name in content.searched:
        assert built(content, name) == content.tuning.trials
