"""What of a Python file can change a result: its syntax tree without words for people, and the names it imports.

Equal under Python 3.11 to 3.13: the walk is of our own, over node names and non-empty fields, since ``ast.dump`` shows
the fields that a version of Python knows.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Imported", "Source", "read_source"]

_SILENT_CALLS = frozenset({"print"})
"""Functions whose calls, as statements of their own, speak to people."""


@dataclass(frozen=True)
class Imported:
    """A name that a file imports.

    Attributes:
        level: dots before the module.
        module: ``b.c`` of ``from ..b.c import d``; empty for ``from . import d``.
        name: ``d``; empty for ``import b.c``.
        alias: the name it has in the file.
        typing: whether it is imported for type checkers only.
    """

    level: int
    module: str
    name: str
    alias: str
    typing: bool


@dataclass(frozen=True)
class Source:
    """What counts of a Python file.

    Attributes:
        tree: digest of its syntax tree without docstrings, messages of errors, prints, ``__all__`` and the order of its
            imports; 16 hex digits.
        words: digest of its docstrings, for files whose docstrings are shown; 16 hex digits.
        imports: all names it imports, wherever in the file.
    """

    tree: str
    words: str
    imports: tuple[Imported, ...]


def read_source(content: bytes) -> Source:
    """Read a file's content.

    Raises:
        SyntaxError: it is no Python.
    """
    root = ast.parse(content)
    imports = tuple(_imports(root, typing=False))
    tree = hashlib.sha256()
    for text in _walk(root):
        tree.update(text.encode())
    for line in sorted(f"{i.level} {i.module} {i.name} {i.alias}" for i in imports if not i.typing):
        tree.update(f"|{line}".encode())
    words = hashlib.sha256("\0".join(_docstrings(root)).encode())
    return Source(tree.hexdigest()[:16], words.hexdigest()[:16], imports)


def _walk(node: ast.AST) -> Iterator[str]:
    """The parts of a tree that count, as text."""
    yield f"({type(node).__name__}"
    for field, value in ast.iter_fields(node):
        if isinstance(node, ast.Constant):
            if field == "value":
                yield f" {type(value).__name__} {value!a}"
        elif isinstance(node, ast.Raise | ast.Assert) and field in ("exc", "cause", "msg"):
            yield f" {field} {_raised(value)}" if field == "exc" else ""
        elif isinstance(value, ast.AST):
            yield f" {field}="
            yield from _walk(value)
        elif isinstance(value, list):
            kept = [item for item in value if not _is_silent(item)]
            if kept:
                yield f" {field}=["
                for item in kept:
                    if isinstance(item, ast.AST):
                        yield from _walk(item)
                    else:
                        yield f" {item!a}"
                yield "]"
        elif value is not None and field != "type_comment":
            yield f" {field}={value!a}"
    yield ")"


def _is_silent(node: object) -> bool:
    """Whether a statement cannot change a result: words for people, imports (counted apart), ``__all__``, types."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.If) and _is_typing(node):
        return not node.orelse
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    if isinstance(node, ast.Expr):
        value = node.value
        if isinstance(value, ast.Constant):
            return isinstance(value.value, str)
        return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _SILENT_CALLS
    return False


def _raised(value: ast.AST | None) -> str:
    """The name of what is raised, without its message."""
    called = value.func if isinstance(value, ast.Call) else value
    return ast.unparse(called) if isinstance(called, ast.Name | ast.Attribute) else type(called).__name__


def _is_typing(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(node: ast.AST, typing: bool) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        yield from (Imported(0, name.name, "", name.asname or "", typing) for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        yield from (Imported(node.level, module, n.name, n.asname or n.name, typing) for n in node.names)
    elif isinstance(node, ast.If) and _is_typing(node):
        for statement in node.body:
            yield from _imports(statement, typing=True)
        for statement in node.orelse:
            yield from _imports(statement, typing)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, typing)


def _docstrings(root: ast.Module) -> Iterator[str]:
    for node in ast.walk(root):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
