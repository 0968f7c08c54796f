import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import load_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan, plan_schema, read_plan, read_yaml

ROOT = Path(__file__).parents[2]
PLANS = [ROOT / "params.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]


def minimal(**changes: object) -> dict:
    return {"plan": "p", "baseline": "a", "dataset": {"name": "glyphs"}, "runs": {"a": {"method": "random"}}} | changes


def message(content: object) -> str:
    with pytest.raises(UserError) as caught:
        load_plan(content, "plan.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))], ids=lambda p: p.name
)
def test_every_plan_of_the_project_is_valid(path: Path) -> None:
    assert jobs_of(read_plan(path))


def test_params_yaml_shows_every_shared_key_with_its_default_and_a_remark() -> None:
    text = (ROOT / "params.yaml").read_text()
    shown = yaml.safe_load(text)
    bare = {key: shown[key] for key in ("plan", "baseline", "seeds", "runs")} | {"dataset": {"name": "glyphs"}}
    defaults = load_plan(bare, "defaults").model_dump(mode="json", exclude={"runs"})
    defaults["training"]["checkpoint_seconds"] = 20
    assert {
        key: value for key, value in load_plan(shown, "shown").model_dump(mode="json", exclude={"runs"}).items()
    } == {key: value for key, value in load_plan(bare, "bare").model_dump(mode="json", exclude={"runs"}).items()}
    for section in ("dataset", "backbone", "training", "evaluation"):
        assert set(shown[section]) == set(defaults[section]), section
    for line in text.splitlines():
        if ":" in line and not line.lstrip().startswith("#") and not line.rstrip().endswith(":"):
            assert "#" in line, f"no remark: {line}"


def test_the_schema_file_equals_the_models() -> None:
    stored = json.loads((ROOT / "src/hardmine/settings/plan.schema.json").read_text())
    assert stored == json.loads(json.dumps(plan_schema())), "run 'make schema'"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"trainin": {}}, "plan.yaml: trainin: unknown key (did you mean 'training'?); allowed here: plan, seeds,"),
        ({"training": {"learning_rat": 1}}, "training.learning_rat: unknown key (did you mean 'learning_rate'?)"),
        ({"training": {"learning_rate": -1}}, "training.learning_rate: input should be greater than 0 (given: -1)"),
        ({"training": {"optimiser": "adm"}}, "'adm' is not allowed (did you mean 'adam'?); allowed: adam, adamw, sgd"),
        ({"baseline": "b"}, "baseline: there is no run 'b'; the runs are a"),
        ({"seeds": [1, 1]}, "seeds: [1, 1] has a seed twice"),
        ({"runs": {"a": {"method": "tripet"}}}, "runs.a.method: 'tripet' is no method (did you mean 'triplet'?)"),
        ({"runs": {"a": {}}}, "runs.a.method: is missing"),
        ({"runs": {"a": {"method": "triplet", "selection": "semi"}}}, "runs.a.selection: 'semi' is not allowed"),
        ({"runs": {"a": {"method": "random", "training": {"learning_rate": 0}}}}, "runs.a.training.learning_rate: "),
        (
            {"runs": {"a": {"method": "random", "training": {"bach": 0}}}},
            "runs.a.training.bach: unknown key (did you mean 'batch'?)",
        ),
        ({"runs": {"A b": {"method": "random"}}}, "runs.A b: "),
        ({"runs": {"a": {"method": "random", "weights": "run/x"}}}, "runs.a.weights: there is no run 'x'"),
        ({"training": {"learning_rate": float("inf")}}, "training.learning_rate: input should be a finite number"),
        ({"runs": {"a": {"method": "npair", "margin": 1}}}, "allowed here: method, backbone, training, weights, tune,"),
        ({"dataset": {"name": "gliphs"}}, "'gliphs' is not allowed (did you mean 'glyphs'?)"),
        ({"seeds": 3}, "seeds: 3 is no list; write [3], with commas between several."),
        ({"training": {"images": True}}, "training: images: true is a truth value, which has no meaning here"),
        ({"seeds": [True]}, "seeds: true is a truth value"),
    ],
)
def test_a_mistake_is_named_with_its_key_what_is_allowed_and_the_nearest_match(change: dict, expected: str) -> None:
    assert expected in message(minimal(**change))


@pytest.mark.parametrize("content", [None, [], "x", 3, {"plan": None}, {1: 2}])
def test_what_is_no_plan_at_all_is_refused(content: object) -> None:
    assert "plan.yaml" in message(content)


