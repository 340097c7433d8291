"""Write what the documentation takes from the program, and remove what it no longer takes.

These are commands.md and the pages of the commands, data-model.md with its drawing, the tables of
database.md and the addresses of serving.md. Run ``python docs/generate.py`` after a command's help,
a table's comment, an address or a page that shows a command has changed. Whether it was run is
tested.
"""

from __future__ import annotations

from pathlib import Path

from address_pages import serving_page
from command_pages import pages
from diagram import drawing
from table_pages import data_model_page, database_page

from iracdb.catalogue.tables import metadata

DOCS = Path(__file__).parent


def generated() -> dict[str, str]:
    """Make every file that is generated.

    Returns
    -------
    dict
        Text by the name of the file, in the folder of the documentation.
    """
    database = (DOCS / "database.md").read_text(encoding="utf-8")
    serving = (DOCS / "serving.md").read_text(encoding="utf-8")
    return {
        "serving.md": serving_page(serving),
        "database.md": database_page(database),
        "data-model.md": data_model_page(),
        "data-model.svg": drawing(metadata),
        **pages(),
    }


def left_over(files: dict[str, str]) -> list[Path]:
    """List the pages of commands that are no more.

    Parameters
    ----------
    files : dict
        From `generated`.

    Returns
    -------
    list of pathlib.Path
        Sorted.
    """
    there = sorted((DOCS / "commands").glob("*.md"))
    return [path for path in there if path.relative_to(DOCS).as_posix() not in files]


def main() -> None:
    """Write every file."""
    files = generated()
    (DOCS / "commands").mkdir(exist_ok=True)
    for name, text in files.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    for path in left_over(files):
        path.unlink()


if __name__ == "__main__":
    main()
