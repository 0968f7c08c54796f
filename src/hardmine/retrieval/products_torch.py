"""Blocks of distances on a device of torch; float32 throughout, without TF32."""

import numpy as np
import torch

from hardmine.errors import UserError

__all__ = ["DeviceDistances", "on_device"]


def on_device(gallery: np.ndarray, norms: np.ndarray, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The gallery [G, D] and its squared norms [G] on the device.

    Raises:
        UserError: there is no such device.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        return torch.from_numpy(gallery).to(device), torch.from_numpy(norms).to(device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {device}: not usable here ({str(error).splitlines()[0]}).") from None


class DeviceDistances:
    """``hardmine.retrieval.products.Distances`` on a device."""

    def __init__(self, queries: np.ndarray, gallery: torch.Tensor, norms: torch.Tensor, own: np.ndarray | None) -> None:
        rows = torch.from_numpy(np.ascontiguousarray(-2 * queries)).to(gallery.device)
        self._rough = (rows @ gallery.T).add_(norms)
        if own is not None:
            known = np.flatnonzero(own >= 0)
            self._rough[torch.from_numpy(known), torch.from_numpy(own[known])] = torch.inf

    def at_least(self, count: int) -> np.ndarray:
        """The count-th smallest distance of each query; float32 [b]."""
        return self._rough.kthvalue(count, dim=1).values.cpu().numpy()

    def up_to(self, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queries, gallery rows and distances of all pairs up to the query's limit."""
        places = (self._rough <= self._like(limits)[:, None]).nonzero(as_tuple=True)
        owners, rows = (place.cpu().numpy() for place in places)
        return owners, rows, self._rough[places].cpu().numpy()

    def counts(self, owners: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each entry, distances of query ``owners`` below ``low`` and up to ``high``."""
        below, upto = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for start in range(0, len(owners), 1024):
            part = slice(start, start + 1024)
            rows = self._rough[torch.from_numpy(owners[part]).to(self._rough.device)]
            below.append((rows < self._like(low[part])[:, None]).sum(dim=1).cpu().numpy())
            upto.append((rows <= self._like(high[part])[:, None]).sum(dim=1).cpu().numpy())
        return np.concatenate(below), np.concatenate(upto)

    def between(self, owner: int, low: float, high: float) -> np.ndarray:
        """Gallery rows with ``low`` ≤ distance ≤ ``high`` for one query, ascending."""
        row = self._rough[owner]
        return ((row >= float(low)) & (row <= float(high))).nonzero()[:, 0].cpu().numpy()

    def _like(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self._rough.device)
