"""What a plan's report holds, and what decides it."""

from typing import Any

from .datasets import Dataset
from .plan import Plan
from .pretraining import frozen_runs, seen_by_run
from .trials import space_of

__all__ = ["DATA_REPORT", "FIGURES", "report_files", "report_settings"]

FIGURES = ("recall", "recall-at-k", "curves", "loss", "gallery")
"""Figures every report has."""
DATA_REPORT = ("index.html", "duplicates.csv", "labels.csv", "classes.csv", "outliers.csv", "files.csv")
"""Files of a report on the images themselves."""


def report_files(plan: Plan) -> tuple[str, ...]:
    """The files of a report."""
    return (
        *("index.html", "results.csv", "details.csv", "statistics.csv", "summary.json", "curves.csv"),
        *("table.md", "table.tex", "page.js", "data.js", "pictures.js", "failed.csv"),
        *(("tuned.csv",) if plan.searched else ()),
        *(("published.csv",) if _is_comparable(plan.dataset) else ()),
        *(f"data/{name}" for name in (DATA_REPORT if _looked_at_by(plan) else ())),
        *(f"figures/{figure}.{kind}" for figure in _figures(plan) for kind in ("svg", "png")),
    )


def report_settings(plan: Plan) -> dict[str, Any]:
    """The settings of the figures job."""
    return {
        "plan": plan.plan,
        "dataset": plan.dataset.name,
        "baseline": plan.baseline,
        "seeds": list(plan.seeds),
        "runs": {name: plan.resolved(run).own() for name, run in plan.runs.items()},
        "order": list(plan.runs),
        "recall_at": list(plan.evaluation.recall_at),
        "protocol": plan.evaluation.protocol,
        "figures": _figures(plan),
        **({"draws": plan.draws} if plan.draws != "one" else {}),
        **_beside_published(plan),
        **_of_tuning(plan),
        **_looked_at_by(plan),
        **{key: said for key, said in (("frozen", frozen_runs(plan)), ("seen", seen_by_run(plan))) if said},
    }


def _figures(plan: Plan) -> list[str]:
    own = {figure: None for run in plan.runs.values() for figure in run.diagnostics}
    return [*FIGURES, *(("budget",) if plan.searched else ()), *own]


def _looked_at_by(plan: Plan) -> dict[str, Any]:
    """The model through which a report looks at own images: pretrained features as they are, where a run shows them."""
    features = next(iter(frozen_runs(plan)), None)
    if plan.dataset.name != "folder" or features is None:
        return {}
    return {"data_report": f"models/{plan.plan}/{features}/seed{plan.seeds[0]}"}


def _of_tuning(plan: Plan) -> dict[str, Any]:
    """What a report says of tuning, where there was any."""
    if not plan.searched or plan.tuning is None:
        return {}
    budget = plan.tuning.model_dump(mode="json", include={"trials", "folds", "rate_trials", "rule"})
    images = [plan.trial_images(plan.trials(name)[0]) for name in plan.searched]
    like = {name: run.like for name, run in plan.runs.items() if run.like}
    keys = {name: list(space_of(plan, name)) for name in plan.searched}
    return {"tuning": {**budget, "images": sorted(set(images)), "keys": keys, "like": like}}


def _is_comparable(dataset: Dataset) -> bool:
    """Whether published results exist on these images."""
    return dataset.published_name is not None and dataset.as_published


def _beside_published(plan: Plan) -> dict[str, Any]:
    """What a comparison with published results needs to know, where the data set has any."""
    if not _is_comparable(plan.dataset):
        return {}
    runs = {}
    for name, run in plan.runs.items():
        backbone = plan.backbone_of(run)
        content = backbone.model_dump(mode="json")
        extras = (
            backbone.pooling == "second-order" and "second-order pooling",
            backbone.tap != "deepest" and "features of an earlier stage",
        )
        runs[name] = {
            "backbone": content.get("architecture", backbone.name),
            "start": f"run {origin}" if (origin := plan.origin_of(run)) else content.get("weights", "none"),
            "dimensions": backbone.embedding * len(getattr(run, "ratios", (1,))),
            "pixels": plan.training_of(run).augmentation.crop or plan.dataset.size,
            "extras": [extra for extra in extras if extra],
        }
    dataset = plan.dataset.model_dump(mode="json")
    return {"published": {"dataset": dataset, "protocol": plan.evaluation.protocol, "runs": runs}}