def test_a_file_that_is_missing_or_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1\nb: }")
    with pytest.raises(UserError, match="is not valid YAML"):
        read_plan(tmp_path / "bad.yaml")
    (tmp_path / "twice.yaml").write_text("runs:\n  a: 1\n  a: 2\n")
    with pytest.raises(UserError, match="the key 'a' is given twice"):
        read_plan(tmp_path / "twice.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not UTF-8"):
        read_plan(tmp_path / "bytes.yaml")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('!!int ""', "is not valid YAML"),
        ('!!float ""', "is not valid YAML"),
        ("!!bool foo", "is not valid YAML"),
        ("!!timestamp foo", "is not valid YAML"),
        ("0x" + "f" * 8000, "more than 64 bits"),
        ('"\\uD800"', "null character or half a character"),
        ('"/tmp/a\\0b"', "null character or half a character"),
    ],
)
def test_a_value_that_no_plan_can_hold_is_refused(tmp_path: Path, value: str, words: str) -> None:
    (tmp_path / "plan.yaml").write_text(f"plan: {value}\n")
    with pytest.raises(UserError, match=words):
        read_plan(tmp_path / "plan.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0640", "line 2: 0640 is 416 to Snakemake and 640 to DVC; write 640 or 416."),
        ("[007, 010]", "line 2: 010 is 8 to Snakemake and 10 to DVC; write 10 or 8."),
        ("10:40", "10:40 is 640 to Snakemake and '10:40' to DVC; write \"10:40\" for the text, or 640."),
        ("190:20:30.15", "is 685230.15 to Snakemake and '190:20:30.15' to DVC"),
        ("yes", "yes is True to Snakemake and 'yes' to DVC; write true, or \"yes\" for the word."),
        ("Off", "Off is False to Snakemake and 'Off' to DVC"),
        ("0o17", None),
        ("'0640'", None),
        ("[1_000, 1e-3, 1.5, -7, 0x1F, 0b11, .5, .inf, -.inf, .nan, ~, null, true, False, text, 2020-01-01]", None),
    ],
)
def test_a_value_that_snakemake_and_dvc_read_differently_is_refused(
    tmp_path: Path, text: str, words: str | None
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(f"plan: x\nvalue: {text}\n")
    if words is None:
        read_yaml(path)
        return
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: line 2: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_every_plan_reads_as_dvc_reads_it(path: Path) -> None:
    def alike(ours: object, theirs: object) -> bool:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return list(ours) == list(theirs) and all(alike(ours[key], theirs[key]) for key in ours)
        if isinstance(ours, list) and isinstance(theirs, list):
            return len(ours) == len(theirs) and all(map(alike, ours, theirs))
        return ours == theirs or str(ours) == str(theirs) or float(str(ours)) == theirs

    assert alike(read_yaml(path), load_yaml(path))


def test_what_stands_for_more_values_than_a_plan_has_is_refused_soon(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    endless = "a: &a [*a]\n"
    many = "".join(f"k{i}: 1\n" for i in range(60_000))
    large = "# " + "x" * 2**20
    for text, words in (
        (bomb, "stands for more"),
        (endless, "stands for more"),
        (many, "stands for"),
        (large, "larger"),
    ):
        (tmp_path / "plan.yaml").write_text(text)
        with pytest.raises(UserError, match=words):
            read_plan(tmp_path / "plan.yaml")


def test_numbers_may_come_as_strings_as_from_the_command_line() -> None:
    plan = load_plan(minimal(seeds=["0", "4"], training={"learning_rate": "1e-3", "images": "500"}), "config")
    assert plan.seeds == (0, 4)
    assert plan.training.learning_rate == 0.001
    assert plan.training.images == 500


def test_a_run_overrides_only_the_keys_it_names() -> None:
    run = {"method": "random", "training": {"batch": {"classes": 7}}}
    plan = load_plan(minimal(training={"learning_rate": 0.5, "batch": {"images_per_class": 9}}, runs={"a": run}), "x")
    training = plan.training_of(plan.runs["a"])
    assert (training.learning_rate, training.batch.classes, training.batch.images_per_class) == (0.5, 7, 9)


def test_a_run_may_switch_off_what_may_be_off_and_nothing_else() -> None:
    def cut(value: object) -> object:
        crops = {"training": {"augmentation": {"crop": 20, "shift": 0, "crop_scale": [0.2, 1]}}}
        run = {"method": "random", "training": {"augmentation": {"crop_scale": value}}}
        plan = load_plan(minimal(**crops, runs={"a": run}), "p")
        return plan.training_of(plan.runs["a"]).augmentation.crop_scale

    assert cut(None) is None
    assert cut([0.5, 1]) == (0.5, 1)
    assert "images: null is no value" in message(
        minimal(runs={"a": {"method": "random", "training": {"images": None}}})
    )


def test_settings_of_a_job_hold_no_names_threads_or_paths() -> None:
    first, second = (
        jobs_of(load_plan(minimal(baseline=name, runs={name: {"method": "random"}}), "x")) for name in "ab"
    )
    assert [job.settings for job in first if job.verb == "train"] == [
        job.settings for job in second if job.verb == "train"
    ]


def test_jobs_come_after_what_they_read() -> None:
    runs = {
        "warm": {"method": "softmax", "training": {"split": "warm"}},
        "a": {"method": "random", "weights": "run/warm"},
    }
    seen: set[str] = set()
    for job in jobs_of(load_plan(minimal(runs=runs), "x")):
        assert set(job.inputs) <= seen
        seen.add(job.folder)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
keys = st.sampled_from(["plan", "seeds", "baseline", "dataset", "backbone", "training", "evaluation", "runs", "x"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(keys, values))
def test_any_content_is_a_plan_or_a_clear_error(changes: dict) -> None:
    try:
        load_plan(minimal() | changes, "plan.yaml")
    except UserError as error:
        assert str(error).startswith("plan.yaml: ")


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_every_plan_has_the_keys_that_dvc_fills_in(path: Path) -> None:
    plan = yaml.safe_load(path.read_text())
    for key in re.findall(r"\$\{([a-z.]+)\}", (ROOT / "dvc.yaml").read_text()):
        value = plan
        for part in key.split("."):
            value = value[part]
        assert isinstance(value, str)


def test_keys_that_contradict_each_other_are_named_with_their_run() -> None:
    crop = message(minimal(runs={"a": {"method": "random", "training": {"augmentation": {"crop": 40}}}}))
    assert "runs.a.training.augmentation.crop: 40 is more than the 32 pixels of a stored image" in crop
    colour = message(minimal(training={"augmentation": {"grey": 0.2}}))
    assert "images of glyphs have one channel; saturation, hue and grey have no meaning there" in colour
    drops = message(minimal(runs={"a": {"method": "random", "training": {"drop_at": [10]}}}))
    assert "runs.a.training: drop_at and schedule: steps need each other" in drops
    factor = message(minimal(runs={"a": {"method": "random", "training": {"drop_factor": 0.5}}}))
    assert "runs.a.training: drop_factor is that of schedule: steps, and has no effect without it" in factor
    folder = {"name": "cub200", "validation_share": 0}
    assert "0 leaves no validation classes; set evaluation.protocol: paper" in message(minimal(dataset=folder))


def test_options_that_are_off_leave_the_settings_of_jobs_as_they_were() -> None:
    settings = jobs_of(load_plan(minimal(), "plan.yaml"))[2].settings["training"]
    assert not {"drop_at", "drop_factor"} & set(settings)
    assert set(settings["augmentation"]) == {"shift", "mirror"}


@pytest.mark.parametrize(("plan", "run"), [("p", "a" * 300), ("p" * 300, "a"), ("p" * 100, "a" * 81)])
def test_names_of_plan_and_run_that_fit_into_no_file_name_are_refused(plan: str, run: str) -> None:
    content = minimal(plan=plan, baseline=run, runs={run: {"method": "random"}})
    words = message(content)
    assert f"have {len(plan) + len(run)} letters together; at most 180 fit into the names of files" in words
    assert len(words) < 400


def test_a_variant_that_fits_into_no_file_name_is_refused() -> None:
    words = message(minimal(dataset={"name": "glyphs", "variant": "v" * 300}))
    assert words.startswith("plan.yaml: dataset.variant: string should have at most 180 characters")


def test_the_longest_names_allowed_fit_into_every_file_name_that_is_made_of_them() -> None:
    plan = minimal(plan="p" * 90, baseline="a" * 90, runs={"a" * 90: {"method": "random"}}, seeds=[2**31 - 1])
    plan["dataset"] = {"name": "folder", "path": "x", "variant": "v" * 180}
    for job in jobs_of(load_plan(plan, "plan.yaml")):
        for folder in (job.folder, f"scratch/remake/{job.folder}"):
            assert len(f".{folder.replace('/', '--')}.json.4194304.tmp") <= 255
        assert all(len(part) <= 255 for path in (*job.files, str(job.settings_file)) for part in Path(path).parts)


def test_the_headline_plan_has_what_the_kept_tuning_chose() -> None:
    plan = read_plan(ROOT / "params.yaml")
    kept = sorted((ROOT / "docs/kept/glyphs-tuned").glob("trials-*.csv"))
    assert {path.stem.removeprefix("trials-") for path in kept} == set(plan.runs) - {"random"}
    for path in kept:
        run = plan.runs[path.stem.removeprefix("trials-")]
        with path.open(newline="") as file:
            (chosen,) = [row for row in csv.DictReader(file) if row["chosen"]]
        keys = list(chosen)[2 : list(chosen).index("map@r")]
        for key in keys if chosen["trial"] != "0" else ():
            section: Any = {**plan.resolved(run).own(), "training": plan.training_of(run).model_dump(mode="json")}
            for part in key.split("."):
                section = section[part]
            if chosen[key]:
                assert section == pytest.approx(yaml.safe_load(chosen[key])), f"{path.stem}: {key}"
