"""One file a network family."""

from .network import EmbeddingNetwork, build_backbone
from .small_cnn import SmallCNNBackbone
from .taps import Backbone

__all__ = ["Backbone", "EmbeddingNetwork", "SmallCNNBackbone", "build_backbone"]
