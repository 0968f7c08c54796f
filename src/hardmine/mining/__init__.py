"""Who meets whom: tuples, selection, samplers; functions of embeddings and labels."""

from .samplers import BalancedSampler
from .tuple_samplers import PairSampler, TripletSampler
from .tuples import Quadruplets, Triplets, random_negatives

__all__ = ["BalancedSampler", "PairSampler", "Quadruplets", "TripletSampler", "Triplets", "random_negatives"]
