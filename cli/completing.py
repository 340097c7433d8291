"""What the shell may offer after TAB: runs of the catalogue, and names of recipes.

Nothing here may fail, print or make a database: whoever types is in the middle of a word.
"""

from __future__ import annotations

import contextlib

import click
from click.shell_completion import CompletionItem

from .options import DB


def run_names(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the runs of the catalogue that the command is about.

    Parameters
    ----------
    context : click.Context
        Of the command, as far as it is typed.
    _parameter : click.Parameter
        The argument.
    incomplete : str
        What is typed of it.

    Returns
    -------
    list of CompletionItem
        Names, whatever their case; numbers once a digit is typed.
    """
    from iracdb.catalogue.glance import runs_at_a_glance

    held = runs_at_a_glance(context.meta.get(DB))
    if incomplete.isdigit():
        return [
            CompletionItem(str(number), help=name)
            for number, name in held
            if str(number).startswith(incomplete)
        ]
    return [
        CompletionItem(name, help=f"run {number}")
        for number, name in held
        if name.lower().startswith(incomplete.lower())
    ]


def recipe_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the recipes.

    Parameters
    ----------
    _context : click.Context
        Of the command, as far as it is typed.
    _parameter : click.Parameter
        The option.
    incomplete : str
        What is typed of it.

    Returns
    -------
    list of CompletionItem
        Their names.
    """
    with contextlib.suppress(ImportError):
        from iracdb.runs.recipes import RECIPES

        return [CompletionItem(name) for name in RECIPES if name.startswith(incomplete)]
    return []
