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
    positives = sorted((row for row in table if row[2] and row[3] > 1e-10), key=lambda row: -row[3])
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


def mode_losses(embeddings, labels, ratios, modes):
    """The levels' losses for unit embeddings, one array a level; ``modes`` holds what the settings call so.

    One dict a level: value, printed, positives and active as counts, all and kept as mean pair losses, gradient dJ/de.
    """
    tables = [pair_table(level, labels) for level in embeddings]
    chosen = []
    for same in (True, False):
        pairs = [[row for row in table if row[2] == same] for table in tables]
        losses = [[row[3] if same else modes["margin"] - row[3] for row in level] for level in pairs]
        kept = select(losses, ratios, modes["selection"], modes["ratio_base"])
        chosen.append((pairs, kept))
    found = []
    for number, level in enumerate(embeddings):
        (positives, kept_positives), (negatives, kept_negatives) = (
            (pairs[number], kept[number]) for pairs, kept in chosen
        )
        found.append(_mode_loss(level, positives, kept_positives, negatives, kept_negatives, modes))
    return found


def _mode_loss(embeddings, positives, kept_positives, negatives, kept_negatives, modes):
    margin, factor = modes["margin"], modes["negative_factor"]
    listings = 2 if modes["neg_counting"] == "ordered" else 1
    active = [pair for pair in kept_negatives if negatives[pair][3] < margin]
    denominator = len(kept_positives) + listings * len(active)
    value = printed = 0.0
    gradient = np.zeros(embeddings.shape)
    for pair in kept_positives:
        i, j, _, distance = positives[pair]
        value += distance / 2
        printed += distance
        gradient[i] += embeddings[i] - embeddings[j]
        gradient[j] -= embeddings[i] - embeddings[j]
    for pair in active:
        i, j, _, distance = negatives[pair]
        value += factor * (margin - distance) / 2
        printed += listings * factor * (margin - distance)
        gradient[i] -= factor * (embeddings[i] - embeddings[j])
        gradient[j] += factor * (embeddings[i] - embeddings[j])

    def mean(near, far):
        losses = [positives[pair][3] for pair in near] + [max(0.0, margin - negatives[pair][3]) for pair in far]
        return sum(losses) / len(losses)

    return {
        "value": value / denominator,
        "printed": printed / denominator,
        "positives": len(kept_positives),
        "active": len(active),
        "kept": mean(kept_positives, kept_negatives),
        "all": mean(range(len(positives)), range(len(negatives))),
        "gradient": gradient / denominator,
    }


def average_pool(image, size, stride):
    """Averages of size × size windows of one map [C, H, W], cut off at its edge."""
    channels, height, width = image.shape
    rows, columns = (-(-(edge - size) // stride) + 1 for edge in (height, width))
    pooled = np.zeros((channels, rows, columns))
    for channel, row, column in itertools.product(range(channels), range(rows), range(columns)):
        window = image[channel, row * stride : row * stride + size, column * stride : column * stride + size]
        pooled[channel, row, column] = sum(window.ravel()) / window.size
    return pooled


def shallow_head(image, size, stride, reduce, hidden, embedding):
    """Average pool, 1×1 convolution, ReLU, fully connected, ReLU, fully connected, for one map [C, H, W].

    The last three arguments are weight and bias of a layer.
    """
    pooled = average_pool(image, size, stride)
    flat = []
    for own, shift in zip(*reduce, strict=True):
        for row, column in itertools.product(range(pooled.shape[1]), range(pooled.shape[2])):
            flat.append(max(0.0, float(np.dot(own.ravel(), pooled[:, row, column])) + float(shift)))
    middle = [max(0.0, float(np.dot(own, flat)) + float(shift)) for own, shift in zip(*hidden, strict=True)]
    return [float(np.dot(own, middle)) + float(shift) for own, shift in zip(*embedding, strict=True)]


def deepest_head(image, embedding):
    """Average over all places, fully connected, for one map [C, H, W]."""
    means = [sum(channel.ravel()) / channel.size for channel in image]
    return [float(np.dot(own, means)) + float(shift) for own, shift in zip(*embedding, strict=True)]
