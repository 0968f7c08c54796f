"""Plain arguments of public losses, miners and synthesis: options as settings, tuples of either library."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from torch import Tensor

from hardmine.errors import UserError, nearest
from hardmine.mining.triplet_selection import all_triplets
from hardmine.mining.tuples import Triplets
from hardmine.settings.run import RunSettings

__all__ = ["Tuples", "checked", "triplets_of"]

Run = TypeVar("Run", bound=RunSettings)
Tuples = Triplets | tuple[Tensor, ...] | None


def checked(kind: type[Run], name: str, options: dict[str, Any], allowed: Sequence[str]) -> Run:
    """A method's settings from plain arguments.

    Raises:
        UserError: an option is none of those allowed, or its value is impossible.
    """
    for key in sorted(options.keys() - set(allowed)):
        raise UserError(f"{kind.__name__}: has no option '{key}'{nearest(key, allowed)}; it has {', '.join(allowed)}.")
    try:
        return kind(method=name, **options)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise UserError(f"{kind.__name__}: {faults}.") from None


def triplets_of(labels: Tensor, tuples: Tuples) -> tuple[Tensor, Tensor, Tensor]:
    """What a loss was given as triplets: index tensors int64 [T] each.

    Args:
        labels: int64 [n].
        tuples: triplets or pairs of a miner; all triplets of the batch unless given.

    Raises:
        UserError: they are neither triplets nor pairs.
    """
    if tuples is None:
        return tuple(all_triplets(labels))  # type: ignore[return-value]
    places = tuple(tuples)
    if len(places) == 4:
        from pytorch_metric_learning.utils.loss_and_miner_utils import convert_to_triplets

        places = convert_to_triplets(places, labels)
    if len(places) != 3:
        raise UserError(f"tuples: triplets are three tensors, pairs four; {len(places)} were given.")
    return places  # type: ignore[return-value]
