"""The unit that scores pairs, as third-party code has it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PDDMUnit", "score_matrix"]

BLOCK = 2**16
"""Pairs that are scored together."""


class PDDMUnit(nn.Module):
    """u = |f_i - f_j| and v = (f_i + f_j)/2, each through a layer, ReLU, to length 1; both through another to S.

    S is symmetric and not bounded. A vector of zeros stays one, without gradient.

    Args:
        dimensions: D.
        positioned: whether v is used; else the unit knows differences alone.
    """

    def __init__(self, dimensions: int, positioned: bool = True) -> None:
        super().__init__()
        self.difference = nn.Linear(dimensions, dimensions)
        self.position = nn.Linear(dimensions, dimensions) if positioned else None
        self.joined = nn.Linear(dimensions * (2 if positioned else 1), dimensions)
        self.score = nn.Linear(dimensions, 1)

    def hidden(self, first: Tensor, second: Tensor, place: Tensor | None = None) -> Tensor:
        """What stands below the score, c = relu(W_c·[u'; v'] + b_c), float [p, D].

        Args:
            first: f_i, float [p, D].
            second: f_j, float [p, D].
            place: v, float [p, D], where it is not the pair's own.
        """
        parts = [functional.normalize(torch.relu(self.difference((first - second).abs())), dim=1)]
        if self.position is not None:
            own = (first + second) / 2 if place is None else place
            parts.append(functional.normalize(torch.relu(self.position(own)), dim=1))
        return torch.relu(self.joined(torch.cat(parts, dim=1)))

    def forward(self, first: Tensor, second: Tensor, place: Tensor | None = None) -> Tensor:
        """Scores S of pairs, float [p]; large for pairs taken to be of one class. Arguments as ``hidden`` has them."""
        scores: Tensor = self.score(self.hidden(first, second, place)).squeeze(1)
        return scores

    def matrices(self) -> list[nn.Parameter]:
        """What is decayed: W_u, W_v, W_c, W_s."""
        return [own for own in self.parameters() if own.ndim == 2]


@torch.no_grad()
def score_matrix(unit: PDDMUnit, embeddings: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of all pairs of a batch without gradient, and how much of the unit is dead.

    Args:
        unit: that scores.
        embeddings: float [n, D].
        places: positions [n] whose images stand in for the ends of a pair in v; ``arange`` for the pair itself.

    Returns:
        S, float [n, n], symmetric, 0 on the diagonal; and the share of hidden units that are 0 for every pair.
    """
    first, second = torch.triu_indices(len(embeddings), len(embeddings), 1, device=embeddings.device)
    scores = embeddings.new_zeros(len(embeddings), len(embeddings))
    alive = torch.zeros(unit.joined.out_features, dtype=torch.bool, device=embeddings.device)
    for block in torch.arange(len(first), device=embeddings.device).split(BLOCK):
        left, right = first[block], second[block]
        moved = (embeddings[places[left]] + embeddings[places[right]]) / 2
        hidden = unit.hidden(embeddings[left], embeddings[right], moved)
        scores[left, right] = unit.score(hidden).squeeze(1)
        alive |= (hidden > 0).any(dim=0)
    return scores + scores.T, (~alive).float().mean()
