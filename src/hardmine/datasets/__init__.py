"""One file a data set: where it comes from, what its lists mean, its splits."""

from .items import Items, read_items, write_items

__all__ = ["Items", "read_items", "write_items"]
