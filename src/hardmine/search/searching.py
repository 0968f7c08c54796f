"""An index and its model, open for any number of searches."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardmine.errors import UserError

from .index import ImageIndex, open_index
from .model import EmbeddingModel, load_model
from .reading import pixels_of

__all__ = ["Answer", "Decision", "Hit", "Searcher", "open_searcher"]

_USUAL_RATE = 0.05


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
    """What was found for a query.

    Attributes:
        query: its file.
        hits: most similar first.
        threshold: the similarity from which on a hit counts as a match; None where nobody decided.
        match: whether the first hit does; None likewise.
    """

    query: str
    hits: list[Hit]
    threshold: float | None = None
    match: bool | None = None


@dataclass(frozen=True)
class Decision:
    """How "no match" is decided.

    Attributes:
        threshold: the similarity from which on an image is a match.
        reason: where it comes from, the end of a sentence.
    """

    threshold: float
    reason: str


@dataclass(frozen=True)
class Searcher:
    """An index with the model that made it; may be used from several threads at once.

    Attributes:
        index: open for search.
        model: what embeds queries.

    Raises:
        UserError: the index names another number of dimensions than its model has.
    """

    index: ImageIndex
    model: EmbeddingModel

    def __post_init__(self) -> None:
        state = self.index.state
        if self.model.dimensions != state.model.dimensions:
            raise UserError(
                f"{self.index.folder}/index.json: is damaged: it says {state.model.dimensions} dimensions, its model "
                f"has {self.model.dimensions}. Run 'hardmine index' again."
            )

    def vector_of(self, data: bytes) -> np.ndarray:
        """The vector of an image file, float32 [1, D].

        Args:
            data: the file's bytes.

        Raises:
            UnreadableError: they are no image that can be used; the text says why.
        """
        return self.model.vectors_of([pixels_of(data, self.model.config.preprocessing)])

    def file_of(self, row: int) -> str:
        """The whole path of an image of the index."""
        return str(Path(self.index.state.images) / self.index.table.paths[row])

    def decision(self, threshold: float | None = None, rate: float | None = None) -> Decision | None:
        """How "no match" is decided among the index's images.

        Args:
            threshold: a similarity, or None to take what the model carries.
            rate: the false-match rate wanted of the model; unless given 5 %, or what it has next to that.

        Returns:
            None where the model carries no threshold and none was wanted.

        Raises:
            UserError: both are given, or the model carries no threshold for this rate.
        """
        if threshold is not None and rate is not None:
            raise UserError("--threshold, --false-match-rate: give one of them; the rate chooses a threshold.")
        known = self.model.config.no_match
        if threshold is not None or (rate is None and not known):
            return None if threshold is None else Decision(threshold, "as given")
        if rate is not None and rate not in {one.rate for one in known}:
            rates = f"thresholds for {', '.join(f'{one.rate:g}' for one in known)}" if known else "no threshold"
            raise UserError(
                f"--false-match-rate {rate:g}: the model carries {rates}. They are chosen on validation classes for "
                "evaluation.false_match_rates of the plan, where enough images tell a rate. --threshold takes any "
                "similarity."
            )
        chosen = min(known, key=lambda one: abs(one.rate - (_USUAL_RATE if rate is None else rate)))
        images = self.index.state.count
        return Decision(
            chosen.among(images),
            f"chosen on validation classes, so that {100 * chosen.rate:g} % of the searches for what is not among "
            f"{images:,} images have one",
        )

    def answers(
        self,
        queries: Sequence[str],
        vectors: np.ndarray,
        count: int,
        among: range | None = None,
        decision: Decision | None = None,
    ) -> list[Answer]:
        """The images most similar to each query.

        Args:
            queries: what to call them, Q.
            vectors: float32 [Q, D], rows of length 1.
            count: images wanted for each.
            among: rows that count, all unless given.
            decision: which hits are matches; without it nothing is decided.

        Raises:
            UserError: the index turns out to be damaged.
        """
        rows, similarities = self.index.search(vectors, count, among)
        threshold = decision.threshold if decision else None
        answers = []
        for query, own_rows, own_similarities in zip(queries, rows, similarities, strict=True):
            found = [
                (int(row), float(value)) for row, value in zip(own_rows, own_similarities, strict=True) if row >= 0
            ]
            hits = [
                Hit(rank, self.index.table.paths[row], self.file_of(row), round(value, 6), row)
                for rank, (row, value) in enumerate(found, start=1)
            ]
            match = None if threshold is None else bool(hits) and hits[0].similarity >= threshold
            answers.append(Answer(query, hits, threshold, match))
        return answers


def open_searcher(
    folder: Path,
    model_folder: Path | None = None,
    parameters: str = "",
    device: str = "auto",
    threads: int | None = None,
) -> Searcher:
    """Open an index and load its model.

    Args:
        folder: of the index.
        model_folder: where the index's model lies now; where it lay unless given.
        parameters: how thoroughly an approximate index searches; see ``hardmine.search.vectors.tune``.
        device: for the model.
        threads: of the model.

    Raises:
        UserError: there is no index, or its model is missing or another one.
    """
    index = open_index(folder, parameters)
    made_by = index.state.model
    place = model_folder or Path(made_by.folder)
    if not os.path.isdir(place):
        raise UserError(f"{place}: the model of {folder} is not there. Say where it is with --model.")
    model = load_model(place, device, threads)
    if model.digest != made_by.digest:
        raise UserError(
            f"{place}: is not the model that made {folder} (digest {model.digest[:12]}…, the index's is "
            f"{made_by.digest[:12]}…). Give that model with --model, or index the images again with this one."
        )
    return Searcher(index, model)
