"""Every figure that a test here draws must be readable in print."""

from readable import figures_are_readable

__all__ = ["figures_are_readable"]
