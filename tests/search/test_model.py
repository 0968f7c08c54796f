import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from search_tools import draw

import hardmine
from hardmine.errors import UserError
from hardmine.images.batches import middle, normalise
from hardmine.search.model import EmbeddingModel


@pytest.fixture(scope="module")
def model(trained: Path) -> EmbeddingModel:
    return hardmine.load(trained, threads=2)


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 1), dtype=np.uint8)


def test_images_of_the_stored_size_embed_as_in_the_embed_verb(model: EmbeddingModel) -> None:
    images = pixels(5)
    with torch.no_grad():
        expected = model.network.embed(normalise(middle(torch.from_numpy(images), 16, 16)))["embedding"].numpy()
    found = model.embed(images)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-6
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert found.shape == (5, model.dimensions) == (5, 16)


def test_test_time_weights_come_from_the_embed_job(model: EmbeddingModel, trained: Path, project: Path) -> None:
    assert model.config.network.method["test_weights"] == [1, 5]
    first = np.linalg.norm(model.embed(pixels(3))[:, :8], axis=1)
    assert np.allclose(first, 1 / np.sqrt(1 + 25), atol=1e-6)


def test_paths_bytes_pictures_arrays_and_folders_give_the_same_vectors(model: EmbeddingModel, tmp_path: Path) -> None:
    numbers = np.random.default_rng(1)
    pictures = [draw(numbers) for _ in range(3)]
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.iterdir())
    expected = model.embed(paths)
    for images in (
        [str(path) for path in paths],
        [path.read_bytes() for path in paths],
        pictures,
        np.stack([np.asarray(picture) for picture in pictures]),
        [np.asarray(pictures[0]), pictures[1], paths[2]],
        tmp_path,
        str(tmp_path),
        iter(paths),
    ):
        assert np.abs(model.embed(images) - expected).max() < 1e-6
    assert np.abs(model.embed(paths[0]) - expected[:1]).max() < 1e-6
    assert np.abs(model.embed(np.asarray(pictures[1])) - expected[1:2]).max() < 1e-6
    assert model.embed([]).shape == (0, model.dimensions)


def test_many_images_come_back_in_order_whatever_the_threads(trained: Path) -> None:
    images = pixels(300)
    alone = hardmine.load(trained, threads=1).embed(images)
    assert np.array_equal(alone, hardmine.load(trained, threads=3).embed(images))
    one_by_one = np.concatenate([hardmine.load(trained, threads=1).embed(image) for image in images[::60]])
    assert np.abs(alone[::60] - one_by_one).max() < 1e-5


def test_the_callers_number_of_torch_threads_stays(model: EmbeddingModel) -> None:
    before = torch.get_num_threads()
    model.embed(pixels(70))
    assert torch.get_num_threads() == before


def test_at_most_a_few_blocks_are_read_ahead(model: EmbeddingModel) -> None:
    read: list[int] = []

    def one(number: int) -> np.ndarray:
        read.append(number)
        return np.zeros((16, 16, 1), np.uint8)

    stream = model.stream(range(10_000), one, block=10)
    next(stream)
    stream.close()
    assert len(read) <= 10 * 4


