"""When two embeddings are equal."""

__all__ = ["EQUAL"]

EQUAL = 1e-10
"""Squared distances of unit vectors up to this are those of equal embeddings.

Taken from differences of float32 vectors, rounding alone reaches 1e-13 (2,048 dimensions); an angle of 1e-4 gives 1e-8.
"""
