"""Tables, curves, the gallery and the page."""

from .report import figures

__all__ = ["figures"]
