"""Queries to an index: which of its images look most like the given ones."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hardmine.errors import UserError
from hardmine.foreign import in_json, shown

from .index import ImageIndex, open_index
from .model import EmbeddingModel, load_model
from .table import ImageTable

__all__ = ["Answer", "Hit", "SearchResults", "as_json", "print_table", "search_index"]


@dataclass(frozen=True)
class Hit:
    """An image found.

    Attributes:
        rank: from 1.
        path: within the folder of images.
        file: the whole path.
        similarity: cosine of the two embeddings, -1 to 1.
        row: in the index's tables.
    """

    rank: int
    path: str
    file: str
    similarity: float
    row: int


@dataclass(frozen=True)
class Answer:
    """A query's file and what was found, most similar first."""

    query: str
    hits: list[Hit]


@dataclass(frozen=True)
class SearchResults:
    """Answers to some queries.

    Attributes:
        index: name of the index's folder.
        answers: one a query, in order.
        table: the images of the index.
    """

    index: str
    answers: list[Answer]
    table: ImageTable


def search_index(
    folder: Path,
    queries: Sequence[Path],
    count: int = 10,
    model_folder: Path | None = None,
    parameters: str = "",
    device: str = "auto",
    threads: int | None = None,
) -> SearchResults:
    """Search an index for the images most similar to each query.

    Args:
        folder: of the index.
        queries: image files.
        count: images wanted for each.
        model_folder: where the index's model lies now; where it lay unless given.
        parameters: how thoroughly an approximate index searches; see ``hardmine.search.vectors.tune``.
        device: for the model.
        threads: of the model.

    Raises:
        UserError: there is no index, its model is missing or another one, or a query is no image.
    """
    index = open_index(folder, parameters)
    vectors = _model_of(index, folder, model_folder, device, threads).embed(queries)
    rows, similarities = index.search(vectors, count)
    images = Path(index.state.images)
    answers = []
    for query, own_rows, own_similarities in zip(queries, rows, similarities, strict=True):
        found = [(int(row), float(value)) for row, value in zip(own_rows, own_similarities, strict=True) if row >= 0]
        hits = [
            Hit(rank, index.table.paths[row], str(images / index.table.paths[row]), round(value, 6), row)
            for rank, (row, value) in enumerate(found, start=1)
        ]
        answers.append(Answer(str(query), hits))
    return SearchResults(folder.resolve().name, answers, index.table)


def as_json(answers: list[Answer]) -> str:
    r"""The answers as JSON: a list with ``query`` and ``hits``; bytes of names that are not UTF-8 as ``\udcff``."""
    return in_json([asdict(answer) for answer in answers])


def print_table(answers: list[Answer]) -> None:
    """Print the answers as tables on the terminal."""
    console = Console()
    for answer in answers:
        table = Table(title=Text(shown(answer.query)), title_justify="left")
        table.add_column("rank", justify="right")
        table.add_column("similarity", justify="right")
        table.add_column("image", overflow="fold")
        for hit in answer.hits:
            table.add_row(str(hit.rank), f"{hit.similarity:.3f}", Text(shown(hit.path)))
        console.print(table)


def _model_of(index: ImageIndex, folder: Path, given: Path | None, device: str, threads: int | None) -> EmbeddingModel:
    made_by = index.state.model
    place = given or Path(made_by.folder)
    if not os.path.isdir(place):
        raise UserError(f"{place}: the model of {folder} is not there. Say where it is with --model.")
    model = load_model(place, device, threads)
    if model.digest == made_by.digest and model.dimensions != made_by.dimensions:
        raise UserError(
            f"{folder}/index.json: is damaged: it says {made_by.dimensions} dimensions, its model has "
            f"{model.dimensions}. Run 'hardmine index' again."
        )
    if model.digest != made_by.digest:
        raise UserError(
            f"{place}: is not the model that made {folder} (digest {model.digest[:12]}…, the index's is "
            f"{made_by.digest[:12]}…). Give that model with --model, or index the images again with this one."
        )
    return model
