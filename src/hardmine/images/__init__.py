"""Packed images: one memory-mapped array, read by row, augmented on the device."""

from .store import ImageStore, open_store, write_images

__all__ = ["ImageStore", "open_store", "write_images"]
