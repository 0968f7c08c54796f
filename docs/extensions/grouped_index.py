"""The site's contents from the lists of links on the index page: each of its headings is a group of the sidebar."""

import re

from sphinx.application import Sphinx

__all__ = ["contents_of", "setup"]


def contents_of(index: str) -> str:
    """Hidden tables of contents, one a heading of the page, with the pages that its list links to.

    Args:
        index: Markdown with headings ``## …`` and lists whose items begin with a link to a page.
    """
    tables = []
    for group in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        title = group.partition("\n")[0]
        pages = re.findall(r"^\* \[[^\]]+\]\((?!\.\./|https?:)([^)#]+)\.(?:md|ipynb)\)", group, re.MULTILINE)
        if pages:
            tables.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```", ""]))
    return "\n".join(tables)


def _add_contents(app: Sphinx, page: str, content: list[str]) -> None:
    if page == app.config.root_doc:
        content[0] += "\n" + contents_of(content[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the index page's contents added when it is read."""
    app.connect("source-read", _add_contents)
    return {"parallel_read_safe": True}
