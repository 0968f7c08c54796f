"""Images with equal vectors (copies of one picture), and draws that do not depend on who computes what when."""

import numpy as np

from hardmine.search.copies import Copies, numbers_of

__all__ = ["equal_groups", "priorities"]


def equal_groups(vectors: np.ndarray) -> np.ndarray:
    """For each row the first row with the same bytes; int64 [N].

    Args:
        vectors: float32 [N, D], may be memory-mapped.
    """
    numbers = numbers_of(vectors)
    return Copies.of(numbers).first[numbers]


def priorities(seed: int, owners: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Random numbers uint64 of pairs, the same whatever block or thread they are made in; arguments broadcast."""
    mixed = _mixed(owners.astype(np.uint64) + _mixed(np.array([seed % 2**64], dtype=np.uint64)))
    return _mixed(mixed ^ rows.astype(np.uint64))


def _mixed(values: np.ndarray) -> np.ndarray:
    """SplitMix64's output function (Steele et al. 2014) of values one golden ratio ahead."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
