"""How the pages become a site: ``make docs``.

The source is the repository itself, so that a link leads to the same place in the site as on a
page of the repository. Every page is reached from the index, README.md: what that links to, and
what commands.md links to, is the site's table of contents, and a page that neither names is an
error. Nothing is fetched, neither for building the site nor for reading it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

_project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _project["name"]
release = version = _project["version"]
author = _project["authors"][0]["name"]
project_copyright = author
language = "en_GB"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "docs/README"
include_patterns = ["README.md", "CHANGELOG.md", "docs/**", "benchmarks/README.md"]
exclude_patterns = [".*", "cli", "demo", "docs/_build", "iracdb", "migrations", "tests"]

# The titles' anchors are those that a page of the repository has.
myst_heading_anchors = 4
nitpicky = True
# Only colours are lost: of a command that goes on in a second line, the colourer sees the first.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"{project} {version}"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

_CONTENTS = ("docs/README", "docs/commands")
_LINK = re.compile(r"^(?:\| |- )\[[^\]]*\]\(([\w./-]+)\.md\)", re.MULTILINE)
_FIRST_PAGE = """\
<!doctype html>
<html lang="en-GB">
<title>iracdb</title>
<meta http-equiv="refresh" content="0; url=docs/README.html">
<a href="docs/README.html">The documentation</a>
</html>
"""


def add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Append the table of contents that a page's own list of links is.

    Parameters
    ----------
    _app : sphinx.application.Sphinx
        Not needed.
    page : str
        The page that was read.
    source : list of str
        Its text, the only item, which is changed.
    """
    if page in _CONTENTS:
        names = dict.fromkeys(_LINK.findall(source[0]))
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"


def add_first_page(app: Sphinx, problem: Exception | None) -> None:
    """Write the page that a reader of the folder comes to, which leads to the index.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        What has built the site.
    problem : Exception or None
        What made it fail.
    """
    if problem is None and app.builder.name == "html":
        (Path(app.outdir) / "index.html").write_text(_FIRST_PAGE, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what is done here.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        What builds the site.

    Returns
    -------
    dict
        That pages may be read side by side.
    """
    app.connect("source-read", add_contents)
    app.connect("build-finished", add_first_page)
    return {"parallel_read_safe": True}