def test_a_folder_gives_names_and_the_unreadable(model: EmbeddingModel, pictures: Path) -> None:
    (pictures / "odd" / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    found = model.embed_folder(pictures)
    assert found.names == sorted(found.names)
    assert found.names[0] == "even/00.png"
    assert len(found.names) == len(found.vectors) == 40
    assert list(found.unreadable) == ["odd/broken.jpg"]
    assert "address" not in found.unreadable["odd/broken.jpg"]


def test_an_unreadable_image_is_named(model: EmbeddingModel, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(UserError, match=r"no\.png: cannot be used as an image: cannot identify image file"):
        model.embed([tmp_path / "no.png"])
    with pytest.raises(UserError, match=r"image 1: .*float64 \[4, 4, 3\]; allowed: uint8"):
        model.embed([pixels(1)[0], np.zeros((4, 4, 3))])
    with pytest.raises(UserError, match=r"none\.png: .*No such file"):
        model.embed(tmp_path / "none.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no image file"):
        model.embed(tmp_path / "empty")


def test_strange_but_readable_images_embed(model: EmbeddingModel, tmp_path: Path) -> None:
    numbers = np.random.default_rng(2)
    picture = draw(numbers, 64)
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    draw(numbers, 1).save(tmp_path / "tiny.png")
    draw(numbers, 2).resize((3000, 2000)).save(tmp_path / "huge.jpg")
    Image.new("I;16", (30, 20), 30000).save(tmp_path / "deep.png")
    picture.convert("P").save(tmp_path / "palette.gif")
    picture.convert("1").save(tmp_path / "ink.png")
    picture.resize((200, 3)).save(tmp_path / "wide.png")
    found = model.embed_folder(tmp_path)
    assert found.unreadable == {}
    assert len(found.names) == 7
    assert np.isfinite(found.vectors).all()


def test_animated_and_truncated_images_are_left_out(model: EmbeddingModel, tmp_path: Path) -> None:
    numbers = np.random.default_rng(2)
    frames = [draw(numbers) for _ in range(3)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    draw(numbers, 200).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:-2000])
    draw(numbers).save(tmp_path / "good.png")
    found = model.embed_folder(tmp_path)
    assert found.names == ["good.png"]
    assert found.unreadable["moves.gif"] == "is animated"
    assert "truncated" in found.unreadable["cut.jpg"]


def test_a_picture_opened_from_a_turned_photo_is_turned_where_the_model_asks_for_it(
    trained: Path, project: Path, tmp_path: Path
) -> None:
    picture = draw(np.random.default_rng(4), 32)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    as_stored = hardmine.load(trained)
    upright = hardmine.load(copy_with(project, tmp_path, {"upright": True}))
    straight = as_stored.embed(picture)
    assert np.abs(upright.embed(tmp_path / "turned.png") - straight).max() < 1e-6
    assert np.abs(upright.embed(Image.open(tmp_path / "turned.png")) - straight).max() < 1e-6
    assert np.abs(as_stored.embed(tmp_path / "turned.png") - straight).max() > 1e-3


def test_what_a_caller_gives_to_embed_stays_as_it_is(model: EmbeddingModel, tmp_path: Path) -> None:
    draw(np.random.default_rng(5), 600).save(tmp_path / "photo.jpg")
    picture = Image.open(tmp_path / "photo.jpg")
    array = np.array(Image.open(tmp_path / "photo.jpg"))
    copy = array.copy()
    vectors = model.embed([picture, tmp_path / "photo.jpg"])
    model.embed(array)
    assert picture.size == (600, 600)
    assert np.array_equal(picture, copy)
    assert np.array_equal(array, copy)
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-6


def test_the_middle_is_cut_out_as_in_testing(project: Path, tmp_path: Path) -> None:
    model = hardmine.load(copy_with(project, tmp_path, {"size": 24, "crop": 16}))
    images = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 1), dtype=np.uint8)
    with torch.no_grad():
        expected = model.network.embed(normalise(middle(torch.from_numpy(images), 16, 16)))["embedding"].numpy()
    assert np.abs(model.embed(images) - expected).max() < 1e-6


def copy_with(project: Path, target: Path, preprocessing: dict[str, object]) -> Path:
    """The trained run as a folder of its own, with other preprocessing."""
    from hardmine.search.config import artefact_config

    trained = project / "models/tiny/hdc/seed0"
    config = artefact_config(trained)[0].model_dump(mode="json")
    config["preprocessing"] |= preprocessing
    folder = target / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(trained / "model.safetensors", folder)
    return folder


def test_a_model_from_a_newer_version_is_refused(project: Path, tmp_path: Path) -> None:
    folder = copy_with(project, tmp_path, {})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format_version": 2, "library_version": "9.1", "new": 1}))
    with pytest.raises(UserError, match=r"has format 2, written by hardmine 9\.1; .* Update this clone: git -C"):
        hardmine.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is not of a model that 'hardmine export' wrote"),
        ('{"model_type": "bert"}', "is not of a model that 'hardmine export' wrote"),
        ('{"format_version": 1, "library_name": "hardmine"}', "network: Field required"),
    ],
)
def test_a_damaged_config_is_named(project: Path, tmp_path: Path, content: str, message: str) -> None:
    folder = copy_with(project, tmp_path, {})
    (folder / "config.json").write_text(content)
    with pytest.raises(UserError, match=message):
        hardmine.load(folder)


def test_damaged_and_foreign_weights_are_refused(project: Path, tmp_path: Path) -> None:
    folder = copy_with(project, tmp_path, {})
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    for other in (data[:-10], data[:-1] + bytes([data[-1] ^ 1]), b"", (project / SECOND).read_bytes()):
        weights.write_bytes(other)
        with pytest.raises(UserError, match="is not the file that the folder's record names"):
            hardmine.load(folder)
    weights.unlink()
    with pytest.raises(UserError, match="cannot be read: No such file"):
        hardmine.load(folder)


SECOND = "models/tiny/hdc/seed1/model.safetensors"


def test_a_method_or_backbone_that_is_not_known_is_named(project: Path, tmp_path: Path) -> None:
    folder = copy_with(project, tmp_path, {})
    config = json.loads((folder / "config.json").read_text())
    for key, value in (("method", {"method": "of-a-plugin"}), ("backbone", {"name": "small-cnn", "width": -1})):
        (folder / "config.json").write_text(json.dumps(config | {"network": config["network"] | {key: value}}))
        with pytest.raises(UserError, match=r"config\.json: network: this hardmine cannot build it"):
            hardmine.load(folder)


