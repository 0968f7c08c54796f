"""Links from pages to files outside docs/: to the repository, or into the checkout where no address is named."""

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

__all__ = ["OutsideLinks", "setup"]


class OutsideLinks(SphinxTransform):
    """Takes over, before they are resolved, the links that lead to what exists in the project and is no page."""

    default_priority = 200

    def apply(self, **options: Any) -> None:
        """Put plain references in the place of such links."""
        links = [*self.document.findall(addnodes.pending_xref), *self.document.findall(addnodes.download_reference)]
        for link in links:
            path = self._outside(link) if link.get("reftype") == "myst" else None
            if path is not None:
                link.replace_self(nodes.reference("", "", *link.children, refuri=self._address(path), internal=False))

    def _outside(self, link: nodes.Element) -> Path | None:
        """What a link leads to, if it exists and no page of the site is made of it."""
        target = link["reftarget"]
        if not target or target in self.env.found_docs:
            return None
        if link.get("refdomain") == "doc":  # Markdown beside docs/: its whole path without the ending
            path = Path(self.env.doc2path(target))
        else:
            path = Path(self.env.doc2path(self.env.docname)).parent / target.partition("#")[0]
        return path.resolve() if path.exists() else None

    def _address(self, path: Path) -> str:
        repository = self.config.repository
        if repository:
            kind = "tree" if path.is_dir() else "blob"
            return f"{repository}/{kind}/main/{path.relative_to(Path(self.env.srcdir).resolve().parent).as_posix()}"
        page = Path(self.app.outdir) / self.app.builder.get_target_uri(self.env.docname)
        return Path(os.path.relpath(path, page.resolve().parent)).as_posix()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform and the address of the repository."""
    app.add_config_value("repository", "", "env", types=[str])
    app.add_transform(OutsideLinks)
    return {"parallel_read_safe": True}
