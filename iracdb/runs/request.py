"""What is asked of a run, as typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iracdb.catalogue.condition_text import parse_condition
from iracdb.catalogue.targets import Motion
from iracdb.errors import UsageError
from iracdb.irac.handbook import PIXEL_SIZE, Radii
from iracdb.irac.mask_bits import parse_bits
from iracdb.irac.names import KINDS
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import centre_named
from iracdb.photometry.correction import TABLES
from iracdb.photometry.planes import WAYS, Planes, parse_planes_list, planes_without
from iracdb.photometry.rejection import parse_rejection
from iracdb.photometry.sky import sky_named
from iracdb.runs.coordinates import motion_of
from iracdb.runs.names import agree
from iracdb.runs.recipes import recipe_named

# What lies beyond is a slip of the hand, and would overflow or vanish in the conversion to mJy.
_LEAST, _MOST = 0.01, 100.0

PIXEL_AREAS = ("nominal", "header")
SPECTRA = ("stellar", "flat")

NO_PLANES = "none"
"""What ``--drop-planes`` says where all planes of a cube are kept."""

SCIENCE_KINDS = tuple(kind.name for kind in KINDS.values() if kind.role == "science")


@dataclass(frozen=True)
class Request:
    """What was asked of a run, as typed; None stands for the recipe's or the obvious.

    Parameters
    ----------
    run_id : int or None
        Its number; by default the next free.
    name : str or None
        Its name; by default ``run<number>``.
    channel : int or None
        By default the only one there is.
    kind : str
        Kind of file to measure.
    wcs : str or None
        Kind of the file of the same frame that gives the coordinate system; by default the
        measured file itself.
    aors : tuple of int
        AORs to measure; empty for all.
    where : tuple of str
        Conditions on frames, all of which must hold; see `iracdb.catalogue.condition_text`.
    recipe : str
        Name of the recipe.
    radius : tuple of float or None
        Source radius, inner and outer radius of the annulus, pixels.
    aperture_correction, pixel_size : float or None
        Override the manual's tables.
    centre, sky : str or None
        Names of implementations in `iracdb.photometry`; by default the recipe's.
    forced : bool
        Whether the aperture is laid where the WCS expects the target, without a fit.
    rejection : str or None
        A rule of `iracdb.photometry.rejection`.
    planes : {'each', 'median', 'mean'} or None
        How subarray cubes are reduced to images.
    drop_planes : str or None
        The planes left out, 0-based, such as ``0,57``; or ``none``.
    mask : bool or None
        Whether each frame's own mask is read; by default the recipe's.
    mask_bits : str or None
        The bits that are fatal, such as ``3,8-14`` or 32520.
    uncertainties, header_marks : bool or None
        Whether uncertainties are read, and frames left out that their headers mark as bad; by
        default the recipe's.
    pixel_area : {'nominal', 'header'}
        Where the pixel's solid angle comes from.
    source_spectrum : {'stellar', 'flat'}
        Of the target: the array-location correction holds for the first.
    colour_correction : float
        K, by which flux densities are divided.
    fluxconv : float or None
        FLUXCONV, MJy/sr per DN/s, to which files of another are rescaled.
    allow_mixed_calibration : bool
        Whether frames of different calibration may be averaged.
    engine : str or None
        What gives the response: ``native``, ``gdl`` or ``idl``.
    response : str or None
        Whose response: one of `iracdb.photometry.correction.TABLES`.
    pixel_phase, array_location : bool
        Which parts of it are applied.
    idl_source, idl_python : path or None
        The IDL routine, and the Python that has mirpyidl, for the engines that need them.
    target, coord : str or None
        One target for all AORs: its name and position.
    pm : tuple of float or None
        Its proper motion, mas/yr: in right ascension times cos(Dec), and in declination.
    parallax, epoch : float or None
        Its parallax, mas, and the Julian year of its position.
    targets : path or None
        Or a list of AORs and positions.
    comment : str or None
        Why the run is made.
    command : str or None
        What was typed, for the log.
    """

    run_id: int | None = None
    name: str | None = None
    channel: int | None = None
    kind: str = "bcd"
    wcs: str | None = None
    aors: tuple[int, ...] = ()
    where: tuple[str, ...] = ()
    recipe: str = "manual"
    radius: Radii | None = None
    aperture_correction: float | None = None
    pixel_size: float | None = None
    centre: str | None = None
    sky: str | None = None
    forced: bool = False
    rejection: str | None = None
    planes: str | None = None
    drop_planes: str | None = None
    mask: bool | None = None
    mask_bits: str | None = None
    uncertainties: bool | None = None
    header_marks: bool | None = None
    pixel_area: str = "nominal"
    source_spectrum: str = "stellar"
    colour_correction: float = 1.0
    fluxconv: float | None = None
    allow_mixed_calibration: bool = False
    engine: str | None = None
    response: str | None = None
    pixel_phase: bool = True
    array_location: bool = True
    idl_source: str | Path | None = None
    idl_python: str | Path | None = None
    target: str | None = None
    coord: str | None = None
    pm: tuple[float, float] | None = None
    parallax: float | None = None
    epoch: float | None = None
    targets: str | Path | None = None
    comment: str | None = None
    command: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse at once what can be seen to be wrong without a database."""
        agree(self.run_id, self.name)
        if self.channel is not None and self.channel not in PIXEL_SIZE:
            raise UsageError(f"IRAC has channels 1 to 4, not {self.channel}")
        for kind, use in ((self.kind, "be measured"), (self.wcs, "give the coordinate system")):
            if kind is not None and kind not in SCIENCE_KINDS:
                raise UsageError(
                    f"{kind!r} is not a kind that can {use}: {', '.join(SCIENCE_KINDS)}"
                )
        if self.response is not None and self.response not in TABLES:
            raise UsageError(
                f"No response is called {self.response!r}; there are: {', '.join(TABLES)}"
            )
        if self.targets is not None and self.coord is not None:
            raise UsageError("Give either one position (coord) or a list (targets), not both")
        if self.coord is None and (self.pm, self.parallax, self.epoch) != (None, None, None):
            raise UsageError(
                "A motion (pm, parallax, epoch) belongs to one position (coord): a list has "
                "columns for it, and RA_REF and DEC_REF follow the star by themselves"
            )
        self.motion()
        self._check_choices()
        for name in ("aperture_correction", "pixel_size", "colour_correction"):
            value = getattr(self, name)
            if value is not None and not _LEAST <= value <= _MOST:
                raise UsageError(
                    f"The {name.replace('_', ' ')} must be from {_LEAST:g} to {_MOST:g}, "
                    f"not {value}"
                )
        for name in ("name", "target", "coord", "comment"):
            _check_text(name, getattr(self, name))
        for condition in self.where:
            _check_text("condition", condition)
            parse_condition(condition)
        recipe_named(self.recipe)
        self.aperture()
        self._find_what_is_named()

    def _check_choices(self) -> None:
        for name, known in (
            ("planes", (None, *WAYS)),
            ("pixel_area", PIXEL_AREAS),
            ("source_spectrum", SPECTRA),
        ):
            if getattr(self, name) not in known:
                shown = ", ".join(str(each) for each in known if each is not None)
                raise UsageError(
                    f"The {name.replace('_', ' ')} cannot be {getattr(self, name)!r}, but {shown}"
                )
        if self.pixel_area == "header" and self.pixel_size is not None:
            raise UsageError("Give either a pixel size or --pixel-area header, not both")
        if self.mask_bits is not None:
            parse_bits(self.mask_bits)
        if self.fluxconv is not None and not 0 < self.fluxconv < _MOST:
            raise UsageError(
                f"FLUXCONV is more than 0 and less than {_MOST:g} MJy/sr per DN/s, "
                f"not {self.fluxconv}"
            )
        self.reduction()

    def reduction(self) -> Planes:
        """Tell how cubes are reduced to images, as asked for or by the recipe.

        Returns
        -------
        Planes
            Checked.
        """
        own = Planes.parse(recipe_named(self.recipe).planes)
        kept = own.kept
        if self.drop_planes is not None:
            none = self.drop_planes.strip() == NO_PLANES
            kept = planes_without(() if none else parse_planes_list(self.drop_planes))
        return Planes(self.planes or own.how, kept)

    def _find_what_is_named(self) -> None:
        for value, find in (
            (self.centre, centre_named),
            (self.sky, sky_named),
            (self.rejection, parse_rejection),
        ):
            if value is not None:
                find(value)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Request:
        """Make a request of loosely typed options.

        Parameters
        ----------
        options : mapping
            By the names of this class.

        Returns
        -------
        Request
            Checked.

        Raises
        ------
        UsageError
            Where an option is wrong.
        """
        values = dict(options)
        if "aors" in values:
            values["aors"] = tuple(int(aorkey) for aorkey in values["aors"])
        where = values.get("where") or ()
        values["where"] = (where,) if isinstance(where, str) else tuple(where)
        if values.get("radius") is not None:
            values["radius"] = tuple(float(length) for length in values["radius"])
        if values.get("pm") is not None:
            values["pm"] = tuple(float(part) for part in values["pm"])
        return cls(**values)

    def motion(self) -> Motion | None:
        """Tell how the one position moves.

        Returns
        -------
        Motion or None
            Checked; None where it does not.
        """
        pm_ra, pm_dec = self.pm or (None, None)
        return motion_of(pm_ra, pm_dec, self.parallax, self.epoch)

    def aperture(self) -> Aperture:
        """Tell the aperture asked for, or the recipe's.

        Returns
        -------
        Aperture
            Checked.
        """
        radii = self.radius if self.radius is not None else recipe_named(self.recipe).radii
        r, r_in, r_out = map(float, radii)
        return Aperture(r, r_in, r_out)

    def typed(self) -> dict[str, Any]:
        """Give what was typed, as plain values for JSON.

        Returns
        -------
        dict
            By the names of this class; what was left out is not there.
        """
        given = {
            name: getattr(self, name)
            for name, described in self.__dataclass_fields__.items()
            if name != "command" and getattr(self, name) != described.default
        }
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in given.items()
        }


def _check_text(name: str, text: str | None) -> None:
    """Refuse what no database, or no XML, can hold as text."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise UsageError(f"The {name} is not UTF-8 text") from None
    if "\0" in (text or ""):
        raise UsageError(f"The {name} holds a NUL character")
    if any(ord(character) < 32 and character not in "\t\n\r" for character in text or ""):
        raise UsageError(f"The {name} holds a control character")
