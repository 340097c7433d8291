"""What the documentation takes from the server: the addresses in serving.md."""

from __future__ import annotations

from table_pages import put_between

from iracdb.web.addresses import PAGES

BEGIN = "<!-- addresses: written by docs/generate.py -->\n"
END = "<!-- end of addresses -->\n"


def addresses_list() -> str:
    """Write the list of addresses in serving.md.

    Returns
    -------
    str
        A markdown table: address, what it does, and the address of the same as JSON.
    """
    lines = ["| address | what it does | as JSON |", "| --- | --- | --- |"]
    for page in PAGES:
        ending = "" if page.raw else f"`{page.json_path}.json`"
        sentence = page.sentence.rstrip(".").replace("``", "`")
        lines.append(f"| `{page.path}` | {sentence} | {ending} |")
    return "\n".join(lines) + "\n"


def serving_page(text: str) -> str:
    """Put the list of addresses into serving.md.

    Parameters
    ----------
    text : str
        The page as it is.

    Returns
    -------
    str
        The page as it ought to be.
    """
    return put_between(text, BEGIN, addresses_list(), END)
