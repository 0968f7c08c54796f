"""A plan: what to run on which data set."""

from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from .backbones import AnyBackbone, BackboneSettings, SmallCNN, overridden
from .base import Settings
from .budget import budgeted_trials
from .by_name import ByName
from .datasets import DatasetSettings
from .evaluation import Evaluation
from .methods import METHODS
from .questions import MOST_QUESTIONS, Question, refuse_unknown_runs
from .run import RunSettings
from .training import Training
from .trials import Trial
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
    draws: Literal["one", "each-seed"] = "one"
    """one: seeds share their classes, and intervals speak of other seeds on these; each-seed: every seed has classes of
    its own (drawn by dataset.seed plus the seed), and intervals speak of other classes too. The first seed's are those
    that settings are tuned on."""
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
    questions: tuple[Question, ...] = Field((), max_length=MOST_QUESTIONS)
    """What is asked of the runs before they are made; ``hardmine compare`` answers, corrected for all questions."""

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
    def _asks_about_its_runs(self) -> "Plan":
        refuse_unknown_runs(self)
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
    def _draws_fit(self) -> "Plan":
        name, drawn = self.dataset.name, self.dataset.draws_test_classes
        if drawn and self.dataset.protocols != ("all-against-rest",):
            raise ValueError(
                f"dataset.classes: drawn has no meaning for {name}, whose lists say what is searched in what"
            )
        if self.draws == "each-seed" and not drawn:
            raise ValueError(
                f"draws: each-seed has no meaning where {name} is split as published or by a list; "
                "set dataset.classes: drawn"
            )
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
        self._trials |= budgeted_trials(self)
        return self

    def dataset_of(self, seed: int) -> DatasetSettings:
        """The data set of a training seed, with the seed that draws its classes."""
        if self.draws == "one":
            return self.dataset
        return self.dataset.model_copy(update={"seed": self.dataset.seed + seed})

    def packed_folder(self, seed: int | str) -> str:
        """Where the packed images of a training seed lie; the workflow gives a wildcard for it."""
        shared = f"data/packed/{self.dataset.name}-{self.dataset.variant}"
        return shared if self.draws == "one" else f"{shared}/seed{seed}"

    @property
    def searched(self) -> list[str]:
        """The runs that have trials, in the plan's order."""
        return [name for name, run in self.runs.items() if self.tuning and run.trains and not run.like]

    def classes_in_fold(self, name: str) -> int | None:
        """Classes that a run's trial trains on at least, where the data set's settings say how many there are."""
        classes = self.dataset.training_classes(self.training_of(self.runs[name]).split)
        if self.tuning is None or classes is None:
            return None
        return self.tuning.classes_left(classes)

    def trials(self, name: str) -> list[Trial]:
        """The trials of a searched run."""
        return self._trials[name]

    def trial_images(self, trial: Trial) -> int:
        """Training images of each of a trial's trainings."""
        assert self.tuning is not None
        return self.tuning.images or trial.training.images

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
    """``shared`` with the keys that were set in ``overrides``, sections merged key by key.

    Raises:
        ValueError: a key or value is not allowed, null among them where the key cannot be off.
    """
    changes = {}
    for name in overrides.model_fields_set:
        value = getattr(overrides, name)
        if value is None and NoneType not in get_args(type(shared).model_fields[name].annotation):
            raise ValueError(f"{name}: null is no value of it; leave the key out")
        changes[name] = _merged(getattr(shared, name), value) if isinstance(value, Settings) else value
    try:
        return type(shared).model_validate(
            {**{key: getattr(shared, key) for key in shared.model_fields_set}, **changes}
        )
    except ValidationError as error:
        faults = (".".join(map(str, (*item["loc"], item["msg"]))) for item in error.errors(include_url=False))
        raise ValueError("; ".join(fault.replace("Value error, ", "") for fault in faults)) from None


def plan_schema() -> dict[str, Any]:
    """The JSON schema of a plan file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}
