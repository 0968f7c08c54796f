"""Plain, slow versions of what the package does fast: what tests compare with."""

import math
from bisect import bisect_left

import numpy as np


def neighbours(queries, gallery, count, identity=None):
    """Sort every row by (float64 distance, row)."""
    lists = []
    for number, query in enumerate(queries.astype(np.float64)):
        rows = []
        for row, other in enumerate(gallery.astype(np.float64)):
            if identity is None or identity[number] != row:
                rows.append((float(np.einsum("d,d->", other - query, other - query)), row))
        lists.append([row for _, row in sorted(rows)[:count]])
    return lists


def retrieval(embeddings, labels, recall_at):
    """recall at k, r_precision and map@r by explicit loops over all-against-rest lists."""
    lists = neighbours(embeddings, embeddings, len(embeddings) - 1, np.arange(len(embeddings)))
    recall = dict.fromkeys(recall_at, 0)
    precisions, averages = [], []
    for query, rows in enumerate(lists):
        hits = [labels[row] == labels[query] for row in rows]
        for k in recall_at:
            recall[k] += any(hits[:k])
        relevant = sum(hits)
        if relevant:
            precisions.append(sum(hits[:relevant]) / relevant)
            averages.append(sum(sum(hits[: i + 1]) / (i + 1) for i in range(relevant) if hits[i]) / relevant)
    values = {f"recall@{k}": found / len(lists) for k, found in recall.items()}
    values["r_precision"] = float(np.mean(precisions)) if precisions else 0.0
    values["map@r"] = float(np.mean(averages)) if averages else 0.0
    return values


def average_precision_and_first_rank(queries, query_labels, gallery, labels, identity):
    """Of each query, over the whole ranking, None where there is no match."""
    averages, firsts = [], []
    for query, rows in enumerate(neighbours(queries, gallery, len(gallery), identity)):
        ranks = [place for place, row in enumerate(rows, 1) if labels[row] == query_labels[query]]
        averages.append(sum(i / rank for i, rank in enumerate(ranks, 1)) / len(ranks) if ranks else None)
        firsts.append(ranks[0] if ranks else None)
    return averages, firsts


def pairwise_f1(labels, clusters):
    """F1 over all pairs, by a double loop."""
    both = in_class = in_cluster = 0
    for i in range(len(labels)):
        for j in range(i):
            same_class, same_cluster = labels[i] == labels[j], clusters[i] == clusters[j]
            both += same_class and same_cluster
            in_class += same_class
            in_cluster += same_cluster
    return 2 * both / (in_class + in_cluster) if in_class + in_cluster else 0.0


def mutual_information(labels, clusters):
    """Mutual information in nats and the two entropies."""
    n = len(labels)
    information = 0.0
    entropies = []
    for values in (labels, clusters):
        shares = [np.mean(np.asarray(values) == value) for value in set(values)]
        entropies.append(-sum(p * math.log(p) for p in shares))
    for label in set(labels):
        for cluster in set(clusters):
            both = sum(a == label and b == cluster for a, b in zip(labels, clusters, strict=True)) / n
            if both:
                share = (sum(a == label for a in labels) / n) * (sum(b == cluster for b in clusters) / n)
                information += both * math.log(both / share)
    return information, entropies


def pair_distances(vectors, labels):
    """Distances, at length 1, of the pairs of one class and of two."""
    unit = [vector / np.linalg.norm(vector) for vector in vectors.astype(np.float64)]
    found = {True: [], False: []}
    for i in range(len(unit)):
        for j in range(i):
            found[labels[i] == labels[j]].append(float(np.linalg.norm(unit[i] - unit[j])))
    return found[True], found[False]


def largest_edge(other, rate, step):
    """The largest multiple of step below which at most the rate of the pairs of two classes are; how many steps."""
    near = sorted(other)
    return max(edge for edge in range(round(2 / step) + 2) if bisect_left(near, edge * step) <= rate * len(other))


def false_non_match(same, other, rate, step):
    """Share of the pairs of one class that do not match where at most the rate of the others do."""
    edge = largest_edge(other, rate, step)
    return sum(distance >= edge * step for distance in same) / len(same)


def inconsistency(vectors, labels, step, rates=(0.01, 0.1)):
    """Variance over classes of the harmonic mean of both rates' complements, over the thresholds between two rates."""
    _, other = pair_distances(vectors, labels)
    first, last = (largest_edge(other, rate, step) for rate in rates)
    unit = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    distances = np.linalg.norm(unit[:, None] - unit, axis=2)
    spreads = []
    for edge in range(first, last + 1):
        utilities = []
        for label in sorted(set(labels)):
            mine = labels == label
            own = distances[mine][:, mine][~np.eye(mine.sum(), dtype=bool)]
            right, apart = np.mean(own < edge * step), np.mean(distances[mine][:, ~mine] >= edge * step)
            utilities.append(2 * right * apart / (right + apart) if right + apart else 0)
        spreads.append(np.var(utilities))
    return float(np.mean(spreads))
