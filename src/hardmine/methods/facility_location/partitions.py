"""How wrong clusterings of a batch are, many at a time."""

import numpy as np

__all__ = ["nmi", "wrongness"]


def nmi(tables: np.ndarray) -> np.ndarray:
    """Mutual information over the geometric mean of the entropies, float64 [m], in [0, 1].

    1 for two trivial partitions, 0 where one of them is. (``hardmine.retrieval.agreement`` has the arithmetic mean, by
    which embeddings are reported.)

    Args:
        tables: int64 [m, K, C], images in each cluster and class; all tables of the same images.
    """
    images = int(tables[0].sum())
    logs = np.arange(images + 1) * np.log(np.maximum(np.arange(images + 1), 1))
    joint, clusters, classes = (
        logs[counts].reshape(len(tables), -1).sum(axis=1) / images
        for counts in (tables, tables.sum(axis=2), tables.sum(axis=1))
    )
    whole = np.log(images)
    information = whole + joint - clusters - classes
    entropies = np.maximum(np.stack([whole - clusters, whole - classes]), 0.0)
    trivial = entropies < 1e-12
    scale = np.sqrt(np.where(trivial.any(axis=0), 1.0, entropies.prod(axis=0)))
    found = np.clip(information / scale, 0.0, 1.0)
    return np.where(trivial.all(axis=0), 1.0, np.where(trivial.any(axis=0), 0.0, found))


def wrongness(tables: np.ndarray, kind: str) -> np.ndarray:
    """Δ of clusterings, float64 [m], in [0, 1].

    Args:
        tables: int64 [m, K, C], as for ``nmi``.
        kind: ``nmi`` (1 - NMI), ``zero-one`` (0 where clusters and classes are the same up to their names, else 1),
            ``constant`` (1).
    """
    if kind == "constant":
        return np.ones(len(tables))
    if kind == "nmi":
        return 1 - nmi(tables)
    shared = tables > 0
    same = (shared.sum(axis=2) <= 1).all(axis=1) & (shared.sum(axis=1) <= 1).all(axis=1)
    return 1.0 - same
