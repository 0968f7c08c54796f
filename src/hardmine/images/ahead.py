"""The images of the next batch, read while the device works on the last."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from .store import ImageStore

__all__ = ["ReadAhead"]


class ReadAhead:
    """Reads from a store; one announced batch at a time in a thread, so that a device does not wait for the disk.

    Args:
        store: the images.
        pin: put them into page-locked memory, from which copies to a GPU run beside its work.
    """

    def __init__(self, store: ImageStore, pin: bool) -> None:
        self._store = store
        self._pin = pin
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._announced: tuple[np.ndarray, Future[Tensor]] | None = None

    def announce(self, rows: np.ndarray) -> None:
        """Begin to read rows that will be asked for next; what was announced before is forgotten."""
        self._announced = (rows, self._pool.submit(self._read, rows))

    def read(self, rows: np.ndarray) -> Tensor:
        """Images at positions of the store, uint8 [k, H, W, C]: those announced, where it is they, else read now.

        Raises:
            OSError: the file of the store cannot be read.
        """
        if self._announced is not None and np.array_equal(self._announced[0], rows):
            images = self._announced[1].result()
            self._announced = None
            return images
        return self._read(rows)

    def _read(self, rows: np.ndarray) -> Tensor:
        images = torch.from_numpy(self._store.read(rows))
        return images.pin_memory() if self._pin else images
