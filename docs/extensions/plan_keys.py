"""Every key of a plan as definition lists, from the JSON schema that the package has for editors (``make schema``).

A page asks for a part by a comment that a code host does not show: ``<!-- keys: plan -->``.
"""

import json
import re
from importlib.resources import files
from typing import Any

from sphinx.application import Sphinx

__all__ = ["KeysOfPlans", "setup"]

ASKED = re.compile(r"<!-- keys: (\w+) -->")
SECTIONS = ("Training", "Batch", "Augmentation", "Evaluation", "Tuning")
BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
WORDS = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false", "null": "none"}
Schema = dict[str, Any]


class KeysOfPlans:
    """Markdown of the keys, by part: ``plan``, ``datasets``, ``backbones``, ``methods``.

    Args:
        schema: JSON schema of a plan.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema, self.models = schema, schema["$defs"]
        properties = schema["properties"]
        (run,) = properties["runs"]["patternProperties"].values()
        self.named = {
            part: {name: link.rpartition("/")[2] for name, link in union["discriminator"]["mapping"].items()}
            for part, union in (
                ("datasets", properties["dataset"]),
                ("backbones", properties["backbone"]),
                ("methods", run),
            )
        }
        self.told = {*SECTIONS, *(model for part in self.named.values() for model in part.values())}

    def part(self, name: str) -> str:
        """The Markdown of one part."""
        if name == "plan":
            inner = [self._section(model, self._title(model), self.models[model]) for model in SECTIONS]
            return "\n".join([self._keys(self.schema), *inner])
        models = self.named[name]
        shared = self._shared(list(models.values()))
        head = f"## Of all of them\n\n{self._keys({'properties': shared})}" if shared else ""
        kept = {model: self._without(self.models[model], shared) for model in models.values()}
        return "\n".join([head, *(self._section(model, f"`{key}`", kept[model]) for key, model in models.items())])

    def _shared(self, models: list[str]) -> Schema:
        first, *others = ({**self.models[model]["properties"]} for model in models)
        return {key: value for key, value in first.items() if all(value == one.get(key) for one in others)}

    def _without(self, model: Schema, keys: Schema) -> Schema:
        return {**model, "properties": {key: one for key, one in model["properties"].items() if key not in keys}}

    def _section(self, name: str, title: str, model: Schema) -> str:
        return f"({_anchor(name)})=\n## {title}\n\n{_text(model.get('description'))}\n\n{self._keys(model)}"

    def _keys(self, model: Schema) -> str:
        required = model.get("required", ())
        items = ((key, one) for key, one in model["properties"].items() if "const" not in one)
        return "\n".join(
            f"`{key}` · {self._kind(one)}{_default(one, key in required)}\n: {_text(one.get('description'), '  ')}\n"
            for key, one in items
        )

    def _kind(self, one: Schema) -> str:
        """What a value may be, in words."""
        if "$ref" in one:
            return self._model(one["$ref"].rpartition("/")[2])
        if "discriminator" in one:
            return ", ".join(self._model(link.rpartition("/")[2]) for link in one["discriminator"]["mapping"].values())
        if choices := one.get("anyOf") or one.get("oneOf"):
            return " or ".join(dict.fromkeys(map(self._kind, choices)))
        if "enum" in one or "const" in one:
            return " or ".join(f"`{value}`" for value in one.get("enum", [one.get("const")]))
        bounds = ", ".join(f"{sign} {_number(one[key])}" for key, sign in BOUNDS.items() if key in one)
        match one.get("type"):
            case "array" if "prefixItems" in one:
                return "list of " + ", ".join(map(self._kind, one["prefixItems"]))
            case "array":
                return f"list, each {self._kind(one.get('items', {}))}"
            case "object":
                values = one.get("additionalProperties") or next(iter(one.get("patternProperties", {}).values()), {})
                return f"names, each with {self._kind(values)}" if values else "mapping"
            case kind:
                return " ".join(filter(None, [WORDS.get(kind or "", "any value"), bounds]))

    def _model(self, name: str) -> str:
        base = name.removesuffix("Overrides")
        if base not in self.told:
            inner = (f"`{key}` ({self._kind(one)})" for key, one in self.models[base]["properties"].items())
            return f"keys {', '.join(inner)}"
        return f"{'keys of ' if base != name else ''}[{self._title(base)}](#{_anchor(base)})"

    def _title(self, model: str) -> str:
        names = [key for part in self.named.values() for key, one in part.items() if one == model]
        return f"`{names[0]}`" if names else model.lower()


def _anchor(model: str) -> str:
    return f"keys-{model.lower()}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _default(one: Schema, required: bool) -> str:
    if required:
        return " · must be given"
    value = one.get("default")
    if value is None or isinstance(value, dict):
        return ""
    return f" · default `{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}`"


def _text(docstring: str | None, indent: str = "") -> str:
    """A docstring as Markdown: what would be markup outside its code spans is text."""
    pieces = re.split(r"(``.+?``|`.+?`)", docstring or "—")
    shown = "".join(piece if piece[:1] == "`" else re.sub(r"([<*\[\]])", r"\\\1", piece) for piece in pieces)
    return shown.replace("\n", f"\n{indent}")


def _add_keys(app: Sphinx, page: str, content: list[str]) -> None:
    if ASKED.search(content[0]):
        keys = KeysOfPlans(json.loads(files("hardmine.settings").joinpath("plan.schema.json").read_text("utf-8")))
        content[0] = ASKED.sub(lambda found: keys.part(found[1]), content[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the keys added where a page asks for them."""
    app.connect("source-read", _add_keys)
    return {"parallel_read_safe": True}