def test_a_folder_without_a_model_is_refused(project: Path, tmp_path: Path) -> None:
    for place in ("data/packed/glyphs-tiny", "embeddings/tiny/hdc/seed0", "metrics/tiny/hdc/seed0"):
        with pytest.raises(UserError, match="holds no model"):
            hardmine.load(project / place)
    with pytest.raises(UserError, match="holds no model"):
        hardmine.load(tmp_path)
    with pytest.raises(UserError, match="holds no model"):
        hardmine.load(tmp_path / "none")


def packed_anew(project: Path, target: Path) -> Path:
    """The project after its images were packed in another way and nothing else was made."""
    copy = shutil.copytree(project, target / "project")
    record = copy / "data/packed/glyphs-tiny/made.json"
    content = json.loads(record.read_text())
    content["settings"]["dataset"]["size"] = 64
    content["outputs"] = {"images.npy": "0" * 64, "items.csv": "1" * 64}
    record.write_text(json.dumps(content))
    return copy


def as_recorded_before(project: Path) -> Path:
    """A trained artefact whose record does not say how images are prepared."""
    folder = project / "models/tiny/hdc/seed0"
    content = json.loads((folder / "made.json").read_text())
    del content["settings"]["preparation"]
    (folder / "made.json").write_text(json.dumps(content))
    return folder


def test_images_are_prepared_as_those_trained_on_whatever_was_packed_since(project: Path, tmp_path: Path) -> None:
    trained = hardmine.load(project / "models/tiny/hdc/seed0")
    other = hardmine.load(packed_anew(project, tmp_path) / "models/tiny/hdc/seed0")
    assert other.config == trained.config
    assert other.config.preprocessing.size == 16
    assert np.array_equal(other.embed(pixels(2)), trained.embed(pixels(2)))


def test_a_trained_artefact_needs_no_packed_record(project: Path, tmp_path: Path) -> None:
    for name in ("models", "embeddings"):
        shutil.copytree(project / name, tmp_path / name)
    assert hardmine.load(tmp_path / "models/tiny/hdc/seed0").config.preprocessing.size == 16


def test_an_older_record_takes_the_preparation_from_the_packing_it_names_and_no_other(
    project: Path, tmp_path: Path
) -> None:
    trained = hardmine.load(project / "models/tiny/hdc/seed0")
    (tmp_path / "same").mkdir()
    same = as_recorded_before(shutil.copytree(project, tmp_path / "same/project"))
    assert hardmine.load(same).digest == trained.digest
    other = as_recorded_before(packed_anew(project, tmp_path))
    words = r"hdc/seed0: was trained on another content of data/packed/glyphs-tiny .*'snakemake --cores all' trains it"
    with pytest.raises(UserError, match=words):
        hardmine.load(other)
    (other.parents[3] / "data/packed/glyphs-tiny/made.json").unlink()
    with pytest.raises(UserError, match=r"data/packed/glyphs-tiny/made\.json: missing.*dvc pull"):
        hardmine.load(other)


def test_exported_and_trained_folders_of_one_model_have_one_digest(project: Path, tmp_path: Path) -> None:
    folder = copy_with(project, tmp_path, {})
    assert hardmine.load(folder).digest == hardmine.load(project / "models/tiny/hdc/seed0").digest
    assert hardmine.load(folder).digest != hardmine.load(project / "models/tiny/hdc/seed1").digest


def test_importing_hardmine_imports_nothing_heavy() -> None:
    probe = "import sys, hardmine; print(sorted({'torch', 'numpy', 'pydantic', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_models_are_used_without_snakemake_and_dvc(trained: Path, pictures: Path, tmp_path: Path) -> None:
    code = f"""
import sys
for name in ("snakemake", "dvc", "onnx", "onnxruntime"):
    sys.modules[name] = None
import hardmine
from pathlib import Path
from hardmine.search.updating import Wish, update_index
from hardmine.search.query import search_index
model = hardmine.load({str(trained)!r})
update_index(Wish(model, Path({str(trained)!r}), Path({str(pictures)!r}), Path({str(tmp_path / "index")!r})))
(answer,) = search_index(Path({str(tmp_path / "index")!r}), [Path({str(pictures / "odd/07.png")!r})], 3).answers
print(answer.hits[0].path)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "odd/07.png", done.stderr


def test_a_file_like_bytes_of_a_jpeg_embed(model: EmbeddingModel) -> None:
    buffer = io.BytesIO()
    draw(np.random.default_rng(0), 40).save(buffer, "JPEG", quality=95)
    assert model.embed(buffer.getvalue()).shape == (1, 16)
