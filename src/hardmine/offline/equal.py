"""Images with equal vectors (copies of one picture), and draws that do not depend on who computes what when."""

import numpy as np

__all__ = ["EQUAL", "equal_groups", "priorities"]

EQUAL = 1e-10
"""Squared distances up to this are those of equal embeddings: ``hardmine.mining.equal``, which comes with torch."""

_BLOCK = 65_536


def equal_groups(vectors: np.ndarray) -> np.ndarray:
    """For each row the first row with the same bytes; int64 [N].

    Args:
        vectors: float32 [N, D], may be memory-mapped; read in blocks.
    """
    keys = np.empty(len(vectors), dtype=np.uint64)
    odd = np.random.default_rng(0).integers(0, 2**63, vectors.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    for start in range(0, len(vectors), _BLOCK):
        bits = np.ascontiguousarray(vectors[start : start + _BLOCK], dtype=np.float32).view(np.uint32)
        keys[start : start + _BLOCK] = (_mixed(bits.astype(np.uint64)) * odd).sum(axis=1, dtype=np.uint64)
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    groups = first[number]
    for start in range(0, len(vectors), _BLOCK):  # equal keys of different rows: not seen in a lifetime, but possible
        part = groups[start : start + _BLOCK]
        other = (vectors[start : start + _BLOCK] != vectors[part]).any(axis=1)
        part[other] = start + np.flatnonzero(other)
    return groups.astype(np.int64)


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
