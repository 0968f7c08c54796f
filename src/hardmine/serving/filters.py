"""Folders and classes of an index, from the paths of its images, which ascend: each is one stretch of rows."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

__all__ = ["classes_of", "folders_of", "rows_of", "suggested"]


def folders_of(paths: Sequence[str]) -> list[str]:
    """Every folder with an image in it or below it, with ``/`` at its end, ascending."""
    found: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in paths} - {""}:
        while folder and f"{folder}/" not in found:
            found.add(f"{folder}/")
            folder = folder.rpartition("/")[0]
    return sorted(found)


def classes_of(folders: Sequence[str]) -> list[str]:
    """The first folders of paths, which are the classes where each has a folder."""
    return [folder[:-1] for folder in folders if folder.index("/") == len(folder) - 1]


def rows_of(paths: Sequence[str], label: str = "", start: str = "") -> range | None:
    """The rows of a class whose paths begin as wanted.

    Args:
        paths: ascending.
        label: the first folder, any if empty.
        start: of the path, such as ``apple/2024``; any if empty.

    Returns:
        One stretch of rows, perhaps an empty one; None where nothing is asked for.
    """
    wishes = [f"{label}/"] * bool(label) + [start] * bool(start)
    if not wishes:
        return None
    stretches = [_stretch(paths, wish) for wish in wishes]
    first = max(stretch.start for stretch in stretches)
    return range(first, max(first, min(stretch.stop for stretch in stretches)))


def suggested(names: Sequence[str], text: str, most: int) -> list[str]:
    """The names that begin with a text, then those that have it elsewhere, in any letters; ``most`` at most."""
    wanted = text.casefold()
    folded = [(name, name.casefold()) for name in names]
    begin = [name for name, small in folded if small.startswith(wanted)]
    within = [name for name, small in folded if wanted in small and not small.startswith(wanted)]
    return (begin + within)[:most]


def _stretch(paths: Sequence[str], start: str) -> range:
    def key(path: str) -> str:
        return path[: len(start)]

    return range(bisect_left(paths, start, key=key), bisect_right(paths, start, key=key))
