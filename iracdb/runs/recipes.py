"""Recipes: named, versioned sets of measuring parameters. A run's options override single ones."""

from __future__ import annotations

from dataclasses import dataclass

from iracdb.errors import UsageError
from iracdb.irac.handbook import Radii
from iracdb.layouts import DEFAULT_LAYOUT, OWN_LAYOUT


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
    planes : str
        How subarray cubes are reduced to images: see `iracdb.photometry.planes.Planes`.
    aperture_table : str
        A table of `iracdb.irac.aperture_corrections`.
    mask, uncertainty : bool
        Whether the frames' own masks and uncertainties are read.
    header_marks : bool
        Whether a frame that its header marks as bad is left out.
    mixed_calibration : {'refused', 'allowed'}
        Whether frames of different calibration may be averaged without being asked for.
    layout : str
        Of its tables: a name of `iracdb.layouts.LAYOUTS`.
    cautious : bool
        Whether it tells where centre, aperture and frames are not what its corrections were made
        for.
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
    planes: str = "median 14-63"
    aperture_table: str = "manual"
    mask: bool = False
    uncertainty: bool = False
    header_marks: bool = False
    mixed_calibration: str = "refused"
    layout: str = DEFAULT_LAYOUT
    cautious: bool = False


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
            mixed_calibration="allowed",
            sentence="What the original's code really did, its known issues included.",
        ),
        Recipe(
            name="handbook",
            version=1,
            radii=(3.0, 3.0, 7.0),
            centre="moment",
            sky="mode",
            engine="native",
            response="auto",
            rejection="mad:5",
            pairing="image",
            bounds="edges",
            grouping="like",
            planes="mean 1-56,58-63",
            aperture_table="handbook",
            mask=True,
            uncertainty=True,
            header_marks=True,
            layout=OWN_LAYOUT,
            cautious=True,
            sentence="What the Science Center recommends, for new science.",
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
