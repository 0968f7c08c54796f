"""What a plan owes to published weights: which of its runs show them as they are, and what to say of them."""

from .plan import Plan

__all__ = ["frozen_runs", "remarks_on", "seen_by_run"]


def frozen_runs(plan: Plan) -> dict[str, list[str]]:
    """Runs of pretrained features as they are, with the trained runs that start from the same file of weights.

    Such a run has ``method: random, head: none``.
    """
    trained, shown = _by_weights(plan)
    return {run: trained[file] for file, runs in shown.items() for run in runs if file in trained}


def seen_by_run(plan: Plan) -> dict[str, str]:
    """What is to be said of test classes in the pretraining of runs, where there is anything."""
    found = ((name, plan.backbone_of(run).seen) for name, run in plan.runs.items())
    return {name: sentence for name, sentence in found if sentence}


def remarks_on(plan: Plan) -> list[str]:
    """Sentences on what a valid plan does not show, or what its results may owe to the weights that it starts from."""
    trained, shown = _by_weights(plan)
    lacking = [
        f"no run shows what {file} gives without training; add to runs: 'features: {{method: random, head: none}}', "
        "and the report says what training added"
        for file in trained
        if file not in shown
    ]
    return lacking + list(dict.fromkeys(seen_by_run(plan).values()))


def _by_weights(plan: Plan) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Names of the trained runs, and of those of features as they are, by the file of weights that they start from."""
    trained: dict[str, list[str]] = {}
    shown: dict[str, list[str]] = {}
    for name, run in plan.runs.items():
        file = plan.backbone_of(run).weights_file
        if file is None:
            continue
        if run.method != "random":
            trained.setdefault(file.path, []).append(name)
        elif getattr(run, "head", "new") == "none" and plan.origin_of(run) is None:
            shown.setdefault(file.path, []).append(name)
    return trained, shown
