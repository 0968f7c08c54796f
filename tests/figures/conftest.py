"""Every figure that a test here draws must be readable in print."""

from browsing import browser
from readable import figures_are_readable

__all__ = ["browser", "figures_are_readable"]
