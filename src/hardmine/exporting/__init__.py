"""A trained model as a folder that is complete in itself, in the layout that model hubs accept."""

from .folder import export_model

__all__ = ["export_model"]
