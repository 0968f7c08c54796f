"""HDML one tuple at a time, with loops and plain numbers."""

import math

import numpy as np


def pull_one(anchor, positive, negative, hardness):
    """One negative moved towards its anchor; the point and lambda0."""
    near, far = math.dist(anchor, positive), math.dist(anchor, negative)
    factor = hardness + (1 - hardness) * near / far if far > near else 1.0
    return np.asarray(anchor) + factor * (np.asarray(negative) - np.asarray(anchor)), factor


def npair(anchors, candidates, l2):
    """N-pair loss; ``candidates[i][j]`` is candidate j of anchor i."""
    n, total, lengths = len(anchors), 0.0, 0.0
    for i in range(n):
        scores = [float(np.dot(anchors[i], candidates[i][j])) for j in range(n)]
        top = max(scores)
        total += top + math.log(sum(math.exp(score - top) for score in scores)) - scores[i]
        lengths += float(np.dot(anchors[i], anchors[i])) / n
        lengths += sum(float(np.dot(candidate, candidate)) for candidate in candidates[i]) / n**2
    return total / n + l2 / 4 * lengths


def triplets(anchors, positives, negatives, margin):
    """Triplet loss summed, on squared distances."""
    return sum(
        max(0.0, math.dist(a, p) ** 2 - math.dist(a, n) ** 2 + margin)
        for a, p, n in zip(anchors, positives, negatives, strict=True)
    )
