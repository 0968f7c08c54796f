"""One file a network family."""

from .network import EmbeddingNetwork, build_backbone
from .taps import Backbone

__all__ = ["Backbone", "EmbeddingNetwork", "build_backbone"]
