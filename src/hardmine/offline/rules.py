"""What may be mined: which positives, which negatives, how many; checked before anything is read."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from hardmine.errors import UserError, nearest

__all__ = ["Pick", "Positive", "Rules", "Strategy", "one_of", "ranks_in"]

Strategy = Literal["nearest", "classes", "spheres"]
Positive = Literal["nearest", "hardest", "random"]
Pick = Literal["top", "random"]

_LONGEST = 10_000


@dataclass(frozen=True)
class Rules:
    """Rules of one mining. A score is the cosine of two embeddings, -1 to 1.

    Attributes:
        strategy: ``nearest``: candidates are the nearest images of other classes; ``classes``: the nearest images in
            the hardest classes (as SCHEM); ``spheres``: the nearest ones outside a sphere about the anchor (as Smart
            Mining).
        first: rank of the first candidate used, from 1, among the anchor's candidates, nearest first.
        last: rank of the last candidate used.
        negatives: wanted for each pair of anchor and positive.
        positives: wanted for each anchor.
        positive: which: the nearest of the class, the farthest (hardest), or drawn ones.
        pick: of the candidates that pass, the first or drawn ones.
        seed: of all draws.
        min_score: of a negative, or None.
        max_score: of a negative, or None.
        margin: a negative's score is below the positive's by more than this, or None.
        relative_margin: as ``margin``, in shares of the positive's score, or None.
        duplicate_score: images with this score or more are taken for copies of each other, or None: only equal ones.
        kappa: scale of the sphere on squared distances.
        classes: hard classes of an anchor.

    Raises:
        UserError: the rules leave no negative whatever the images are.
    """

    strategy: Strategy = "nearest"
    first: int = 1
    last: int = 100
    negatives: int = 5
    positives: int = 1
    positive: Positive = "hardest"
    pick: Pick = "top"
    seed: int = 0
    min_score: float | None = None
    max_score: float | None = None
    margin: float | None = None
    relative_margin: float | None = None
    duplicate_score: float | None = None
    kappa: float = 1.0
    classes: int = 5

    def __post_init__(self) -> None:
        if self.last - self.first + 1 < self.negatives:
            raise UserError(
                f"--ranks {self.first}-{self.last}: are {self.last - self.first + 1} candidates where --negatives asks "
                f"for {self.negatives}. Widen the ranks, or ask for fewer."
            )
        for name in ("min_score", "max_score", "duplicate_score"):
            value = getattr(self, name)
            if value is not None and not -1 <= value <= 1:
                raise UserError(f"--{name.replace('_', '-')} {value}: must be a cosine, from -1 to 1.")
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise UserError(
                f"--min-score {self.min_score} is above --max-score {self.max_score}: no score lies between. Exchange "
                "the two."
            )
        if self.margin is not None and not -2 <= self.margin <= 2:
            raise UserError(f"--margin {self.margin}: must be a difference of cosines, from -2 to 2.")
        if self.relative_margin is not None and not -1 <= self.relative_margin <= 1:
            raise UserError(
                f"--relative-margin {self.relative_margin}: must be a share, from -1 to 1; 0.05 keeps negatives whose "
                "score is below 95 % of the positive's."
            )
        if not 0 < self.kappa < float("inf"):
            raise UserError(f"--kappa {self.kappa}: must be a number above 0.")


def ranks_in(text: str) -> tuple[int, int]:
    """First and last rank of ``10-50``; one number is the last.

    Raises:
        UserError: it is no such range.
    """
    found = re.fullmatch(r"(?:([0-9]{1,9})\s*-\s*)?([0-9]{1,9})", text.strip())
    if not found:
        raise UserError(f"--ranks {text}: is no range of ranks; write the first and the last, such as 10-50.")
    first, last = int(found[1] or 1), int(found[2])
    if first > last:
        raise UserError(f"--ranks {text}: the first rank is larger than the last; write {last}-{first}.")
    if first < 1 or last > _LONGEST:
        raise UserError(f"--ranks {text}: ranks count from 1, the nearest, to {_LONGEST:,} at most.")
    return first, last


def one_of(option: str, value: str, allowed: object) -> str:
    """The value of an option, which is one of a ``Literal``'s.

    Raises:
        UserError: it is another.
    """
    names = get_args(allowed)
    if value not in names:
        raise UserError(f"{option} {value}: is not allowed{nearest(value, names)}; allowed: {', '.join(names)}.")
    return value
