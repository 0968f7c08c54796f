"""Losses on made samples one tuple at a time, with loops and plain numbers."""

import math

import numpy as np
from oracles_hdml import npair


def squared(a, b):
    """Squared distance."""
    return sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))


def daml_rows(n, base_loss):
    """Anchor, positive and negative of each made row."""
    if base_loss == "triplet":
        return [(i, n + i, 2 * n + i) for i in range(n)]
    return [(i, n + i, n + j) for i in range(n) for j in range(n) if i != j]


def daml(features, embeddings, points, made, n, base_loss, keys):
    """DAML's terms: hard, reg and adv loss, the metric loss on made negatives, shares of the way."""
    rows = daml_rows(n, base_loss)
    hard = reg = adv = metric = 0.0
    shares, spread = [], []
    for (a, p, m), y, z in zip(rows, points, made, strict=True):
        hard += squared(y, features[a])
        reg += squared(y, features[m])
        t = squared(embeddings[a], embeddings[p]) - squared(embeddings[a], z) + keys["margin"]
        adv += max(0.0, -t)
        metric += max(0.0, t)
        radius = squared(features[a], features[m])
        spread.append(radius)
        shares.append(float(np.dot(y - features[a], features[m] - features[a])) / radius)
    count = len(rows)
    scale = sum(spread) / count
    metric = keys["hinge_factor"] * metric / count
    if base_loss == "npair":
        candidates = [[embeddings[n + j] for j in range(n)] for _ in range(n)]
        for (a, _, m), z in zip(rows, made, strict=True):
            candidates[a][m - n] = z
        metric = npair(embeddings[:n], candidates, keys["l2"])
    return {
        "hard_loss": hard / count / scale,
        "reg_loss": reg / count / scale,
        "adv_loss": keys["hinge_factor"] * adv / count,
        "synthetic_loss": metric,
        "way": sum(shares) / count,
    }


def dvml(features, rows, mean, logs, noise, width, decode, keys):
    """DVML's terms: KL and reconstruction, with every draw decoded."""
    kl = recon = 0.0
    images, dimensions = mean.shape
    for i in range(images):
        for j in range(dimensions):
            variance = math.exp(logs[i][j]) / width**2
            kl += 0.5 * (variance + (mean[i][j] / width) ** 2 - math.log(variance) - 1)
    variances = features.var(axis=0)
    for draw in noise:
        varied = rows + mean + np.exp(0.5 * logs) * draw
        for i, rebuilt in enumerate(decode(varied)):
            recon += sum((features[i][k] - rebuilt[k]) ** 2 / variances[k] for k in range(len(rebuilt)))
    scale = keys.get("per_dimension", True)
    return {
        "kl_loss": kl / images / (dimensions if scale else 1),
        "reconstruction_loss": recon / len(noise) / images / (features.shape[1] if scale else 1),
    }


def unit(row):
    """A vector at length 1."""
    return np.asarray(row) / math.sqrt(float(np.dot(row, row)))


def htg(raw, margin):
    """Gap of each triplet of raw points, the loss against it and the one for it, both as means."""
    gaps = []
    for a, p, n in raw:
        a, p, n = unit(a), unit(p), unit(n)
        gaps.append(squared(a, p) - squared(a, n))
    against = sum(max(0.0, gap + margin) for gap in gaps) / len(gaps)
    return gaps, against, sum(max(0.0, margin - gap) for gap in gaps) / len(gaps)
