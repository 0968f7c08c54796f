"""From a plan to its jobs, each with the resolved settings that decide its result."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hardmine.artefacts import WORK, Job
from hardmine.doors import Door

from .backbones import BACKBONES
from .budget import taken_keys
from .datasets import DATASETS
from .methods import METHODS
from .plan import Plan
from .reporting import report_files, report_settings
from .trials import trial_seed

__all__ = ["jobs_of"]


def jobs_of(plan: Plan) -> list[Job]:
    """All jobs of a plan, upstream first."""
    dataset = plan.dataset
    raw = dataset.raw_folder
    chosen = dataset.model_dump(mode="json")
    packed = plan.packed_folder(plan.seeds[0])
    packings = {plan.packed_folder(seed): plan.dataset_of(seed) for seed in plan.seeds}

    def job(
        verb: str,
        folder: str,
        outputs: tuple[str, ...],
        inputs: tuple[str, ...],
        settings: dict[str, Any],
        behind: Sequence[Behind] = (),
        **where: Any,
    ) -> Job:
        code = tuple(dict.fromkeys(entry for named in behind for entry in named.code))
        packages = tuple(dict.fromkeys(package for named in behind for package in named.packages))
        return Job(plan.plan, verb, folder, outputs, inputs, settings, where, code, packages)

    jobs = [
        job(
            *("download", raw, dataset.raw_files, (), dataset.download_settings),
            [_verb("download"), _named(DATASETS, dataset.name)] if dataset.made_here else [],
            dataset=chosen,
        ),
        *(
            job(
                *("preprocess", folder, ("images.npy", "items.csv"), (raw,), {"dataset": own.packing}),
                [_verb("preprocess"), _named(DATASETS, dataset.name)],
                dataset=own.model_dump(mode="json"),
            )
            for folder, own in packings.items()
        ),
    ]
    weights = {file.folder: file for run in plan.runs.values() if (file := plan.backbone_of(run).weights_file)}
    for file in weights.values():
        where = {"urls": list(file.urls), "licence": file.licence}
        jobs.append(
            job("download", file.folder, (file.name,), (), {"weights": file.name, "sha256": file.sha256}, (), **where)
        )
    starts = [name for name, run in plan.runs.items() if not plan.origin_of(run)]
    others = [name for name in plan.runs if name not in starts]
    for names in (starts, others):  # runs that start from others, and their trials, come after these
        jobs += _tune_jobs(plan, names, packed, job)
        jobs += [_run_job(plan, "train", name, seed, job) for name in names for seed in plan.seeds]
    for verb in ("embed", "evaluate"):
        for name in (*starts, *others):
            for seed in plan.seeds:
                jobs.append(_run_job(plan, verb, name, seed, job))
    metrics = [item.folder for item in jobs if item.verb == "evaluate"]
    models = [item.folder for item in jobs if item.verb == "train"]
    embeddings = [item.folder for item in jobs if item.verb == "embed"]
    tables = tuple(f"tuning/{plan.plan}/{name}/table" for name in plan.searched)
    settings = report_settings(plan)
    behind = [_verb("figures"), *([_DATA] if "data_report" in settings else [])]
    jobs.append(
        job(
            *("figures", f"report/{plan.plan}", report_files(plan)),
            (*packings, *models, *embeddings, *metrics, *tables),
            settings,
            [*behind, *(_named(METHODS, run.method, figures=True) for run in plan.runs.values())],
            packed=packed,
        )
    )
    return jobs


def _run_job(plan: Plan, verb: str, name: str, seed: int, job: Any) -> Job:
    run, packed = plan.resolved(plan.runs[name]), plan.packed_folder(seed)
    place = f"{plan.plan}/{name}/seed{seed}"
    where = {
        "run": name,
        "seed": seed,
        "packed": packed,
        "model": f"models/{place}",
        "embeddings": f"embeddings/{place}",
    }
    behind = [_verb(verb), _named(METHODS, run.method), _named(BACKBONES, plan.backbone_of(run).name)]
    if verb == "train":
        origin = plan.origin_of(run)
        start = f"models/{plan.plan}/{origin}/seed{seed}" if origin else None
        training = plan.training_of(run)
        weights = plan.backbone_of(run).weights_file
        inputs = [packed, *([weights.folder] if weights else []), *([start] if start else [])]
        settings = {
            "method": run.own(for_training=True),
            "seed": seed,
            "backbone": plan.backbone_of(run).model_dump(mode="json"),
            "training": training.model_dump(mode="json"),
            "preparation": plan.dataset.preparation(plan.dataset.packing),
            "protocol": plan.evaluation.protocol,
            "start": "run" if origin else "none",
        }
        choice = _choice_of(plan, name)
        if choice:
            inputs.append(choice)
            settings |= {"choice": choice, **_taken(plan, name)}
        return job(
            verb,
            f"models/{place}",
            ("model.safetensors", "history.csv", "diagnostics.safetensors"),
            tuple(inputs),
            settings,
            behind,
            **where,
            start=start,
            weights=weights.path if weights else None,
            checkpoint_seconds=training.checkpoint_seconds,
        )
    if verb == "embed":
        settings = {"method": run.own(), "backbone": plan.backbone_of(run).model_dump(mode="json")}
        if crop := plan.training_of(run).augmentation.crop:
            settings["crop"] = crop
        return job(
            *(verb, f"embeddings/{place}", ("embeddings.safetensors",), (packed, f"models/{place}"), settings),
            behind,
            **where,
        )
    settings = {"evaluation": plan.evaluation.model_dump(mode="json", exclude={"protocols"})}
    if plan.protocols != ("all-against-rest",):
        settings["protocols"] = list(plan.protocols)
    return job(
        verb,
        f"metrics/{place}",
        ("metrics.json", "neighbours.safetensors"),
        (packed, f"embeddings/{place}"),
        settings,
        [_verb(verb)],
        **where,
    )


def _tune_jobs(plan: Plan, names: Sequence[str], packed: str, job: Any) -> list[Job]:
    """For each searched run of these its trials, the choice among them, and their table."""
    jobs = []
    for name in (name for name in plan.searched if name in names):
        own = _trial_jobs(plan, name, packed, job)
        place, trials = f"tuning/{plan.plan}/{name}", tuple(trial.folder for trial in own)
        points = [{"values": trial.values, "distance": trial.distance} for trial in plan.trials(name)]
        settings = {"rule": plan.tuning.rule, "trials": points}  # type: ignore[union-attr]
        rate = {"rate_trials": plan.tuning.rate_trials}  # type: ignore[union-attr]
        choice, table = (Behind((f"hardmine.training.choice:{work}",)) for work in ("choose", "tabulate"))
        jobs += own
        jobs.append(job("tune", f"{place}/choice", ("chosen.json",), trials, settings, [choice], run=name))
        jobs.append(job("tune", f"{place}/table", ("trials.csv",), trials, settings | rate, [table], run=name))
    return jobs


def _trial_jobs(plan: Plan, name: str, packed: str, job: Any) -> list[Job]:
    tuning, run = plan.tuning, plan.runs[name]
    assert tuning is not None
    backbone = plan.backbone_of(run)
    weights = backbone.weights_file
    behind = [
        Behind(("hardmine.training.trial:trial",)),
        _named(METHODS, run.method),
        _named(BACKBONES, backbone.name),
    ]
    fixed = {
        "backbone": backbone.model_dump(mode="json"),
        "preparation": plan.dataset.preparation(plan.dataset.packing),
        "folds": tuning.folds,
        "fold_seed": tuning.seed,
        "seed": trial_seed(tuning),
    }
    origin = plan.origin_of(run)
    start = f"models/{plan.plan}/{origin}/seed{plan.seeds[0]}" if origin else None
    started = {"start": "run"} if start else {}
    return [
        job(
            "tune",
            f"tuning/{plan.plan}/{name}/trial{trial.number}",
            ("scores.json",),
            (packed, *([weights.folder] if weights else []), *([start] if start else [])),
            {
                **fixed,
                **started,
                "method": plan.resolved(trial.run).own(for_training=True),
                "training": {**trial.training.model_dump(mode="json"), "images": plan.trial_images(trial)},
            },
            behind,
            run=name,
            trial=trial.number,
            packed=packed,
            **({"start": start} if start else {}),
            weights=weights.path if weights else None,
            checkpoint_seconds=trial.training.checkpoint_seconds,
        )
        for trial in plan.trials(name)
    ]


def _choice_of(plan: Plan, name: str) -> str | None:
    """The folder of the choice that a run's training reads."""
    source = plan.runs[name].like or (name if name in plan.searched else None)
    return f"tuning/{plan.plan}/{source}/choice" if source else None


def _taken(plan: Plan, name: str) -> dict[str, list[str]]:
    """The keys that a run with ``like`` takes from the other's choice, sorted."""
    other = plan.runs[name].like
    if not other:
        return {}
    return {"taken": taken_keys(plan.runs[name], plan.trials(other))}


class Behind(NamedTuple):
    """Code behind a job: import strings, and the distributions of others that bring some of it."""

    code: tuple[str, ...]
    packages: tuple[str, ...] = ()


_DATA = Behind(("hardmine.inspecting.planned:data_report",))


def _verb(verb: str) -> Behind:
    return Behind((WORK[verb],))


def _named(door: Door, name: str, figures: bool = False) -> Behind:
    """What stands behind the name of a method, a data set or a family of networks."""
    return Behind(door.code(name, figures), door.packages(name))
