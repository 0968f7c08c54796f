"""Threads that work for requests, with few places: whoever finds none is told to come again instead of waiting."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

__all__ = ["BusyError", "Lane"]

T = TypeVar("T")
Work = Callable[[Callable[[], T]], Coroutine[Any, Any, T]]


class BusyError(Exception):
    """All places are taken."""


class Lane:
    """Threads of their own, and how many requests may have them or wait for them.

    A thread cannot be stopped: work that takes too long loses its request, and keeps its place until it ends.

    Args:
        threads: at work at once.
        waiting: requests that may wait beside these, or still send their picture.
        seconds: a request has for its work, waiting included.
    """

    def __init__(self, threads: int, waiting: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, "lane", torch.set_num_threads, (1,))
        self._free = threads + waiting
        self._seconds = seconds

    @contextmanager
    def place(self) -> Iterator[Work[Any]]:
        """A place, within which a function may be run once in one of the threads.

        Raises:
            BusyError: there is none.
            TimeoutError: the work takes too long.
        """
        if self._free < 1:
            raise BusyError
        self._free -= 1
        begun: list[asyncio.Future[Any]] = []

        async def work(function: Callable[[], T]) -> T:
            future = asyncio.get_running_loop().run_in_executor(self._pool, function)
            begun.append(future)
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(future)

        try:
            yield work
        finally:
            if begun and not begun[0].done():
                begun[0].add_done_callback(self._leave)
            else:
                self._free += 1

    def _leave(self, future: asyncio.Future[Any]) -> None:
        self._free += 1
        if not future.cancelled():
            future.exception()  # nobody waits for it any more
