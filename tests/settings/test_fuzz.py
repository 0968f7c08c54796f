"""Plans of any content and any text: a valid plan, or an error that names what is wrong; never another exception.

The plans of the project are changed at random places, because a random plan alone never gets past its first key.
"""

import copy
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan, read_plan

ROOT = Path(__file__).parents[2]
TEXTS = [path.read_text() for path in [ROOT / "params.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]]
PLANS = [yaml.safe_load(text) for text in TEXTS]
fuzz = settings(
    max_examples=max(150, settings.default.max_examples),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 2**31, 2**63, 2**64, 10**30]),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.binary(max_size=4),
    st.sampled_from(["hdc", "triplet", "run/softmax", "run/", "1e3", "auto", "../x", "a/b", "a b", "", "null"]),
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), v, max_size=3)
)
YAML_MARKS = ["&a ", "*a ", "!!python/object:os.system ", "<<: ", "? ", "|", ">-", "{", "}", "[", "\t", "---\n", "%"]


def places(node: object, path: tuple = ()) -> list[tuple]:
    """Paths of everything inside a plan."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@st.composite
def changed_plans(draw: st.DrawFn) -> object:
    """A plan of the project with up to three values replaced, keys dropped, added, renamed or moved."""
    plan = copy.deepcopy(draw(st.sampled_from(PLANS)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(plan)[1:]))
        home = plan
        for key in path:
            home = home[key]
        match draw(st.sampled_from(["replace", "drop", "add", "swap"])):
            case "replace":
                home[last] = draw(values)
            case "drop":
                del home[last]
            case "add" if isinstance(home, dict):
                home[draw(st.text(max_size=6) | st.sampled_from(sorted(map(str, PLANS[0]))))] = draw(values)
            case "swap":
                other = draw(st.sampled_from(places(plan)))
                value = plan
                for key in other:
                    value = value[key]
                home[last] = copy.deepcopy(value)
        if len(places(plan)) < 2:
            break
    return plan


@fuzz
@given(changed_plans())
def test_a_changed_plan_is_a_valid_plan_or_a_clear_error(content: object) -> None:
    try:
        plan = load_plan(content, "plan.yaml")
    except UserError as error:
        assert all(line.startswith("plan.yaml: ") for line in str(error).splitlines())
        return
    for job in jobs_of(plan):
        assert job.to_json()["settings"] is not None
        assert not Path(job.folder).is_absolute()
        assert ".." not in Path(job.folder).parts


@st.composite
def changed_texts(draw: st.DrawFn) -> str:
    """The text of a plan with pieces put in, cut out and repeated."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 30))
        piece = draw(st.sampled_from(YAML_MARKS) | st.text(max_size=6) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


@fuzz
@given(changed_texts())
def test_a_changed_file_is_a_valid_plan_or_a_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    try:
        jobs_of(read_plan(path))
    except UserError as error:
        assert "plan.yaml" in str(error)
        assert "Traceback" not in str(error)
