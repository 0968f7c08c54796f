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


def linear(rows, weight, bias):
    """A fully connected layer, row by row."""
    return [[float(np.dot(row, own)) + float(shift) for own, shift in zip(weight, bias, strict=True)] for row in rows]


def batch_norm(rows, scale, shift, eps=1e-3):
    """Batch norm with the statistics of these rows, column by column."""
    columns = []
    for column, factor, offset in zip(np.asarray(rows).T, scale, shift, strict=True):
        mean = sum(column) / len(column)
        variance = sum((value - mean) ** 2 for value in column) / len(column)
        columns.append([(value - mean) / math.sqrt(variance + eps) * factor + offset for value in column])
    return np.array(columns).T


def generate(rows, first, norm, last):
    """The generator: fully connected, ReLU, then batch norm, fully connected; each argument is a layer's tensors."""
    hidden = [[max(0.0, value) for value in row] for row in linear(rows, *first)]
    return np.array(linear(batch_norm(hidden, *norm), *last))


def cross_entropy(logits, labels):
    """Mean over rows of -log softmax at the row's label."""
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(value - top) for value in row)) - row[label]
    return total / len(labels)


def tuples(base_loss, embeddings, labels, hardness):
    """What enters the generator as synthetic tuples, the label of each row, and lambda0 of each negative."""
    points, own, factors = [], [], []
    if base_loss == "npair":
        n = len(embeddings) // 2
        points, own = [embeddings[i] for i in range(n)], [labels[i] for i in range(n)]
        for i in range(n):
            for j in range(n):
                point = embeddings[n + j]
                if i != j:
                    point, factor = pull_one(embeddings[i], embeddings[n + i], point, hardness)
                    factors.append(factor)
                points.append(point)
                own.append(labels[n + j])
    else:
        n = len(embeddings) // 3
        points, own = [embeddings[i] for i in range(2 * n)], list(labels)
        for i in range(n):
            point, factor = pull_one(embeddings[i], embeddings[n + i], embeddings[2 * n + i], hardness)
            points.append(point)
            factors.append(factor)
    return np.array(points), own, factors


def metric_loss(base_loss, rows, l2, margin):
    """J_m of real rows: anchors, positives and, for triplets, negatives."""
    if base_loss == "npair":
        n = len(rows) // 2
        return npair(rows[:n], [rows[n:]] * n, l2)
    n = len(rows) // 3
    return triplets(rows[:n], rows[n : 2 * n], rows[2 * n :], margin)


def synthetic_loss(base_loss, rows, n, l2, margin):
    """J_syn of made rows in the order of ``tuples``."""
    if base_loss == "npair":
        return npair(rows[:n], [[rows[n + i * n + j] for j in range(n)] for i in range(n)], l2)
    return metric_loss(base_loss, rows, l2, margin)


def step(base_loss, features, labels, parts, hardness, weight, decay, settings):
    """All terms of one step.

    ``parts`` holds the functions ``embed``, ``generate`` and ``classify`` on rows; ``settings`` what the settings call
    soft_share, soft_factor, l2, margin and reconstruction.
    """
    l2, margin, share = settings["l2"], settings["margin"], settings["soft_share"]
    rows = len(features)
    n = rows // {"npair": 2, "triplet": 3}[base_loss]
    embeddings = parts["embed"](features)
    points, own, factors = tuples(base_loss, embeddings, labels, hardness)
    made = parts["generate"](np.concatenate([embeddings, points]))
    rebuilt, synthetic = made[:rows], made[rows:]
    squares = sum(
        (features[row][column] - rebuilt[row][column]) ** 2
        for row in range(rows)
        for column in range(len(features[row]))
    )
    if settings["reconstruction"] == "mean":
        squares /= rows * len(features[0])
    logits = parts["classify"](synthetic)
    if base_loss == "npair":
        entropies = [cross_entropy(logits[:n], own[:n]), cross_entropy(logits[n:], own[n:])]
    else:
        entropies = [cross_entropy(logits, own)]
    terms = {
        "metric_loss": metric_loss(base_loss, embeddings, l2, margin),
        "decay": decay,
        "synthetic_loss": synthetic_loss(base_loss, parts["embed"](synthetic), n, l2, margin),
        "reconstruction_loss": (1 - share) * squares,
        "soft_loss": share * settings["soft_factor"] * sum(entropies),
        "classifier_real": cross_entropy(parts["classify"](features), labels),
        "classifier_synthetic": sum(entropies) / len(entropies),
        "lambda0": sum(factors) / len(factors),
    }
    terms["generator_loss"] = terms["reconstruction_loss"] + terms["soft_loss"]
    terms["loss"] = weight * (terms["metric_loss"] + decay) + (1 - weight) * terms["synthetic_loss"]
    return terms
