"""Who meets whom: tuples, selection, samplers; functions of embeddings and labels."""

from .samplers import BalancedSampler
from .tuples import Quadruplets, Triplets, random_negatives

__all__ = ["BalancedSampler", "Quadruplets", "Triplets", "random_negatives"]
