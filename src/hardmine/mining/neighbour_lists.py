"""Lists of the nearest training images, by an exact search or by a graph, a block of images at a time."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from .fanng import FanngGraph

__all__ = ["NeighbourLists", "NeighbourSearch", "automatic_length"]

IndexName = Literal["exact", "hnsw", "nsg", "fanng"]


@dataclass(frozen=True)
class NeighbourLists:
    """Neighbours of M images.

    Attributes:
        anchors: int64 [M].
        rows: int64 [M, k], other images by ascending distance, ties by ascending row; -1 at the end of a short list.
        distances: float32 [M, k], squared Euclidean distances; infinite where there is no neighbour.
    """

    anchors: np.ndarray
    rows: np.ndarray
    distances: np.ndarray


def automatic_length(labels: np.ndarray) -> int:
    """Length of a list that holds an image's class and many others: 3 · largest class + 64, at most all others."""
    return min(len(labels) - 1, 3 * int(np.bincount(labels).max()) + 64)


class NeighbourSearch:
    """A search structure over the embeddings of all training images.

    Whatever proposes the neighbours, their distances are taken again from differences in float64 and the lists are
    sorted by them. The exact search is exact: where rounding could have hidden a neighbour, the row is done again.
    It also takes the place of nsg where there are few distinct points, from which faiss cannot build that graph.

    Args:
        embeddings: float32 [N, D], on the device where the exact search happens.
        index: ``exact``; ``hnsw`` and ``nsg`` of faiss, on the CPU; or ``fanng``.
        search_width: candidates that a search in a graph keeps, or vertices that fanng expands.
        seed: of fanng.
        memory: bytes that a block of the exact search may take.
    """

    def __init__(
        self,
        embeddings: Tensor,
        index: IndexName = "exact",
        search_width: int = 256,
        seed: int = 0,
        memory: int = 2**28,
    ) -> None:
        self.embeddings = embeddings.float().contiguous()
        self.search_width = search_width
        self._graph: Any = None
        if index == "exact" or (index == "nsg" and _distinct(self.embeddings) < max(200, len(embeddings) // 2)):
            # Distances are the same about the mean, where the rounding of a product is as small as the spread.
            centred = self.embeddings - self.embeddings.mean(dim=0, dtype=torch.float64).float()
            self._centred, self._norms = centred, centred.pow(2).sum(dim=1)
            self._block = max(1, min(1024, memory // (4 * max(1, len(embeddings)))))
            return
        self._points = self.embeddings.cpu().numpy()
        self._block = 4096
        if index == "fanng":
            self._graph = FanngGraph(self._points, np.random.default_rng(seed))
        else:
            self._graph = _faiss_graph(self._points, index, search_width)

    def query(self, anchors: np.ndarray, length: int) -> NeighbourLists:
        """Neighbours of the images ``anchors`` int64 [M], themselves left out; lists of ``length``, at most N - 1."""
        length = max(1, min(length, len(self.embeddings) - 1))
        rows = np.empty((len(anchors), length), dtype=np.int64)
        distances = np.empty((len(anchors), length), dtype=np.float32)
        for start in range(0, len(anchors), self._block):
            part = slice(start, start + self._block)
            rows[part], distances[part] = self._search(anchors[part], length)
        return NeighbourLists(anchors, rows, distances)

    def _search(self, anchors: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        own = torch.from_numpy(anchors).to(self.embeddings.device)
        if self._graph is None:
            candidates, limit = self._propose(own, length)
        else:
            proposed = np.sort(self._search_graph(anchors, length + 1), axis=1)
            proposed[:, 1:][proposed[:, 1:] == proposed[:, :-1]] = -1  # nsg may name a row twice
            candidates, limit = torch.from_numpy(proposed).to(own.device), None
        exact = self._exact_distances(own, candidates)
        exact.masked_fill_((candidates < 0) | (candidates == own[:, None]), torch.inf)
        rows, distances = _sorted(candidates, exact, length)
        if limit is not None:
            for row in (limit <= distances[:, -1]).nonzero()[:, 0].tolist():
                rows[row], distances[row] = self._search_row(int(anchors[row]), length)
        rows = rows.masked_fill(distances.isinf(), -1)
        return rows.cpu().numpy(), distances.float().cpu().numpy()

    def _propose(self, own: Tensor, length: int) -> tuple[Tensor, Tensor | None]:
        """More candidates than needed by a matrix product, and the distance below which none was missed."""
        rough = torch.addmm(self._norms, self._centred[own], self._centred.T, alpha=-2)
        rough += self._norms[own, None]
        rough[torch.arange(len(own), device=own.device), own] = torch.inf
        kept = min(length + 32, len(self.embeddings))
        found = rough.topk(kept, dim=1, largest=False, sorted=False)
        if kept == len(self.embeddings):
            return found.indices, None
        scale = self._norms.max() + self._norms[own]
        error = (self.embeddings.shape[1] + 8) * torch.finfo(torch.float32).eps * scale
        return found.indices, (found.values.amax(dim=1) - error).double()

    def _search_graph(self, anchors: np.ndarray, count: int) -> np.ndarray:
        """Rows that the graph proposes, int64 [M, count], with -1 for none."""
        if isinstance(self._graph, FanngGraph):
            return np.stack([self._graph.search(int(row), count, self.search_width) for row in anchors])
        return np.asarray(self._graph.search(self._points[anchors], count)[1])

    def _exact_distances(self, own: Tensor, candidates: Tensor) -> Tensor:
        """Squared distances float64 [M, c] from differences, a few rows at a time."""
        exact = torch.empty(candidates.shape, dtype=torch.float64, device=candidates.device)
        step = max(1, 4_000_000 // (candidates.shape[1] * self.embeddings.shape[1]))
        for start in range(0, len(own), step):
            part = slice(start, start + step)
            difference = self.embeddings[candidates[part].clamp(min=0)].double()
            difference -= self.embeddings[own[part], None]
            exact[part] = difference.pow_(2).sum(dim=2)
        return exact

    def _search_row(self, anchor: int, length: int) -> tuple[Tensor, Tensor]:
        """The list of one image with all distances in float64."""
        parts = [(part.double() - self.embeddings[anchor]).pow(2).sum(dim=1) for part in self.embeddings.split(65536)]
        exact = torch.cat(parts)
        exact[anchor] = torch.inf
        distances, rows = exact.sort(stable=True)
        return rows[:length], distances[:length]


def _sorted(candidates: Tensor, exact: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The first ``length`` of each row's candidates by distance, ties by row."""
    by_row = candidates.argsort(dim=1, stable=True)
    order = by_row.gather(1, exact.gather(1, by_row).argsort(dim=1, stable=True))[:, :length]
    return candidates.gather(1, order), exact.gather(1, order)


def _distinct(embeddings: Tensor) -> int:
    """Number of different rows."""
    points = embeddings.cpu().numpy()
    return len(np.unique(points.view(np.dtype((np.void, points.shape[1] * points.itemsize)))))


def _faiss_graph(points: np.ndarray, index: IndexName, search_width: int) -> Any:
    """A graph of faiss over float32 [N, D]: HNSW with 32 links, or NSG of degree 32."""
    import faiss  # the exact search does without

    faiss.omp_set_num_threads(torch.get_num_threads())
    graph: Any = (
        faiss.IndexHNSWFlat(points.shape[1], 32) if index == "hnsw" else faiss.IndexNSGFlat(points.shape[1], 32)
    )
    if index == "hnsw":
        graph.hnsw.efConstruction, graph.hnsw.efSearch = 200, search_width
    else:
        graph.nsg.search_L = search_width
    graph.add(points)
    return graph
