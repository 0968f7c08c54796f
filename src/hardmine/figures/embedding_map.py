"""A map of an embedding in the plane, for looking, not for measuring."""

import numpy as np

__all__ = ["embedding_map"]

POINTS = 1200
"""Of a map; more classes are left out, so that those that are shown are whole."""
_ONE_POINT = 1e-6
"""Vectors that differ by less in every number are one point: t-SNE dies of having no direction to begin with."""


def embedding_map(
    embeddings: tuple[np.ndarray, np.ndarray], used: np.ndarray, labels: np.ndarray
) -> dict[str, list[int]]:
    """t-SNE of the images of some classes, the same for the same input; one point where all vectors are equal.

    Images whose vector is not finite are left out.

    Args:
        embeddings: rows of the packed array int64 [n], and their vectors float32 [n, D].
        used: int64 [m], ascending: the packed rows of the gallery's images.
        labels: int64 [m], their classes.

    Returns:
        ``points``: positions among ``used``; ``x`` and ``y``: 0 to 1000.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rows, vectors = embeddings
    order = np.argsort(rows)
    place = order[np.minimum(np.searchsorted(rows, used, sorter=order), len(rows) - 1)]
    there = (rows[place] == used) & np.isfinite(vectors[place]).all(axis=1)
    classes = np.unique(labels)
    share = max(1, int(len(classes) * min(1.0, POINTS / max(1, len(used)))))
    chosen = classes[np.linspace(0, len(classes) - 1, share).astype(int)]
    points = np.flatnonzero(there & np.isin(labels, chosen))[: 2 * POINTS]
    chosen_vectors = vectors[place[points]].astype(np.float64)
    if len(points) < 8 or np.ptp(chosen_vectors, axis=0).max() < _ONE_POINT:
        flat = np.zeros((len(points), 2))
    else:
        low = PCA(min(32, *chosen_vectors.shape), random_state=0).fit_transform(chosen_vectors)
        low = np.pad(low, ((0, 0), (0, max(0, 2 - low.shape[1]))))
        near = min(20.0, (len(points) - 1) / 3)
        flat = TSNE(2, perplexity=near, init="pca", random_state=0, max_iter=500).fit_transform(low)
    spread = np.maximum(np.ptp(flat, axis=0), 1e-9) if len(flat) else 1.0
    scaled = np.rint((flat - flat.min(axis=0)) / spread * 1000).astype(int) if len(flat) else flat.astype(int)
    return {"points": points.tolist(), "x": scaled[:, 0].tolist(), "y": scaled[:, 1].tolist()}
