"""A trained model in use: images in, unit vectors out."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch

from hardmine.backbones import EmbeddingNetwork
from hardmine.errors import UserError
from hardmine.images.decode import UnreadableError
from hardmine.processors import available_processors
from hardmine.training.device import prepare_device

from .building import build_network
from .config import ModelConfig, artefact_config, read_config
from .guard import reading
from .reading import CLOSED, ImageSource, files_in, found_in, name_of, pixels_of, separate
from .weights import read_weights, shapes_in

__all__ = ["Embedded", "EmbeddingModel", "FolderEmbeddings", "load_model"]

Item = TypeVar("Item")

_PIXELS = 2**27
"""Of the decoded images of a block, at most."""
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Embedded(Generic[Item]):
    """A block of a stream.

    Attributes:
        items: those that were embedded.
        vectors: float32 [len(items), D], length 1.
        faults: those that could not be read, with the reason.
    """

    items: list[Item]
    vectors: np.ndarray
    faults: list[tuple[Item, str]]


@dataclass(frozen=True)
class FolderEmbeddings:
    """A folder of images as vectors.

    Attributes:
        names: paths within the folder, sorted, with ``/``.
        vectors: float32 [len(names), D], length 1.
        unreadable: name and reason of the images that were left out.
    """

    names: list[str]
    vectors: np.ndarray
    unreadable: dict[str, str]


class EmbeddingModel:
    """Embeds images exactly as the trained network saw its test images.

    Attributes:
        config: network and preprocessing.
        dimensions: D, of an embedding.
        network: the torch module, in evaluation mode.
        device: where it runs.

    Raises:
        UserError: a picture made for the purpose gets no finite vector of length 1.
    """

    def __init__(self, network: EmbeddingNetwork, config: ModelConfig, device: torch.device, threads: int) -> None:
        self.config = config
        self.device = device
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)
        self._threads = threads
        prepared = config.preprocessing
        fitting = min(2**21 // prepared.crop**2, _PIXELS // prepared.size**2)
        self._limit = max(1, min(256 if device.type == "cuda" else 64, fitting))
        self._turn: AbstractContextManager[object] = threading.Lock() if device.type == "cuda" else nullcontext()
        shape = (prepared.size, prepared.size, prepared.channels)
        (vector,) = self.vectors_of([np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)])
        if not abs(float(np.linalg.norm(vector)) - 1) < _ROUNDING:
            raise UserError(f"the model gives vectors of length {np.linalg.norm(vector):.3g}, not 1. Export it again.")
        self.dimensions = len(vector)

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides an embedding; 64 hex digits."""
        return self.config.digest

    def embed(self, images: ImageSource | Iterable[ImageSource]) -> np.ndarray:
        """Embed images.

        Args:
            images: one or many: paths of files, a path of a folder (its images in the order of their names), bytes of
                image files, PIL images, or uint8 arrays [H, W], [H, W, C] or [n, H, W, C].

        Returns:
            float32 [number of images, dimensions], rows of length 1; the squared distance of two is 2 - 2·cosine.

        Raises:
            UserError: an image cannot be read; it is named.
        """
        if isinstance(images, str | Path) and Path(images).is_dir():
            folder = Path(images)
            images = [folder / name for name in files_in(folder)]
        found = [np.empty((0, self.dimensions), np.float32)]
        numbered = enumerate(separate(images))
        for block in self.stream(numbered, lambda item: pixels_of(item[1], self.config.preprocessing)):
            for (position, image), reason in block.faults:
                raise UserError(f"{name_of(image, position)}: cannot be used as an image: {reason}.")
            found.append(block.vectors)
        return np.concatenate(found)

    def embed_folder(self, folder: str | Path) -> FolderEmbeddings:
        """Embed all images of a folder and the folders in it; those that cannot be read are left out and named."""
        root = Path(folder)
        found = found_in(root)
        names: list[str] = []
        vectors = [np.empty((0, self.dimensions), np.float32)]
        unreadable = dict.fromkeys(found.closed, CLOSED)
        for block in self.stream(found.names, lambda name: pixels_of(root / name, self.config.preprocessing)):
            names += block.items
            vectors.append(block.vectors)
            unreadable |= dict(block.faults)
        return FolderEmbeddings(names, np.concatenate(vectors), unreadable)

    def stream(
        self, items: Iterable[Item], read: Callable[[Item], np.ndarray | None], block: int | None = None
    ) -> Iterator[Embedded[Item]]:
        """Embed any number of items in bounded memory, block by block, in order.

        Each thread decodes a block and then runs the network on it alone, so that decoding and network overlap; on a
        GPU the network has one block at a time.

        Args:
            items: what to embed.
            read: gives the stored square of an item, uint8 [size, size, channels], or None to pass over it; raises
                ``UnreadableError``. It is called from several threads.
            block: items in a block; chosen by the size of the images unless given.
        """
        waiting = iter(items)
        size = min(block or self._limit, self._limit)
        blocks = iter(lambda: list(islice(waiting, size)), [])
        pending: deque[Future[Embedded[Item]]] = deque()
        before = torch.get_num_threads()
        pool = ThreadPoolExecutor(self._threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            for part in blocks:
                pending.append(pool.submit(self._embed_block, part, read))
                if len(pending) > self._threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)  # threads made from now on have what the caller had

    def vectors_of(self, pixels: list[np.ndarray]) -> np.ndarray:
        """Stored squares, each uint8 [size, size, C], at least one, to float32 [n, D] of length 1, in this thread.

        Raises:
            UserError: the weights are damaged.
        """
        prepared = self.config.preprocessing
        edge = (prepared.size - prepared.crop) // 2
        inner = slice(edge, edge + prepared.crop)
        stacked = torch.from_numpy(np.stack([image[inner, inner] for image in pixels]))
        with self._turn, torch.inference_mode():
            images = ((stacked.to(self.device).float() - prepared.mean) / prepared.scale).permute(0, 3, 1, 2)
            vectors: np.ndarray = next(iter(self.network.embed(images).values())).float().cpu().numpy()
        if not np.isfinite(vectors).all():
            raise UserError("the model gives vectors that are not finite: its weights are damaged. Export it again.")
        return vectors

    def _embed_block(self, items: list[Item], read: Callable[[Item], np.ndarray | None]) -> Embedded[Item]:
        good: list[Item] = []
        pixels: list[np.ndarray] = []
        faults: list[tuple[Item, str]] = []
        for item in items:
            try:
                image = read(item)
            except UnreadableError as fault:
                faults.append((item, str(fault)))
                continue
            if image is not None:
                good.append(item)
                pixels.append(image)
        vectors = self.vectors_of(pixels) if pixels else np.empty((0, self.dimensions), np.float32)
        return Embedded(good, vectors, faults)


def load_model(folder: Path, device_name: str = "auto", threads: int | None = None) -> EmbeddingModel:
    """Load an exported folder or a trained artefact; see ``hardmine.load``."""
    path, source = folder / "model.safetensors", folder / "config.json"
    if os.path.lexists(source):
        config = read_config(source)
    else:
        config, source = artefact_config(folder)[0], folder / "made.json"
    device = prepare_device(device_name, torch.get_num_threads())
    with reading(folder, "Export or fetch the model again.", "cannot be used"):
        shapes = shapes_in(path)
        network = build_network(config, source, path, shapes)
        network.load_state_dict(read_weights(path, config.weights, shapes))
        try:
            return EmbeddingModel(network, config, device, threads or available_processors())
        except UserError as error:
            raise UserError(f"{folder}: {error}") from None
