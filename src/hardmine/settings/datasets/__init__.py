"""One small model a data set."""

from .glyphs import Glyphs

__all__ = ["DATASETS", "DatasetSettings", "Glyphs"]

DATASETS = {"glyphs": Glyphs}
DatasetSettings = Glyphs
