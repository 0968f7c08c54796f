"""HDC by explicit loops: what its vectorised form is compared with."""

import itertools

import numpy as np


def pair_table(embeddings, labels):
    """For every pair i < j: (i, j, same class, squared distance), in the order (0,1), (0,2), …"""
    table = []
    for i, j in itertools.combinations(range(len(labels)), 2):
        distance = sum((a - b) ** 2 for a, b in zip(embeddings[i].tolist(), embeddings[j].tolist(), strict=True))
        table.append((i, j, labels[i] == labels[j], distance))
    return table


def count(ratio, pairs):
    """The largest whole number that is not above ratio · pairs, with ratios read as decimal fractions."""
    from fractions import Fraction

    return int(Fraction(str(ratio)) * pairs)


def select(losses, ratios, selection, base):
    """Indices kept at each level: sort by (loss, lower index first), cut; one set a level."""
    kept = []
    for level, ratio in enumerate(ratios):
        candidates = range(len(losses[level])) if selection == "own" or level == 0 else kept[-1]
        ranking = losses[level - 1] if selection == "nested_prev" and level else losses[level]
        whole = len(kept[-1]) if base == "previous" and level else len(losses[level])
        ordered = sorted(candidates, key=lambda pair: (-ranking[pair], pair))
        kept.append(set(ordered[: count(ratio, whole)]))
    return kept


def level(embeddings, labels, ratio, margin=1.0, factor=10.0):
    """J, F, c+, c- and dJ/de, listing negatives in both directions and positives once, as the released layer does."""
    table = pair_table(embeddings, labels)
    positives = sorted((row for row in table if row[2] and row[3] >= 1e-12), key=lambda row: -row[3])
    negatives = [row for row in table if not row[2]]
    listed = sorted([*negatives, *((j, i, s, d) for i, j, s, d in negatives)], key=lambda row: row[3])
    positives = positives[: count(ratio, len(positives))]
    listed = [row for row in listed[: count(ratio, len(listed))] if row[3] < margin]
    denominator = len(positives) + len(listed)
    gradient = np.zeros(embeddings.shape)
    printed = value = 0.0
    for i, j, _, distance in positives:
        printed += distance
        value += distance / 2
        gradient[i] += embeddings[i] - embeddings[j]
        gradient[j] -= embeddings[i] - embeddings[j]
    for i, j, _, distance in listed:
        printed += factor * (margin - distance)
        value += factor * (margin - distance) / 4
        gradient[i] -= factor * (embeddings[i] - embeddings[j]) / 2
        gradient[j] += factor * (embeddings[i] - embeddings[j]) / 2
    if not denominator:
        return 0.0, 0.0, 0, 0, gradient
    return value / denominator, printed / denominator, len(positives), len(listed) // 2, gradient / denominator


def triplet_accuracy(embeddings, labels):
    """Share of ordered (anchor, positive, negative) with the negative strictly farther."""
    right = total = 0
    size = range(len(labels))
    for a, p, n in itertools.product(size, size, size):
        if a != p and labels[a] == labels[p] and labels[a] != labels[n]:
            near = ((embeddings[a] - embeddings[p]) ** 2).sum()
            far = ((embeddings[a] - embeddings[n]) ** 2).sum()
            right += far > near
            total += 1
    return right / total if total else 0.0
