"""Which published weights were trained on pictures of the web at large: what is tested may have been among them."""

__all__ = ["seen_in_pretraining"]

_SOURCES = {
    "pictures of the web with their texts": (
        *("clip", "openai", "laion", "datacomp", "dfn", "siglip", "webli", "pali", "gemma", "merged2b", "cc12m"),
        *("yfcc", "aimv2", "beit3", "florence", "_intern", "_pe_", "qwen", "deepseek"),
    ),
    "pictures gathered from the web without labels": ("lvd", "seer", "radio", "lingbot", "sapiens"),
    "pictures of the web with hashtags or other weak labels": ("jft", "ig1b", "swag", "bamboo"),
    "several data sets in one, pictures of the web among them": ("m30m", "m38m"),
}
"""What parts of timm's names (architecture and tag) say of the training data."""


def seen_in_pretraining(architecture: str) -> str | None:
    """A sentence where the weights that a name of timm stands for saw pictures of the web at large, else None."""
    name = architecture.lower()
    for data, parts in _SOURCES.items():
        if any(part in name for part in parts):
            return f"test classes may have been seen: {architecture} was pretrained on {data}"
    return None
