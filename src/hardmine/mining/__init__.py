"""Who meets whom: tuples, selection, samplers; functions of embeddings and labels."""

from .samplers import BalancedSampler, ShuffledSampler
from .tuples import Triplets, random_negatives

__all__ = ["BalancedSampler", "ShuffledSampler", "Triplets", "random_negatives"]
