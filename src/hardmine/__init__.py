"""Hard example mining for deep metric learning: tested, fast, reproducible."""

__version__ = "0.1.0"
