"""A page as one HTML file: every value escaped, nothing asked of any other place."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from iracdb.report.page_parts import Page

_TEMPLATE = "page.html.j2"


def page_html(page: Page) -> str:
    """Write a page as HTML.

    Parameters
    ----------
    page : Page
        From `iracdb.report.page.gather_page`.

    Returns
    -------
    str
        A whole file, which needs no other; the same for the same page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    surroundings = Environment(
        loader=PackageLoader("iracdb.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = {name: _own(f"page.{name}") for name in ("css", "js")}
    return surroundings.get_template(_TEMPLATE).render(
        page=page,
        style=Markup(own["css"]),  # noqa: S704
        script=Markup(own["js"]),  # noqa: S704
        policy=(
            "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
            f"style-src '{_digest(own['css'])}'; script-src '{_digest(own['js'])}'"
        ),
    )


def _own(name: str) -> str:
    """Read a file that belongs to the program."""
    return (files("iracdb.report") / "templates" / name).read_text(encoding="utf-8").strip()


def _digest(text: str) -> str:
    """Name a text by its hash, as a Content-Security-Policy does."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def visible(value: Any) -> Any:
    r"""Take the sting out of characters that are not seen, and may turn a line around.

    Parameters
    ----------
    value : object
        What is written.

    Returns
    -------
    object
        Texts with each such character as ``\u`` and its number; all else as it is.
    """
    if not isinstance(value, str):
        return value
    return "".join(
        one if one.isprintable() or one in "\n\t" else f"\\u{ord(one):04x}" for one in value
    )
