"""The docs site: ``make docs`` writes it to ``build/site``.

The pages are plain Markdown that a code host shows as it is; what the site adds stands in ``extensions/``.
"""

import logging
import os
import sys
from pathlib import Path

import hardmine

sys.path.insert(0, str(Path(__file__).parent / "extensions"))
logging.getLogger("faiss").setLevel(logging.WARNING)

REPOSITORY = os.environ.get("HARDMINE_REPOSITORY", "")
"""Address of the project on a code host, without a slash at its end.

Links out of docs/ lead there, and into the checkout where it is empty. The hosted build gives its own repository's.
"""

project = "hardmine"
author = "The hardmine contributors"
version = release = hardmine.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "grouped_index", "outside_links", "plan_keys"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["kept", "extensions"]
repository = REPOSITORY

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
nb_execution_mode = "off"
highlight_language = "text"
smartquotes_action = "D"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
add_module_names = False
napoleon_numpy_docstring = False

nitpicky = True
# What other libraries define: their indexes are not fetched, so that a build asks no server for anything.
# Attributes that are there for the package itself.
nitpick_ignore = [("py:class", f"hardmine.search.{name}") for name in ("state.IndexState", "copies.Copies")]
nitpick_ignore_regex = [("py:.*", r"(torch|np|numpy|PIL|pathlib|collections|pydantic)\..*")]

html_theme = "furo"
html_title = "hardmine"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
if REPOSITORY:
    html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": "docs/"}
