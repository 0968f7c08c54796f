"""Exact neighbours and what is computed from them. Never imports torch."""

from .clustering import cluster, clustering_metrics
from .metrics import retrieval_metrics
from .neighbours import Neighbours, nearest_neighbours
from .statistics import compare, summarise

__all__ = [
    "Neighbours",
    "cluster",
    "clustering_metrics",
    "compare",
    "nearest_neighbours",
    "retrieval_metrics",
    "summarise",
]
