"""Who meets whom: tuples, selection, samplers; functions of embeddings and labels."""

from .samplers import BalancedSampler
from .tuples import Triplets, random_negatives

__all__ = ["BalancedSampler", "Triplets", "random_negatives"]
