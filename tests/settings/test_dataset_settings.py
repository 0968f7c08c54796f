import json

import pytest

from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan
from hardmine.settings.datasets import DATASETS, Glyphs, ImageDataset, dataset_of

IMAGES = [{"name": name} | ({"path": "photos"} if name == "folder" else {}) for name in DATASETS if name != "glyphs"]


def plan(dataset: object) -> dict:
    return {"plan": "p", "baseline": "a", "dataset": dataset, "runs": {"a": {"method": "random"}}}


def message(dataset: object) -> str:
    with pytest.raises(UserError) as caught:
        load_plan(plan(dataset), "plan.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (
            {"name": "cub"},
            "dataset.name: 'cub' is not allowed (did you mean 'cub200'?); allowed: glyphs, cub200",
        ),
        ({"name": "cub200", "siz": 64}, "dataset.siz: unknown key (did you mean 'size'?); allowed here: name, title,"),
        ({"name": "cub200", "release": "merged"}, "dataset.release: unknown key"),
        ({"size": 64}, "dataset.name: is missing; allowed: glyphs, cub200,"),
        ({"name": "cub200", "size": 4}, "dataset.size: input should be greater than or equal to 16 (given: 4)"),
        ({"name": "cub200", "resize": "crop"}, "dataset.resize: 'crop' is not allowed"),
        (
            {"name": "cars196", "release": "merge"},
            "'merge' is not allowed (did you mean 'merged'?); allowed: halves",
        ),
        (
            {"name": "vehicleid", "test_list": 13164},
            "dataset.test_list: 13164 is not allowed; allowed: 800, 1600",
        ),
        ({"name": "folder"}, "dataset.path: is missing"),
        (
            {"name": "folder", "path": "x", "test_share": 1},
            "dataset.test_share: input should be less than 1",
        ),
        ({"name": "grocery", "validation_share": 1}, "dataset.validation_share: input should be less than 1"),
        ({"name": "products", "variant": "Big One"}, "dataset.variant: 'Big One' is not allowed; it must match"),
        (None, "dataset: "),
        ("cub200", "dataset: "),
    ],
)
def test_a_mistake_is_named_with_its_key_what_is_allowed_and_the_nearest_match(dataset: object, expected: str) -> None:
    assert expected in message(dataset)


@pytest.mark.parametrize("dataset", IMAGES, ids=lambda dataset: dataset["name"])
def test_every_data_set_has_jobs_without_its_files_and_a_stated_licence(dataset: dict) -> None:
    loaded = load_plan(plan(dataset), "plan").dataset
    assert isinstance(loaded, ImageDataset)
    assert loaded.licence
    download, preprocess = jobs_of(load_plan(plan(dataset), "plan"))[:2]
    assert (download.verb, preprocess.verb, preprocess.inputs) == ("download", "preprocess", (download.folder,))
    assert download.folder.startswith(f"data/raw/{loaded.name}")
    assert dataset_of(download) == dataset_of(preprocess) == loaded
    assert preprocess.folder == f"data/packed/{loaded.name}-{loaded.variant}"


def test_the_settings_of_glyphs_jobs_are_what_they_were() -> None:
    assert Glyphs().download_settings == {"dataset": "glyphs"}
    assert Glyphs().raw_folder == "data/raw/glyphs"
    assert set(Glyphs().packing) == {*Glyphs.model_fields} - {"title", "variant"}


def test_the_variant_is_the_size_unless_it_is_named() -> None:
    sizes = {name: DATASETS.settings(name)().variant for name in ("cub200", "omniglot", "grocery")}  # type: ignore[call-arg]
    assert sizes == {"cub200": "256", "omniglot": "105", "grocery": "128"}
    assert load_plan(plan({"name": "cub200", "size": 96}), "plan").dataset.variant == "96"
    assert load_plan(plan({"name": "cub200", "size": 96, "variant": "crops"}), "plan").dataset.variant == "crops"
    given = {"name": "folder", "path": "/some where/My Shoes!/", "size": 64}
    assert load_plan(plan(given), "plan").dataset.variant == "my-shoes-64"


def test_folders_of_two_names_never_share_the_variant_they_have_by_themselves() -> None:
    names = ["鞋", "靴", "Обувь", "обувь", "Caf\u00e9", "Caf", "!!!", "???", "shoes-鞋", "shoes", "My Shoes"]
    variants = [load_plan(plan({"name": "folder", "path": f"/x/{name}"}), "plan").dataset.variant for name in names]
    assert len(set(variants)) == len(names)
    assert variants[-2:] == ["shoes-256", "my-shoes-256"]
    decomposed = load_plan(plan({"name": "folder", "path": "/y/Cafe\u0301/"}), "plan").dataset.variant
    assert decomposed == variants[4]


def test_spellings_decide_nothing_about_a_packing() -> None:
    one, two = (
        load_plan(plan({"name": "folder", "path": "x", "spellings": spellings}), "plan").dataset
        for spellings in ("one", "apart")
    )
    assert one.packing == two.packing
    assert one.download_settings == two.download_settings
    assert "dataset.spellings: 'two' is not allowed" in message({"name": "folder", "path": "x", "spellings": "two"})


def test_the_path_of_a_folder_decides_nothing_but_its_content_does(tmp_path: object) -> None:
    first, second = (
        jobs_of(load_plan(plan({"name": "folder", "path": path, "variant": "x"}), "plan")) for path in ("here", "there")
    )
    assert [job.settings for job in first] == [job.settings for job in second]
    assert "here" not in json.dumps([job.settings for job in first])
    assert first[0].where["dataset"]["path"] == "here"


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("cars196", "release", ("halves", "merged", "train-half")),
        ("vehicleid", "test_list", (800, 3200)),
        ("omniglot", "split", ("small", "full")),
        ("grocery", "source", ("128px", "original")),
    ],
)
def test_modes_with_other_files_have_folders_and_download_settings_of_their_own(
    name: str, key: str, values: tuple
) -> None:
    modes = [load_plan(plan({"name": name, key: value}), "plan").dataset for value in values]
    assert len({mode.raw_folder for mode in modes}) == len(values)
    assert len({json.dumps(mode.download_settings) for mode in modes}) == len(values)


def test_what_decides_the_packed_images_is_in_their_settings_and_the_variant_is_not() -> None:
    changes = {"size": 64, "resize": "short-side-crop", "validation_share": 0.5, "seed": 3, "unreadable": ["a.jpg"]}
    plain = load_plan(plan({"name": "cub200"}), "plan").dataset.packing
    for key, value in changes.items():
        assert load_plan(plan({"name": "cub200", key: value}), "plan").dataset.packing == plain | {key: value}
    assert load_plan(plan({"name": "cub200", "variant": "x"}), "plan").dataset.packing == plain


def test_numbers_may_come_as_strings_as_from_the_command_line() -> None:
    given = {"name": "vehicleid", "test_list": "2400", "size": "64", "validation_share": "0.5", "seed": "3"}
    loaded = load_plan(plan(given), "config").dataset
    assert (loaded.test_list, loaded.size, loaded.validation_share, loaded.seed) == (2400, 64, 0.5, 3)
    assert loaded.variant == "64"
