"""How a method, a data set or a family of networks is found by its name: from a table here or from another package."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hardmine.errors import UserError

__all__ = ["Descriptor", "Door"]


@dataclass(frozen=True)
class Descriptor:
    """What stands behind a name, as import strings (``package.module:attribute``), followed only when it is needed.

    Attributes:
        settings: the settings model; importing it must not import torch.
        implementation: of a method its class; of a data set the module with ``download`` and ``listing``; of a family
            of networks a function of settings, channels and image size.
        figures: of a method that draws itself a mapping from the names in its settings' ``diagnostics`` to functions
            of a ``hardmine.plotting.Report``.
        search: of a method with keys worth tuning its ``hardmine.settings.search.Search``.
    """

    settings: str
    implementation: str
    figures: str = ""
    search: str = ""


class Door:
    """All descriptors of one kind.

    Those of this package stand in a table, so that a checkout or a copy on the path has them without being installed;
    those of others come from the entry points of a group: the entry's name is the method's, its value is a
    ``Descriptor``.

    Args:
        kind: what a name stands for, in messages.
        group: of the entry points.
        table: the descriptors of this package.
    """

    def __init__(self, kind: str, group: str, table: Mapping[str, Descriptor]) -> None:
        self.kind, self.group, self.table = kind, group, table

    @cached_property
    def _foreign(self) -> dict[str, list[EntryPoint]]:
        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=self.group):
            if entry.value not in {known.value for known in found.setdefault(entry.name, [])}:
                found[entry.name].append(entry)
        return found

    def __iter__(self) -> Iterator[str]:
        """All names, those of this package first."""
        yield from self.table
        yield from (name for name in self._foreign if name not in self.table)

    def __contains__(self, name: object) -> bool:
        return name in self.table or name in self._foreign

    def packages(self, name: str) -> tuple[str, ...]:
        """The distribution that brings a name; none for this package's own."""
        if name in self.table:
            return ()
        found = self._entry(name).dist
        return (found.name,) if found else ()

    def settings(self, name: str) -> Any:
        """The settings model of a name.

        Raises:
            UserError: two packages claim the name, or what it names cannot be imported.
        """
        return self._follow(name, lambda found: found.settings)

    def implementation(self, name: str) -> Any:
        """What does the work under a name.

        Raises:
            UserError: as ``settings``.
        """
        return self._follow(name, lambda found: found.implementation)

    def figures(self, name: str) -> Mapping[str, Callable[[Any], None]]:
        """The figures of a method's own, by name.

        Raises:
            UserError: as ``settings``.
        """
        return self._follow(name, lambda found: found.figures) if self._descriptor(name).figures else {}

    def search(self, name: str) -> Any:
        """What tuning needs to know of a method: its class of searches, or the one without keys of its own.

        Raises:
            UserError: as ``settings``.
        """
        return self._follow(name, lambda found: found.search or "hardmine.settings.search:Search")

    def code(self, name: str, figures: bool = False) -> tuple[str, ...]:
        """What stands behind a name, for ``artefacts.code_of``: settings and implementation, or the figures alone.

        Raises:
            UserError: as ``settings``.
        """
        found = self._descriptor(name)
        if figures:  # their docstrings are captions
            return (f"!{found.figures}",) if found.figures else ()
        return (found.settings, found.implementation)

    def probe(self, name: str) -> None:
        """Import all that stands behind a name of another package; this package's own names cost nothing.

        Raises:
            UserError: as ``settings``.
        """
        if name not in self.table:
            self.settings(name)
            self.implementation(name)
            self.figures(name)
            self.search(name)

    def _entry(self, name: str) -> EntryPoint:
        claims = self._foreign[name]
        if len(claims) > 1:
            raise UserError(
                f"{self.kind} '{name}': {' and '.join(map(_distribution, claims))} both bring one of this name. "
                "Uninstall one of them."
            )
        return claims[0]

    def _descriptor(self, name: str) -> Descriptor:
        if name in self.table:
            if name in self._foreign:
                raise UserError(
                    f"{self.kind} '{name}': {_distribution(self._foreign[name][0])} brings one too, but the name is "
                    "taken by hardmine's own. Uninstall that package, or have it use another name."
                )
            return self.table[name]
        entry = self._entry(name)
        found = self._guarded(name, entry.load)
        if not isinstance(found, Descriptor):
            raise UserError(f"{self._culprit(name)}: {entry.value} is no hardmine.doors.Descriptor.")
        return found

    def _follow(self, name: str, part: Callable[[Descriptor], str]) -> Any:
        place = part(self._descriptor(name))
        module, _, attribute = place.partition(":")

        def follow() -> Any:
            found = import_module(module)
            return getattr(found, attribute) if attribute else found

        return follow() if name in self.table else self._guarded(name, follow)

    def _guarded(self, name: str, load: Callable[[], Any]) -> Any:
        """What ``load`` gives; whatever another package raises is one line that names it."""
        try:
            return load()
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(f"{self._culprit(name)}: cannot be imported ({reason}).") from error

    def _culprit(self, name: str) -> str:
        return f"{self.kind} '{name}' of {_distribution(self._entry(name))}"


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
