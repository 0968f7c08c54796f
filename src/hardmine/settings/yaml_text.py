"""YAML that has one meaning: what reads otherwise under YAML 1.1 (Snakemake) and 1.2 (DVC) is refused.

Also refused: a key given twice in one section, where the first would vanish without a word, and texts whose aliases or
size stand for more than any plan holds.
"""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from hardmine.artefacts import read_regular
from hardmine.errors import UserError

__all__ = ["read_yaml"]

LARGEST = 2**20
"""Bytes of a file."""
MOST = 50_000
"""Values of a file, those behind an alias counted at each place."""

_NUMBERS = {
    int: re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]*[0-9][0-9_]*)"),
    float: re.compile(
        r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9_]+([eE][-+][0-9]+)?)"
    ),
}
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Loader(yaml.SafeLoader):
    """PyYAML's, with the refusals above."""

    def get_single_node(self) -> Any:
        root = super().get_single_node()
        if root is not None and _size(root) > MOST:
            raise yaml.constructor.ConstructorError(None, None, f"it stands for more than {MOST:,} values")
        return root

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in seen:
                fault = f"the key '{key.value}' is given twice"
                raise yaml.constructor.ConstructorError(None, None, fault, node.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        value = super().construct_object(node, deep)
        if isinstance(value, str) and _UNUSABLE.search(value):
            fault = "a text holds a null character or half a character"
            raise yaml.constructor.ConstructorError(None, None, fault, node.start_mark)
        if isinstance(value, int) and value.bit_length() > 64:
            raise yaml.constructor.ConstructorError(None, None, "a number has more than 64 bits", node.start_mark)
        if isinstance(node, yaml.ScalarNode) and node.style is None and node.value != "<<":
            other = _newer(node.value)
            if isinstance(value, str) and isinstance(other, int | float) and not isinstance(other, bool):
                return value  # 1e-3: a text here, which settings take as the number that it is there
            if (type(value), value) != (type(other), other) and not _both_nan(value, other) and _plain(value):
                fault = f"{node.value} is {value!r} to Snakemake and {other!r} to DVC; write {_clear(value, other)}"
                raise yaml.constructor.ConstructorError(None, None, fault, node.start_mark)
        return value


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        UserError: the file is missing, too large, no YAML, gives a key twice, or holds a value of two meanings.
    """
    try:
        return yaml.load(read_regular(path, LARGEST).decode("utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text.") from None
    except yaml.constructor.ConstructorError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UserError(f"{path}: {line}{error.problem}.") from None
    except Exception as error:  # PyYAML meets values that their tags deny with whatever its conversions raise
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from None


def _size(root: yaml.Node) -> int:
    """Values of a tree with every alias followed; counted once a node, so that the tree need not be walked whole."""
    sizes: dict[int, int] = {}
    waiting = [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        if ready:
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children)
        elif id(node) not in sizes:
            sizes[id(node)] = MOST + 1  # what holds itself never ends
            waiting.append((node, True))
            waiting += [(child, False) for child in children]
    return sizes[id(root)]


def _newer(text: str) -> Any:
    """What YAML 1.2, as DVC reads it, makes of a plain scalar."""
    if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
        return _WORDS[text.lower()]
    digits = text.replace("_", "")
    if _NUMBERS[int].fullmatch(text):
        prefix = digits.lstrip("+-")[:2]
        return int(digits, {"0b": 2, "0o": 8, "0x": 16}.get(prefix, 10))
    if _NUMBERS[float].fullmatch(text):
        return float(digits)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def _both_nan(first: Any, second: Any) -> bool:
    return isinstance(first, float) and isinstance(second, float) and math.isnan(first) and math.isnan(second)


def _plain(value: Any) -> bool:
    """Whether a value is one that plans have; dates, which both readers know, are refused later as what they are."""
    return value is None or isinstance(value, bool | int | float | str)


def _clear(value: Any, other: Any) -> str:
    """How to write what was meant."""
    if isinstance(value, bool):
        return f'{str(value).lower()}, or "{other}" for the word'
    return f"{other} or {value}" if isinstance(other, int | float) else f'"{other}" for the text, or {value}'
