"""Which code decides an artefact: what its verb and its method import, name by name, and a digest of each file.

A name taken from a package counts as the module that defines it, so that a package's ``__init__`` pulls nothing in.
Tables that lead from a name to its code are not followed: a job names what stands behind the names it uses.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from hardmine.errors import UserError

from .files import read_regular, replace_text
from .record import LARGEST
from .syntax import Imported, Source, read_source

__all__ = ["LEFT_OUT", "Code", "changed_code", "code_of"]

Code = dict[str, str]
"""Module, or file of a package, to its digest."""

LEFT_OUT: dict[str, str] = {
    "hardmine.artefacts": "keeps records, locks and whole files; what is in them is decided elsewhere",
    "hardmine.cli": "reads the command line; its options reach the job as settings, or decide nothing",
    "hardmine.doors": "looks names up; what stands behind those that a job uses is followed from the job itself",
    "hardmine.errors": "words for people",
    "hardmine.foreign": "how others' names are shown; what lists hold is read back as it was",
    "hardmine.installing": "words for people",
    "hardmine.loading": "when garbage is collected",
    "hardmine.processors": "numbers of threads, which the record holds",
    "hardmine.settings": "its values stand in the job's settings, which are compared on their own; the models of a "
    "named method, data set or family of networks are followed from the job itself",
    "hardmine.verbs": "the verbs' command lines; as hardmine.cli",
    "hardmine.training.checkpoint": "a resumed training gives the bytes of an undisturbed one, which tests hold it to",
    "hardmine.training.notice": "when a training stops to go on later",
    "hardmine.training.progress": "what is said while training",
}
"""Modules and packages that cannot change a result, with the reason; one that a job names itself counts anyway."""

_PACKAGE = Path(__file__).parents[1]
_PYTHON = (".py", ".pyc", ".pyi")
_CACHE = Path("scratch", "code.json")
NAMES = "hardmine.settings/names"
"""Stands in ``Code`` for the import strings themselves: the rows of the tables that a job uses."""
_VERSION = 1
"""Of the cached digests: raised whenever ``syntax`` reads a file otherwise."""


def changed_code(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files that differ between two states of the code, as people name them, sorted."""
    return sorted({_file_name(key) for key in {*then, *now} if then.get(key) != now.get(key)})


def code_of(entries: Sequence[str], fresh: bool = False) -> Code:
    """The files that decide what the entries do, with their digests.

    Args:
        entries: import strings ``package.module:name``; one that starts with ``!`` counts with its docstrings, which
            are shown.
        fresh: read the files as they are now; else those read before in this process are taken as they were.

    Raises:
        UserError: a module is not there, or is no Python.
    """
    if fresh:
        _reader.cache_clear()
    return dict(_reader().code_of(tuple(entries)))


