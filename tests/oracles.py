"""Plain, slow versions of what the package does fast: what tests compare with."""

import math

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
