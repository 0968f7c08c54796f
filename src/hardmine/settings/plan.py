"""A plan: what to run on which data set."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from .backbones import AnyBackbone, BackboneSettings, SmallCNN, overridden
from .base import Settings
from .by_name import ByName
from .datasets import DatasetSettings
from .evaluation import Evaluation
from .methods import METHODS
from .run import RunSettings
from .training import Training
from .trials import Trial, search_of, trials_of, with_values
from .tuning import Tuning

__all__ = ["AnyRun", "BackboneError", "Plan", "plan_schema"]

if TYPE_CHECKING:
    AnyRun = RunSettings
else:
    AnyRun = Annotated[RunSettings, ByName(METHODS, "method")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
_LETTERS = 180
"""Of the names of plan and run together: both stand in single file names under scratch/, which have 255 bytes."""


class BackboneError(ValueError):
    """A run's keys of the backbone do not fit the family that it has with them.

    Attributes:
        run: its name.
        family: the name of the family.
        fault: what pydantic says of the section.
    """

    def __init__(self, run: str, family: str, fault: ValidationError) -> None:
        super().__init__(str(fault))
        self.run, self.family, self.fault = run, family, fault


class Plan(Settings):
    """One YAML file: a data set, the sections all runs share, and the runs."""

    plan: Name
    """Name of the plan: folders of models, metrics and the report carry it."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field((0, 1, 2), min_length=1)
    """One training a run and seed."""
    baseline: Name
    """The run the others are tested against."""
    dataset: DatasetSettings
    """The data set and how it is packed."""
    backbone: AnyBackbone = SmallCNN()
    """The network."""
    training: Training = Training()
    """How networks are trained."""
    evaluation: Evaluation = Evaluation()
    """What is measured."""
    versions: Literal["warn", "strict"] = "warn"
    """What libraries of other versions than an artefact was made with mean: warn, or strict: it is made again."""
    tuning: Tuning | None = None
    """The search for settings before training; without it runs are trained as they stand."""
    runs: dict[Name, AnyRun] = Field(min_length=1)
    """The named runs."""

    _trials: dict[str, list[Trial]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _names_fit_into_file_names(self) -> "Plan":
        longest = max(self.runs, key=len)
        if len(self.plan) + len(longest) > _LETTERS:
            raise ValueError(
                f"plan: '{_shortened(self.plan)}' and the run '{_shortened(longest)}' have "
                f"{len(self.plan) + len(longest)} letters together; at most {_LETTERS} fit into the names of files"
            )
        return self

    @model_validator(mode="after")
    def _backbones_are_valid(self) -> "Plan":
        for name, run in self.runs.items():
            try:
                self.backbone_of(run)
            except ValidationError as error:
                raise BackboneError(name, run.backbone.get("name", self.backbone.name), error) from None
        return self

    @model_validator(mode="after")
    def _refer_to_runs(self) -> "Plan":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: {list(self.seeds)} has a seed twice")
        if self.baseline not in self.runs:
            raise ValueError(f"baseline: there is no run '{self.baseline}'; the runs are {', '.join(self.runs)}")
        for name, run in self.runs.items():
            origin = self.origin_of(run)
            if origin is None:
                continue
            if origin not in self.runs:
                raise ValueError(
                    f"runs.{name}.weights: there is no run '{origin}'; the runs are {', '.join(self.runs)}"
                )
            if self.origin_of(self.runs[origin]) is not None:
                raise ValueError(
                    f"runs.{name}.weights: '{origin}' starts from another run itself; chains are not allowed"
                )
            if self.backbone_of(run) != self.backbone_of(self.runs[origin]):
                raise ValueError(f"runs.{name}.weights: '{origin}' has another backbone")
        return self

    @model_validator(mode="after")
    def _crops_fit(self) -> "Plan":
        for name, run in self.runs.items():
            try:
                training = self.training_of(run)
            except ValueError as error:
                raise ValueError(f"runs.{name}.training: {error}") from None
            try:
                self.check_training(run, training)
            except ValueError as error:
                raise ValueError(f"runs.{name}.{error}") from None
        return self

    def check_training(self, run: RunSettings, training: Training) -> None:
        """Refuse a section of training that does not fit the images or the network.

        Raises:
            ValueError: it does not; the message begins with the key.
        """
        augmentation = training.augmentation
        crop = augmentation.crop
        if self.dataset.channels == 1 and any((augmentation.saturation, augmentation.hue, augmentation.grey)):
            raise ValueError(
                f"training.augmentation: images of {self.dataset.name} have one channel; saturation, hue and grey "
                "have no meaning there"
            )
        if crop > self.dataset.size:
            raise ValueError(
                f"training.augmentation.crop: {crop} is more than the {self.dataset.size} pixels of a stored image "
                "(dataset.size)"
            )
        if fault := self.backbone_of(run).size_fault(crop or self.dataset.size):
            raise ValueError(f"backbone: {fault}; change dataset.size, training.augmentation.crop or the backbone")

    @model_validator(mode="after")
    def _validation_exists(self) -> "Plan":
        share = getattr(self.dataset, "validation_share", 1)
        if share == 0 and self.evaluation.protocol == "fair":
            raise ValueError("dataset.validation_share: 0 leaves no validation classes; set evaluation.protocol: paper")
        return self

    @model_validator(mode="after")
    def _protocols_fit(self) -> "Plan":
        official = "query-gallery" in self.dataset.protocols
        for protocol in self.evaluation.protocols:
            if protocol != "all-against-rest" and (protocol == "query-gallery") != official:
                allowed = "query-gallery" if official else "one-gallery-image, one-query-image"
                raise ValueError(
                    f"evaluation.protocols: {protocol} does not fit {self.dataset.name}, which has "
                    f"{'' if official else 'no '}official queries; allowed: all-against-rest, {allowed}"
                )
        if not {"all-against-rest", "query-gallery"} & set(self.protocols):
            raise ValueError(
                f"evaluation.protocols: {', '.join(self.protocols)} measures no recall, by which the report compares "
                "runs; add all-against-rest"
            )
        return self

    @model_validator(mode="after")
    def _tuning_fits(self) -> "Plan":
        if self.tuning is None:
            for name, run in self.runs.items():
                if run.tune is not None or run.like is not None:
                    key = "like" if run.tune is None else "tune"
                    raise ValueError(f"runs.{name}.{key}: the plan tunes nothing; add tuning: {{trials: 16}}")
            return self
        for name, run in self.runs.items():
            self._refuse_search(name, run)
        self._folds_fit()
        for name in self.searched:
            self._trials[name] = trials_of(self, name)
            for trial in self._trials[name]:
                self._acts_in_time(name, trial)
        for name, run in self.runs.items():
            if run.like:
                for trial in self._trials[run.like]:
                    self.taken_from(name, trial)
        self._is_one_budget()
        return self

    def _refuse_search(self, name: str, run: RunSettings) -> None:
        """Refuse what a run says of tuning where it has no meaning."""
        where = f"runs.{name}"
        if run.tune is not None and not run.trains:
            raise ValueError(f"{where}.tune: {run.method} trains nothing; leave the key out")
        if run.tune is not None and run.like:
            raise ValueError(
                f"{where}: tune and like contradict each other; a run searches, or takes what another found"
            )
        if run.like is None:
            if run.trains and self.origin_of(run):
                raise ValueError(
                    f"{where}: starts from the run '{self.origin_of(run)}', which is trained after tuning; take the "
                    "values of another run (like: <run>), or leave the run to a plan without tuning"
                )
            return
        other = self.runs.get(run.like)
        if other is None:
            raise ValueError(f"{where}.like: there is no run '{run.like}'; the runs are {', '.join(self.runs)}")
        if other.like or not other.trains or not run.trains:
            reason = "has no search of its own" if run.trains else f"is nothing to {run.method}, which trains nothing"
            raise ValueError(f"{where}.like: '{run.like}' {reason}; searched are {', '.join(self.searched)}")

    def _acts_in_time(self, name: str, trial: Trial) -> None:
        """Refuse a budget at which a mechanism never starts."""
        assert self.tuning is not None
        images = self.trial_images(trial)
        search = search_of(trial.run, trial.training)
        asked, known = search.batch_classes, self.classes_in_fold
        if known is not None and asked > known:
            raise ValueError(
                f"runs.{name}: a batch has images of {asked} classes, but with {self.tuning.folds} folds of "
                f"{self.dataset.training_classes} training classes a trial has {known}; use smaller batches or more "
                "folds"
            )
        there = self.dataset.training_images
        there = there and there * (self.tuning.folds - 1) // self.tuning.folds
        begins = search.acts_after(there)
        if trial.training.warmup_steps:
            begins["training.warmup_steps"] = trial.training.warmup_steps * search.batch_images
        for mechanism, start in begins.items():
            if start >= images:
                values = "" if not trial.number else f" (trial {trial.number}: {trial.values})"
                raise ValueError(
                    f"runs.{name}: {mechanism} begins to act after {start:,} training images, but a trial has "
                    f"{images:,}{values}; give tuning.images more, or let it begin earlier"
                )

    def _is_one_budget(self) -> None:
        """Under the fair protocol every run has as many images a trial."""
        budgets = {name: self.trial_images(self._trials[name][0]) for name in self.searched}
        if self.evaluation.protocol == "fair" and len(set(budgets.values())) > 1:
            least, most = min(budgets, key=lambda run: budgets[run]), max(budgets, key=lambda run: budgets[run])
            raise ValueError(
                f"tuning: the trials of {most} have {budgets[most]:,} images, those of {least} {budgets[least]:,}; "
                "under evaluation.protocol: fair all runs have as many: set tuning.images"
            )

    def _folds_fit(self) -> None:
        assert self.tuning is not None
        classes, folds = self.dataset.training_classes, self.tuning.folds
        if classes is not None and classes < 2 * folds:
            raise ValueError(
                f"tuning.folds: {folds} parts of {classes} training classes leave fewer than two in a part; at most "
                f"{classes // 2}"
            )

    @property
    def searched(self) -> list[str]:
        """The runs that have trials, in the plan's order."""
        return [name for name, run in self.runs.items() if self.tuning and run.trains and not run.like]

    @property
    def classes_in_fold(self) -> int | None:
        """Classes that a trial trains on at least, where the data set's settings say how many there are."""
        classes = self.dataset.training_classes
        if self.tuning is None or classes is None:
            return None
        return classes - -(-classes // self.tuning.folds)

    def trials(self, name: str) -> list[Trial]:
        """The trials of a searched run."""
        return self._trials[name]

    def trial_images(self, trial: Trial) -> int:
        """Training images of each of a trial's trainings."""
        assert self.tuning is not None
        return self.tuning.images or trial.training.images

    def taken_from(self, name: str, trial: Trial) -> list[str]:
        """The keys of another run's trial that a run with ``like`` has too.

        Raises:
            ValueError: their values contradict this run's other settings.
        """
        run = self.runs[name]
        own = set(type(run).model_fields) - set(RunSettings.model_fields)
        keys = [key for key in trial.values if key.partition(".")[0] in {"training", *own}]
        where = f"runs.{name}.like: trial {trial.number} of {run.like}"
        with_values(self, name, {key: trial.values[key] for key in keys}, where)
        return keys

    @property
    def protocols(self) -> tuple[str, ...]:
        """The protocols of evaluation, as asked for or as usual on the data set."""
        return self.evaluation.protocols or self.dataset.protocols

    @staticmethod
    def origin_of(run: RunSettings) -> str | None:
        """The run whose weights this run starts from."""
        kind, _, name = run.weights.partition("/")
        return name if kind == "run" else None

    def resolved(self, run: RunSettings) -> RunSettings:
        """A run's settings with what depends on the run that it starts from."""
        origin = self.origin_of(run)
        return run.started_from(self.runs[origin] if origin else None)

    def backbone_of(self, run: RunSettings) -> BackboneSettings:
        """The plan's backbone with the run's overrides."""
        return overridden(self.backbone, run.backbone)

    def training_of(self, run: RunSettings) -> Training:
        """The plan's training section with the run's overrides."""
        return _merged(self.training, run.training)


def _shortened(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:40]}…"


def _merged(shared: Any, overrides: Settings) -> Any:
    """``shared`` with the keys that were set in ``overrides``, sections merged key by key."""
    changes = {}
    for name in overrides.model_fields_set:
        value = getattr(overrides, name)
        if value is not None:
            changes[name] = _merged(getattr(shared, name), value) if isinstance(value, Settings) else value
    try:
        return type(shared).model_validate(
            {**{key: getattr(shared, key) for key in type(shared).model_fields}, **changes}
        )
    except ValidationError as error:
        faults = (".".join(map(str, (*item["loc"], item["msg"]))) for item in error.errors(include_url=False))
        raise ValueError("; ".join(fault.replace("Value error, ", "") for fault in faults)) from None


def plan_schema() -> dict[str, Any]:
    """The JSON schema of a plan file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}
