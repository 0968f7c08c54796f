"""Who meets whom: tuples, selection, samplers; functions of embeddings and labels."""

from .samplers import BalancedSampler, ShuffledSampler
from .tuple_samplers import PairSampler, TripletSampler
from .tuples import Quadruplets, Triplets, random_negatives

__all__ = [
    "BalancedSampler",
    "PairSampler",
    "Quadruplets",
    "ShuffledSampler",
    "TripletSampler",
    "Triplets",
    "random_negatives",
]
