"""Exact neighbours and what is computed from them. Imports torch only where a search runs on its device."""

from .clustering import cluster, clustering_metrics
from .metrics import rank_matches, retrieval_metrics
from .neighbours import Neighbours, nearest_neighbours
from .statistics import compare, summarise

__all__ = [
    "Neighbours",
    "cluster",
    "clustering_metrics",
    "compare",
    "nearest_neighbours",
    "rank_matches",
    "retrieval_metrics",
    "summarise",
]
