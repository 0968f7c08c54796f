"""FANNG, the neighbour graph of the Smart Mining paper (Harwood and Drummond 2016), from summaries of it.

Plain and small: for comparison with the paper, not for speed.
"""

import heapq

import numpy as np

__all__ = ["FanngGraph", "unoccluded"]


def unoccluded(points: np.ndarray, vertex: int, candidates: np.ndarray) -> list[int]:
    """Edges of a vertex that survive the occlusion rule, near to far.

    An edge a→c goes when a kept edge a→b has |ab| < |ac| and |bc| < |ac|: c is reached through b.

    Args:
        points: float [N, D].
        vertex: a.
        candidates: int64, possible ends.
    """
    distances = _squared(points, vertex, candidates)
    kept: list[int] = []
    for position in np.lexsort((candidates, distances)):
        end, length = int(candidates[position]), distances[position]
        before = np.array(kept, dtype=np.int64)
        shorter = _squared(points, vertex, before) < length
        if not (shorter & (_squared(points, end, before) < length)).any():
            kept.append(end)
    return kept


class FanngGraph:
    """A directed graph in which greedy walks between random vertices arrive.

    Walks between random pairs are tried; where one gets stuck, an edge to its target is added, edges that it
    occludes are taken out and their ends connected anew by the same routine. This goes on until 98 % arrive.

    Args:
        points: float [N, D].
        generator: of the pairs.
        arriving: share of the walks of a round that must arrive.
        rounds: at most, of N walks in both directions each.

    Attributes:
        edges: for each vertex the ends of its edges, int64.
    """

    def __init__(
        self, points: np.ndarray, generator: np.random.Generator, arriving: float = 0.98, rounds: int = 200
    ) -> None:
        self.points = points.astype(np.float64)
        self.edges = [np.empty(0, dtype=np.int64) for _ in points]
        for _ in range(rounds):
            pairs = _pairs(len(points), generator)
            arrived = [self._connect(int(start), int(end)) for start, end in (*pairs, *pairs[:, ::-1])]
            if not arrived or np.mean(arrived) >= arriving:
                break

    def search(self, vertex: int, count: int, expansions: int) -> np.ndarray:
        """The nearest vertices seen in a search with backtracking from a vertex itself, int64 [count], -1 for none.

        Args:
            vertex: the query, which is among the results.
            count: results wanted.
            expansions: vertices whose edges are followed, best first.
        """
        seen = {vertex: 0.0}
        frontier = [(0.0, vertex)]
        for _ in range(max(expansions, count)):
            if not frontier:
                break
            ends = self.edges[heapq.heappop(frontier)[1]]
            fresh = np.array([end for end in ends.tolist() if end not in seen], dtype=np.int64)
            for end, distance in zip(fresh.tolist(), _squared(self.points, vertex, fresh).tolist(), strict=True):
                seen[end] = distance
                heapq.heappush(frontier, (distance, end))
        best = sorted(seen, key=lambda row: (seen[row], row))[:count]
        return np.array(best + [-1] * (count - len(best)), dtype=np.int64)

    def _connect(self, start: int, end: int) -> bool:
        """Walk; where it gets stuck, add an edge and connect the ends of those it occludes. Whether it arrived."""
        waiting = [(start, end)]
        arrived = True
        while waiting:
            here, there = waiting.pop()
            stuck = self._walk(here, there)
            if stuck is None:
                continue
            arrived = False
            ends = np.append(self.edges[stuck], there)
            kept = unoccluded(self.points, stuck, ends)
            self.edges[stuck] = np.array(kept, dtype=np.int64)
            waiting += [(stuck, lost) for lost in ends.tolist() if lost not in kept and lost != there]
        return arrived

    def _walk(self, here: int, there: int) -> int | None:
        """Greedy walk; the vertex where it gets stuck, or None where it reaches the target or a point like it."""
        left = float(_squared(self.points, there, np.array([here]))[0])
        while left > 0:
            ends = self.edges[here]
            distances = _squared(self.points, there, ends)
            if not len(ends) or distances.min() >= left:
                return here
            here, left = int(ends[distances.argmin()]), float(distances.min())
        return None


def _pairs(count: int, generator: np.random.Generator) -> np.ndarray:
    """Pairs of different vertices: all of few, or as many random ones as there are vertices."""
    if count * (count - 1) <= 4096:
        first, second = np.triu_indices(count, 1)
        return generator.permutation(np.stack([first, second], axis=1))
    first = generator.integers(count, size=count)
    return np.stack([first, (first + generator.integers(1, count, size=count)) % count], axis=1)


def _squared(points: np.ndarray, vertex: int, ends: np.ndarray) -> np.ndarray:
    difference = points[ends] - points[vertex]
    return np.einsum("ed,ed->e", difference, difference)
