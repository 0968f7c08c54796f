"""Smart Mining's selection, lists and controller as plain loops."""

import numpy as np

MINED, OUTSIDE, RANDOM, SKIPPED = 0, 1, 2, 3


def full_lists(points, k):
    """Every image's neighbours by (float64 distance, row)."""
    rows, distances = [], []
    for own, point in enumerate(points.astype(np.float64)):
        pairs = sorted((float(((other - point) ** 2).sum()), row) for row, other in enumerate(points) if row != own)
        rows.append([row for _, row in pairs[:k]])
        distances.append([distance for distance, _ in pairs[:k]])
    return np.array(rows), np.array(distances, dtype=np.float32)


def walk(anchor, rows, distances, labels, kappa, wanted=1, bound="at-least", far_first=False):
    """Algorithm 1 for one anchor: for each wanted triplet (flag, positive or None, negative or None)."""
    radius, negatives, positives = None, [], []
    for row, distance in zip(rows, distances, strict=True):
        if row < 0 or distance <= 1e-10:
            continue
        distance = float(distance)
        if radius is None:
            if labels[row] == labels[anchor]:
                radius = kappa * distance
                positives.append((row, []))
            continue
        if distance < radius or (bound == "beyond" and distance == radius):
            continue
        if labels[row] == labels[anchor]:
            positives.append((row, list(negatives)))
        else:
            negatives.append(row)
    result = []
    for _ in range(wanted):
        if not negatives:
            result.append((RANDOM, None, None))
            continue
        negative = negatives.pop(-1 if far_first else 0)
        holder = [row for row, range_ in positives if negative in range_]
        result.append((MINED, holder[0], negative) if holder else (OUTSIDE, None, negative))
    return result


def allowed_outside(anchor, rows, distances, labels, mode, kappa, bound):
    """Positives that the fallback may draw."""
    barred = {row for row, distance in zip(rows, distances, strict=True) if row >= 0 and distance <= 1e-10}
    listed = [(row, distance) for row, distance in zip(rows, distances, strict=True) if row >= 0 and distance > 1e-10]
    same = [(row, float(distance)) for row, distance in listed if labels[row] == labels[anchor]]
    if mode == "outside-list":
        barred |= {row for row, _ in same}
    else:
        radius = kappa * same[0][1]
        used = [distance > radius or (bound == "at-least" and distance == radius) for _, distance in same]
        barred |= {row for place, (row, _) in enumerate(same) if not place or used[place]}
    return {row for row in np.flatnonzero(labels == labels[anchor]).tolist() if row != anchor and row not in barred}


def ratio(positive, negative, margin=0.2):
    return max(0.0, 1 - negative / (positive + margin))


def fitted_line(pairs):
    """Least squares of kappa over error."""
    slope, intercept = np.polyfit([error for error, _ in pairs], [kappa for _, kappa in pairs], 1)
    return float(slope), float(intercept)
