"""Slow, plain versions of SCHEM's searches and loss: loops over images, nothing shared with the code under test."""

import math


def cosine(first, second):
    return sum(float(a) * float(b) for a, b in zip(first, second, strict=True))


def group_similarity(anchors, vector, how="max"):
    values = [cosine(anchor, vector) for anchor in anchors]
    return max(values) if how == "max" else sum(values) / len(values)


def class_pool(anchors, signatures, own, size, how="max"):
    scored = [(-group_similarity(anchors, row, how), label) for label, row in enumerate(signatures) if label != own]
    return [label for _, label in sorted(scored)[:size]]


def instance_pool(anchors, candidates, embeddings, size, how="max"):
    if len(candidates) <= size:
        return list(candidates)
    scored = [(-group_similarity(anchors, embeddings[row], how), place) for place, row in enumerate(candidates)]
    return [candidates[place] for _, place in sorted(scored)[:size]]


def distance(first, second, kind):
    similarity = cosine(first, second)
    return {"squared": 2 - 2 * similarity, "cosine": 1 - similarity}.get(kind, math.sqrt(max(2 - 2 * similarity, 0.0)))


def triplet_values(embeddings, labels, rows, scope, margin, kind):
    values = []
    for a in range(scope):
        for p in range(len(labels)):
            if labels[p] != labels[a] or rows[p] == rows[a]:
                continue
            for n in range(len(labels)):
                if labels[n] != labels[a]:
                    near = distance(embeddings[a], embeddings[p], kind)
                    far = distance(embeddings[a], embeddings[n], kind)
                    values.append(max(0.0, near - far + margin))
    return values


def violating_mean(values):
    positive = [value for value in values if value > 0]
    return sum(positive) / len(positive) if positive else 0.0


def classification_loss(embeddings, labels, signatures, scale=1.0):
    losses = []
    for vector, label in zip(embeddings, labels, strict=True):
        logits = [scale * cosine(vector, row) for row in signatures]
        losses.append(math.log(sum(math.exp(value) for value in logits)) - logits[label])
    return sum(losses) / len(losses)
