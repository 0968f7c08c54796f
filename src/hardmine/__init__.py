"""Hard example mining for deep metric learning: tested, fast, reproducible."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardmine.search.model import EmbeddingModel

    __version__: str

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> str:
    """``__version__``: of the installed package."""
    if name != "__version__":
        raise AttributeError(f"module 'hardmine' has no attribute '{name}'")
    from hardmine.installing import installed_version

    return installed_version()


def load(folder: str | Path, device: str = "auto", threads: int | None = None) -> "EmbeddingModel":
    """Load a trained model for use.

    Args:
        folder: what ``hardmine export`` wrote, or a trained artefact inside its project, such as
            ``models/glyphs/hdc/seed0``.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:<n>``.
        threads: of decoding and, on the CPU, of the network; all processors that this process may use unless given.

    Raises:
        UserError: the folder holds no model, one from a newer version, or one whose files do not fit together.
    """
    from hardmine.search.model import load_model

    return load_model(Path(folder), device, threads)
