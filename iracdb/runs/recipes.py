"""Recipes: named, versioned sets of measuring parameters. A run's options override single ones."""

from __future__ import annotations

from dataclasses import dataclass

from iracdb.errors import UsageError
from iracdb.irac.handbook import Radii


@dataclass(frozen=True)
class Recipe:
    """A named set of measuring parameters.

    Parameters
    ----------
    name : str
        As typed after ``--recipe``.
    version : int
        Raised when what it means changes; a run records it.
    radii : tuple of float
        Source radius and annulus, pixels.
    centre, sky : str
        Names of implementations in `iracdb.photometry`.
    engine : str
        What gives the response.
    response : str
        Whose response: one of `iracdb.photometry.correction.TABLES`.
    rejection, pairing : str
        Names of implementations in `iracdb.photometry`.
    bounds : {'edges', 'indices'}
        What the annulus must stay within: see `iracdb.photometry.aperture.Aperture`.
    grouping : {'like', 'all'}
        Whether an AOR's average is of like frames only, or of all its frames.
    sentence : str
        What it is for.
    """

    name: str
    version: int
    radii: Radii
    centre: str
    sky: str
    engine: str
    response: str
    rejection: str
    pairing: str
    bounds: str
    grouping: str
    sentence: str


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="manual",
            version=1,
            radii=(10.0, 12.0, 20.0),
            centre="gaussian",
            sky="mean",
            engine="native",
            response="auto",
            rejection="minmax",
            pairing="image",
            bounds="edges",
            grouping="like",
            sentence="What the manual of the original pipeline promises, done right.",
        ),
        Recipe(
            name="published-2018",
            version=1,
            radii=(10.0, 12.0, 20.0),
            centre="gaussian",
            sky="mean",
            engine="native",
            response="auto",
            rejection="published",
            pairing="stripped",
            bounds="indices",
            grouping="all",
            sentence="What the original's code really did, its known issues included.",
        ),
    )
}


def recipe_named(name: str) -> Recipe:
    """Find a recipe.

    Parameters
    ----------
    name : str
        As typed.

    Returns
    -------
    Recipe
        The recipe of that name.

    Raises
    ------
    UsageError
        Where there is none; the message lists those that are.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UsageError(
            f"There is no recipe {name!r}; there is {', '.join(sorted(RECIPES))}"
        ) from None
