"""From the sum in the circle to the flux density, one step a line."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select

from iracdb.api import Catalogue
from iracdb.catalogue import tables as t
from iracdb.compare.arithmetic import ImageLine
from iracdb.photometry.combine import ARCSEC_PER_RADIAN, to_mjy

MOST = 2_000
"""Images of an average whose factors are worked out again for a page."""


class Step(NamedTuple):
    """One line.

    Parameters
    ----------
    sign : str
        What is done with the number: ``''``, ``−``, ``×``, ``÷`` or ``=``.
    what : str
        What the number is.
    value : float or None
        The number.
    unit : str
        Its unit.
    """

    sign: str
    what: str
    value: float | None
    unit: str


_SUM = "MJy/sr × pixel"


def steps_of(numbers: dict[str, Any], corrected: float | None) -> list[Step]:
    """Tell how an image's flux density came about.

    Parameters
    ----------
    numbers : dict
        raw, background, calibration_factor, array_location_factor, pixel_phase_factor,
        aperture_correction, pixel_size, colour_correction; None where one is not known.
    corrected : float or None
        The sum over the factors, as it is kept; None where they are not known.

    Returns
    -------
    list of Step
        As far as the numbers go; the last is the flux density where they go that far.
    """
    raw, background = numbers["raw"], numbers["background"]
    if raw is None or background is None:
        return []
    net = raw - background
    steps = [
        Step("", "Sum in the source circle", raw, _SUM),
        Step("−", "Background in it", background, _SUM),
        Step("=", "Net sum", net, _SUM),
    ]
    calibration = numbers["calibration_factor"]
    if calibration is not None and calibration != 1:
        net *= calibration
        steps += [
            Step("×", "Calibration asked for over the file's", calibration, ""),
            Step("=", "Net sum, so calibrated", net, _SUM),
        ]
    if corrected is not None:
        steps += [
            Step("÷", "Response at this place of the array", numbers["array_location_factor"], ""),
            Step("÷", "Response at this place of the pixel", numbers["pixel_phase_factor"], ""),
            Step("=", "Corrected sum", corrected, _SUM),
        ]
    size, correction = numbers["pixel_size"], numbers["aperture_correction"]
    if size is None or correction is None:
        return steps
    k = numbers["colour_correction"]
    per_sum = size**2 / ARCSEC_PER_RADIAN**2 * 1e9
    steps += [
        Step("×", "Aperture correction", correction, ""),
        Step("×", f"Solid angle of a pixel of {size!r} arcsec", per_sum, "mJy per MJy/sr"),
    ]
    if k is not None and k != 1:
        steps.append(Step("÷", "Colour correction K", k, ""))
    sums = net if corrected is None else corrected
    flux = float(to_mjy(sums, correction, size, 1.0 if k is None else k))
    what = "Flux density" if corrected is not None else "Flux density without the response"
    return [*steps, Step("=", what, flux, "mJy")]


class Replayed(NamedTuple):
    """What an imported table does not hold, worked out again by the rules of its run.

    Parameters
    ----------
    by_row : dict
        The line of each image by its row in the run's image table.
    notes : tuple of str
        By which rules, and what else is to be known.
    """

    by_row: dict[int, ImageLine]
    notes: tuple[str, ...]


def replayed(catalogue: Catalogue, run_id: int, aorkey: int, average: int) -> Replayed:
    """Work out again how the images of an imported average came to their fluxes.

    Parameters
    ----------
    catalogue : Catalogue
        Open.
    run_id, aorkey, average : int
        The run, the AOR, and the average's row in the AOR table.

    Returns
    -------
    Replayed
        Of all its images.
    """
    image, of = t.image_result.c, t.aor_result.c
    query = (
        select(image.row_number)
        .join(t.aor_result, of.id == image.aor_result_id)
        .where(of.run_id == run_id, of.row_number == average)
        .order_by(image.row_number)
    )
    with catalogue._database.read() as connection:
        rows = connection.execute(query).scalars().all()
    made = catalogue.why(run_id, aorkey, row=average)
    return Replayed(dict(zip(rows, made.images, strict=True)), made.notes)