class _Reader:
    """Reads each file once; what it read stands in ``scratch/code.json`` by the file's content."""

    def __init__(self) -> None:
        self.files: dict[str, Path | None] = {}
        self.sources: dict[Path, Source] = {}
        self.edges: dict[str, list[str]] = {}
        self.known = _read_cache()
        self.used: dict[str, Source] = {}
        self.found: dict[tuple[str, ...], Code] = {}
        self.roots: dict[str, Path | None] = {"hardmine": _PACKAGE}

    def code_of(self, entries: tuple[str, ...]) -> Code:
        if entries not in self.found:
            self.found[entries] = self._walk(entries)
            self._keep()
        return self.found[entries]

    def _walk(self, entries: tuple[str, ...]) -> Code:
        if not entries:
            return {}
        digests: Code = {NAMES: hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]}
        shown: set[str] = set()
        waiting = []
        for entry in entries:
            module, _, name = entry.removeprefix("!").partition(":")
            self._own(module.partition(".")[0])
            home = self._home(module, name) if name else module
            if self._file(home) is None:
                raise UserError(f"{entry.removeprefix('!')}: there is no module '{home}'.")
            waiting.append(home)
            shown |= {home} if entry.startswith("!") else set()
        while waiting:
            module = waiting.pop()
            if module in digests:
                continue
            source = self._source(module)
            digests[module] = f"{source.tree}+{source.words}" if module in shown else source.tree
            waiting += self._edges(module, source)
            if any(item.module == "importlib.resources" for item in source.imports):
                digests |= self._files_beside(module)
        return digests

    def _edges(self, module: str, source: Source) -> list[str]:
        if module not in self.edges:
            found = (name for item in source.imports if not item.typing for name in self._modules(module, item))
            self.edges[module] = [name for name in dict.fromkeys(found) if not _left_out(name)]
        return self.edges[module]

    def _modules(self, importer: str, imported: Imported) -> Iterator[str]:
        """The modules of owned packages that an import takes something from."""
        base = self._absolute(importer, imported)
        if self._file(base) is None:
            return
        if not imported.name or imported.name == "*":
            yield base
        else:
            yield self._home(base, imported.name)

    def _home(self, module: str, name: str) -> str:
        """The module that defines a name taken from a module: a submodule, or where a package takes it from."""
        if self._file(f"{module}.{name}") is not None:
            return f"{module}.{name}"
        file = self._file(module)
        if file is not None and file.name == "__init__.py":
            for imported in self._source(module).imports:
                if imported.alias == name and imported.name:
                    base = self._absolute(module, imported)
                    if self._file(base) is not None and base != module:
                        return self._home(base, imported.name)
        return module

    def _absolute(self, importer: str, imported: Imported) -> str:
        if not imported.level:
            return imported.module
        file = self._file(importer)
        parts = importer.split(".")
        drop = imported.level - (1 if file is not None and file.name == "__init__.py" else 0)
        parts = parts[: len(parts) - drop]
        return ".".join([*parts, imported.module] if imported.module else parts)

    def _file(self, module: str) -> Path | None:
        """The file of a module of an owned package: hardmine, or the package that brings one of the entries."""
        if module not in self.files:
            self.files[module] = self._find(module)
        return self.files[module]

    def _find(self, module: str) -> Path | None:
        top, *inner = module.split(".")
        root = self.roots.get(top)
        if root is None:
            return None
        if root.is_file():
            return root if not inner else None
        place = root.joinpath(*inner)
        for file in (place.with_name(f"{place.name}.py") if inner else None, place / "__init__.py"):
            if file is not None and file.is_file():
                return file
        return None

    def _own(self, top: str) -> None:
        """Follow imports from a package of somebody else's too, one that brings a method."""
        if top in self.roots:
            return
        self.files.clear()
        spec = find_spec(top)
        if spec is not None and spec.submodule_search_locations:
            self.roots[top] = Path(next(iter(spec.submodule_search_locations)))
        else:
            self.roots[top] = Path(spec.origin) if spec is not None and spec.origin else None

    def _source(self, module: str) -> Source:
        file = self._file(module)
        assert file is not None
        if file not in self.sources:
            content = file.read_bytes()
            key = hashlib.sha256(content).hexdigest()
            source = self.known.get(key)
            if source is None:
                try:
                    source = read_source(content)
                except (SyntaxError, ValueError) as error:
                    raise UserError(f"{file}: is no valid Python: {error}.") from None
            self.sources[file] = self.used[key] = source
        return self.sources[file]

    def _files_beside(self, module: str) -> Code:
        """Files of a package that are no Python (templates, tables), for a module that reads such files."""
        file = self._file(module)
        assert file is not None
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        beside = (path for path in sorted(file.parent.rglob("*")) if path.is_file() and path.suffix not in _PYTHON)
        return {
            f"{package}/{path.relative_to(file.parent).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for path in beside
        }

    def _keep(self) -> None:
        """Write what was read, where it is news."""
        if not self.used.keys() - self.known.keys():
            return
        self.known |= self.used
        content = {key: [s.tree, s.words, [list(astuple(i)) for i in s.imports]] for key, s in self.known.items()}
        with suppress(OSError):  # without it the files are read again
            replace_text(_CACHE, json.dumps({"version": _VERSION, "sources": content}))


def _read_cache() -> dict[str, Source]:
    try:
        content = json.loads(read_regular(_CACHE, LARGEST))
        if content["version"] != _VERSION:
            return {}
        return {
            key: Source(tree, words, tuple(Imported(*item) for item in imports))
            for key, (tree, words, imports) in content["sources"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, UserError):
        return {}


def _left_out(module: str) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in LEFT_OUT)


def _file_name(key: str) -> str:
    """``hardmine.methods.hdc.loss`` as ``methods/hdc/loss.py``; files that are no modules stand with their package."""
    package, _, file = key.partition("/")
    path = package.replace(".", "/").removeprefix("hardmine/")
    return f"{path}/{file}" if file else f"{path}.py"


@lru_cache(maxsize=1)
def _reader() -> _Reader:
    return _Reader()
