"""Queries to an index: which of its images look most like the given ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hardmine.foreign import in_json, shown

from .searching import Answer, Decision, open_searcher
from .table import ImageTable

__all__ = ["SearchResults", "as_json", "plain", "print_table", "search_index"]


@dataclass(frozen=True)
class SearchResults:
    """Answers to some queries.

    Attributes:
        index: name of the index's folder.
        answers: one a query, in order.
        table: the images of the index.
        decision: how "no match" was decided; None where it was not.
    """

    index: str
    answers: list[Answer]
    table: ImageTable
    decision: Decision | None = None


def search_index(
    folder: Path,
    queries: Sequence[Path],
    count: int = 10,
    model_folder: Path | None = None,
    parameters: str = "",
    device: str = "auto",
    threads: int | None = None,
    threshold: float | None = None,
    rate: float | None = None,
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
        threshold: the similarity from which on an image is a match; what the model carries unless given.
        rate: the false-match rate for which it is taken from the model; see ``Searcher.decision``.

    Raises:
        UserError: there is no index, its model is missing or another one, or a query is no image.
    """
    searcher = open_searcher(folder, model_folder, parameters, device, threads)
    decision = searcher.decision(threshold, rate)
    names, vectors = [str(query) for query in queries], searcher.model.embed(queries)
    answers = searcher.answers(names, vectors, count, decision=decision)
    return SearchResults(folder.resolve().name, answers, searcher.index.table, decision)


def as_json(answers: list[Answer]) -> str:
    r"""The answers as JSON: a list of what ``plain`` gives; bytes of names that are not UTF-8 as ``\udcff``."""
    return in_json([plain(answer) for answer in answers])


def plain(answer: Answer) -> dict[str, Any]:
    """An answer as data for JSON, with the attributes of ``Answer`` and of ``Hit``."""
    return asdict(answer)


def print_table(results: SearchResults) -> None:
    """Print the answers as tables on the terminal; what is less similar than a match is dim."""
    console = Console()
    for answer in results.answers:
        title = f"{shown(answer.query)}: no match" if answer.match is False else shown(answer.query)
        table = Table(title=Text(title), title_justify="left")
        table.add_column("rank", justify="right")
        table.add_column("similarity", justify="right")
        table.add_column("image", overflow="fold")
        for hit in answer.hits:
            style = "" if answer.threshold is None or hit.similarity >= answer.threshold else "dim"
            table.add_row(str(hit.rank), f"{hit.similarity:.3f}", Text(shown(hit.path)), style=style)
        console.print(table)
    if results.decision:
        decision = results.decision
        console.print(
            f"A match has a similarity of {decision.threshold:.3f} or more: {decision.reason}.", highlight=False
        )
