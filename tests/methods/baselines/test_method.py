import io

import pytest
import torch
from tiny import advance, build, weights

from hardmine.methods.baselines import settings
from hardmine.settings.methods import METHODS
from hardmine.settings.run import RunSettings
from hardmine.training.checkpoint import _plain

RUNS = {
    "contrastive": {"method": "contrastive"},
    "triplet-random": {"method": "triplet", "selection": "random"},
    "triplet-semihard": {"method": "triplet", "selection": "semihard"},
    "triplet-hard": {"method": "triplet", "selection": "hard"},
    "triplet-distance": {"method": "triplet", "selection": "distance"},
    "lifted": {"method": "lifted"},
    "npair": {"method": "npair", "training": {"batch": {"classes": 8, "images_per_class": 2}}},
    "angular": {"method": "angular"},
    "histogram": {"method": "histogram"},
    "proxy-nca": {"method": "proxy-nca"},
    "softmax": {"method": "softmax"},
    "margin": {"method": "margin"},
    "multi-similarity": {"method": "multi-similarity"},
    "multi-similarity-all": {"method": "multi-similarity", "miner": False},
    "proxy-anchor": {"method": "proxy-anchor"},
    "softtriple": {"method": "softtriple"},
    "circle": {"method": "circle"},
    "supcon": {"method": "supcon"},
    "arcface": {"method": "arcface"},
    "cosface": {"method": "cosface"},
    "xbm": {"method": "xbm", "memory": 0.5, "start_epochs": 0},
}


def test_every_baseline_has_a_run_here() -> None:
    models = (getattr(settings, name) for name in settings.__all__)
    own = {model for model in models if issubclass(model, RunSettings)}
    tested = {METHODS.settings(run["method"]) for run in RUNS.values()} | {METHODS.settings("random")}
    assert own == tested


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_two_trainings_are_equal_and_one_resumed_in_between_too(run: dict) -> None:
    straight, stopped, resumed = build(run), build(run), build(run, seed=0)
    torch.manual_seed(1)
    log = advance(straight, 10)
    torch.manual_seed(1)
    part = advance(stopped, 4)
    file = io.BytesIO()
    torch.save({"method": _plain(stopped.state_dict()), "log": part.state_dict(), "rng": torch.get_rng_state()}, file)
    torch.manual_seed(999)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    resumed.load_state_dict(saved["method"])
    part.load_state_dict(saved["log"])
    torch.set_rng_state(saved["rng"])
    part = advance(resumed, 6, part)
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[name]), name
    assert log.means() == part.means()


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_a_few_epochs_lower_the_training_loss(run: dict) -> None:
    if run.get("selection") in ("hard", "semihard"):
        pytest.skip("the selected tuples get harder as the network learns")
    method = build(run, learning_rate=0.003)
    first = advance(method, 8).means()["loss"]
    advance(method, 40)
    assert advance(method, 8).means()["loss"] < first


def test_the_untrained_network_takes_no_step() -> None:
    assert build({"method": "random"}).total_steps == 0


def test_proxies_learn_at_a_rate_of_their_own() -> None:
    method = build({"method": "proxy-nca", "proxy_learning_rate": 0.123})
    rates = [group["start_lr"] for group in method.optimisers[0].param_groups]
    assert rates == [0.001, 0.123]


def test_the_random_run_can_show_the_pooled_features_themselves() -> None:
    method = build({"method": "random", "head": "none"})
    images = method.images.plain(torch.arange(4))
    found = method.network.eval().embed(images)["embedding"]
    features = method.network.features(images)
    assert torch.equal(found, torch.nn.functional.normalize(features, dim=1))
    assert method.total_steps == 0
