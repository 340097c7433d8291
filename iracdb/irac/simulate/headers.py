"""Headers of the simulated files by what they tell.

The keywords, their order and the instrument's own values are the archive's; texts are our own.
"""

from __future__ import annotations

import math

from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.irac.simulate.cards import Card, changed
from iracdb.irac.simulate.spec import FrameSpec
from iracdb.irac.simulate.times import (
    PROCESSING_DAYS,
    date_text,
    integration_cards,
    time_cards,
)
from iracdb.irac.simulate.wcs import distortion_cards, linear_cards, optics, pointing

ORIGIN = "simulated by iracdb"
"""ORIGIN of every file that this package writes and that has an ORIGIN."""

_WAVELENGTH = {1: "3.6", 2: "4.5", 3: "5.8", 4: "8.0"}
_PAIR = {1: "3.6&5.8", 2: "4.5&8.0", 3: "3.6&5.8", 4: "4.5&8.0"}
_FIELD = {1: 67, 2: 74, 3: 67, 4: 74}
_SUBARRAY_FIELD = {1: 70, 2: 77, 3: 73, 4: 79}


def science_cards(spec: FrameSpec) -> list[Card]:
    """Header of a bcd.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        Without SIMPLE, BITPIX, NAXIS and END.
    """
    ra, dec = spec.ra, spec.dec
    cards = [
        *origin_cards(spec),
        Card("EXPTYPE", "sci", "kind of exposure"),
        Card("REQTYPE", "AOR", "kind of request"),
        Card("AOT_TYPE", "IracMapPC" if not spec.cryogenic else "IracMap", "template"),
        Card("AORLABEL", spec.label, "label of the AOR"),
        Card(
            "FOVID", (_SUBARRAY_FIELD if spec.subarray else _FIELD)[spec.channel], "field of view"
        ),
        Card("FOVNAME", field_name(spec), "field of view"),
        *section_cards("PROPOSAL"),
        *proposal_cards(),
        *section_cards("TIME AND EXPOSURE"),
        *time_cards(spec.mjd, ra, dec),
        *_exposure(spec),
        *section_cards("TARGET AND POINTING"),
        *_pointing(spec),
        *section_cards("DISTORTION"),
        *distortion_cards(optics(spec.channel, spec.subarray)),
        *section_cards("PHOTOMETRY"),
        *_photometry(spec),
        *section_cards("MAPPING"),
        *_mapping(spec),
        *section_cards("TELEMETRY"),
        *_telemetry(spec),
        *section_cards("DATA FLOW"),
        *data_flow_cards(spec),
        *quality_cards(),
        *section_cards("HISTORY"),
        Card("HISTORY", "No telescope took this frame: iracdb simulated it."),
        Card("HISTORY", "True position and flux density stand in truth.csv beside the archive."),
    ]
    return changed(cards, spec.header)


def collapsed_cards(spec: FrameSpec) -> list[Card]:
    """Header of a sub2d: the bcd's, as it is an image of the same sky.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        The header, for `write_fits`.
    """
    return [*science_cards(spec), Card("HISTORY", "Planes of the cube averaged.")]


def field_name(spec: FrameSpec) -> str:
    """FOVNAME of a frame.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    str
        Such as ``'IRAC_Center_of_4.5umSub-Array'``.
    """
    if spec.subarray:
        return f"IRAC_Center_of_{_WAVELENGTH[spec.channel]}umSub-Array"
    return f"IRAC_Center_of_{_PAIR[spec.channel]}umArray"


def section_cards(title: str) -> list[Card]:
    """Make the cards without keyword that head a section.

    Parameters
    ----------
    title : str
        The section's title.

    Returns
    -------
    list of Card
        Three, the first and the last blank.
    """
    return [Card("", ""), Card("", f"  / {title}"), Card("", "")]


def origin_cards(spec: FrameSpec) -> list[Card]:
    """Make the cards that say who made the file and with which instrument.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        From ORIGIN to CHNLNUM.
    """
    return [
        Card("ORIGIN", ORIGIN, "who made this file"),
        Card("CREATOR", spec.pipeline, "pipeline that it imitates"),
        Card("TELESCOP", "Spitzer", "telescope"),
        Card("INSTRUME", "IRAC", "instrument"),
        Card("CHNLNUM", spec.channel, "channel"),
    ]


def proposal_cards() -> list[Card]:
    """Make the cards of the proposal, which nobody wrote.

    Returns
    -------
    list of Card
        From OBSRVR to PROGCAT.
    """
    return [
        Card("OBSRVR", "iracdb", "observer"),
        Card("OBSRVRID", 0, "observer's number"),
        Card("PROCYCL", 0, "proposal cycle"),
        Card("PROGID", 90_000, "program"),
        Card("PROTITLE", "A simulated archive of standard stars", "program's title"),
        Card("PROGCAT", 30, "program's category"),
    ]


def _exposure(spec: FrameSpec) -> list[Card]:
    array = spec.detector
    cards = [
        Card("AORTIME", spec.frameset_time or spec.frame_time, "[s] frame set asked for"),
        Card("SAMPTIME", 0.01 if spec.subarray else 0.2, "[s] one sample"),
        Card("FRAMTIME", array.frame_time, "[s] frame time; light gathered in the well"),
        Card("EXPTIME", array.exposure_time, "[s] integration time of a pixel; DN counted"),
        *integration_cards(spec.mjd, array.frame_time, SUBARRAY_PLANES if spec.subarray else None),
        Card("AREADMOD", int(spec.subarray), "0 full array, 1 subarray"),
    ]
    if not spec.subarray:
        # F even in pairs: the real frames of HDRMODE T that we know say so.
        cards.append(Card("AORHDR", False, "AOR asks for high dynamic range"))
        cards.append(Card("HDRMODE", spec.hdr is not None, "frame of a high-dynamic-range set"))
    if spec.hdr is not None:
        cards.append(Card("HDRFRAME", f"{spec.hdr:>8}", "which of the set"))
        cards.append(Card("HDRCYCLE", 1, "cycle of the set"))
    return cards


def _pointing(spec: FrameSpec) -> list[Card]:
    lens = optics(spec.channel, spec.subarray)
    ra, dec = pointing(lens, *spec.pointed, spec.ra, spec.dec, spec.angle)
    jitter = round(0.003 + 0.0004 * (spec.expid % 7), 4)
    copied = [Card("PTGCPD", "Yes", "pointing copied from the long frame")]
    return [
        *(copied if spec.hdr == "short" else []),
        Card("OBJECT", spec.target, "target"),
        Card("OBJTYPE", "TargetFixedSingle", "kind of target"),
        Card("CRPIX1", lens.reference, "reference pixel along axis 1"),
        Card("CRPIX2", lens.reference, "reference pixel along axis 2"),
        Card("CRVAL1", ra, "[deg] right ascension of it"),
        Card("CRVAL2", dec, "[deg] declination of it"),
        Card("RA_HMS", _sexagesimal(ra / 15.0, "hms", 1), "right ascension of it"),
        Card("DEC_DMS", _sexagesimal(dec, "dms", 0, signed=True), "declination of it"),
        Card("RADESYS", "ICRS", "frame of the coordinates"),
        Card("EQUINOX", 2000.0, "[yr] equinox"),
        *linear_cards(lens, spec.angle),
        Card("RA_RQST", ra, "[deg] right ascension asked for"),
        Card("DEC_RQST", dec, "[deg] declination asked for"),
        Card("PM_RA", 0.0, "[arcsec/yr] proper motion in right ascension"),
        Card("PM_DEC", 0.0, "[arcsec/yr] proper motion in declination"),
        Card("RA_REF", spec.ra, "[deg] right ascension of the target"),
        Card("DEC_REF", spec.dec, "[deg] declination of the target"),
        Card("RMS_JIT", jitter, "[arcsec] jitter during the exposure"),
        Card("RMS_JITY", round(0.8 * jitter, 6), "[arcsec] jitter along Y"),
        Card("RMS_JITZ", round(0.6 * jitter, 6), "[arcsec] jitter along Z"),
        Card("USEDBPHF", True, "a pointing history was used"),
    ]


def _photometry(spec: FrameSpec) -> list[Card]:
    array = spec.detector
    return [
        Card("BUNIT", "MJy/sr", "unit"),
        Card("FLUXCONV", array.flux_conversion, "MJy/sr per DN/s"),
        Card("GAIN", array.gain, "electrons per DN"),
        Card("RONOISE", array.read_noise, "[electron] read noise"),
        Card("ZODY_EST", float(spec.background), "[MJy/sr] zodiacal light"),
        Card("ISM_EST", 0.0, "[MJy/sr] interstellar medium"),
        Card("CIB_EST", 0.0, "[MJy/sr] cosmic background"),
        Card("SKYDRKZB", 0.0, "[MJy/sr] zodiacal light of the skydark"),
        Card("SKYDKMED", 0.0, "[MJy/sr] median of the skydark"),
    ]


def _mapping(spec: FrameSpec) -> list[Card]:
    cards = [Card("READMODE", "SUB" if spec.subarray else "FULL", "read mode")]
    if spec.dither_position is not None:
        cards.append(Card("DITHPOS", spec.dither_position, "dither position"))
    if spec.dither_scale is not None:
        cards.append(Card("DITHSCAL", spec.dither_scale, "scale of the dither"))
    return cards


def _telemetry(spec: FrameSpec) -> list[Card]:
    # The warm arrays were held at 28.7 K; cooled, the InSb ones at 15 K, the Si:As ones at 6 K.
    cold = 15.0 if spec.channel < 3 else 6.03
    kelvin = round((cold if spec.cryogenic else 28.67) + 0.001 * (spec.expid % 5), 4)
    return [
        Card("AFPAT2B", kelvin, "[K] focal plane at the start"),
        Card("AFPAT2E", kelvin, "[K] focal plane at the end"),
    ]


def quality_cards() -> list[Card]:
    """Make the cards that say that nothing was lost on the way.

    Returns
    -------
    list of Card
        MISS_LCT, MANCPKT, MISSDATA and BADTRIG. A good frame has no ZEROPIX.
    """
    return [
        Card("MISS_LCT", 0, "lines that are missing"),
        Card("MANCPKT", False, "ancillary data are missing"),
        Card("MISSDATA", False, "image data are missing"),
        Card("BADTRIG", False, "a zero pixel was found in the raw frame"),
    ]


def data_flow_cards(spec: FrameSpec) -> list[Card]:
    """Make the cards of the processing that never was.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        From DATE to SOS_VER.
    """
    made = date_text(math.floor(spec.mjd) + PROCESSING_DAYS, decimals=0)
    return [
        Card("DATE", made, "UTC when it would have been processed"),
        *identity_cards(spec),
        Card("DS_IDENT", f"ads/sa.spitzer#{spec.aorkey:010d}", "data set"),
        Card("CAMPAIGN", spec.campaign, "campaign"),
        Card("DCEID", serial_number(spec), "data-collection event"),
        Card("DPID", serial_number(spec) + 1, "data product"),
        Card("PIPENUM", 107, "pipeline script"),
        Card("SOS_VER", spec.version, "version of the product"),
    ]


def identity_cards(spec: FrameSpec) -> list[Card]:
    """Make the cards that say which exposure this is.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        From AORKEY to RAWFILE.
    """
    raw = (
        f"IRAC.{spec.channel}.{spec.aorkey:010d}.{spec.expid:04d}.{spec.dcenum:04d}"
        f".{spec.version:02d}.mipl.fits"
    )
    return [
        Card("AORKEY", spec.aorkey, "AOR key"),
        Card("EXPID", spec.expid, "exposure"),
        Card("DCENUM", spec.dcenum, "data-collection event within the exposure"),
        Card("FILE_VER", 1, "version of the raw file"),
        Card("RAWFILE", raw, "raw file"),
    ]


def serial_number(spec: FrameSpec) -> int:
    """Make a number that no other frame of a simulated archive has.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    int
        Goes into DCEID and DPID.
    """
    within = ((spec.expid * 100 + spec.dcenum) * 4 + spec.channel - 1) * 2
    return spec.aorkey // 256 % 100 * 10_000_000 + within


def _sexagesimal(value: float, marks: str, decimals: int, *, signed: bool = False) -> str:
    units = round(abs(value) * 3600.0 * 10**decimals)
    rest, seconds = divmod(units, 60 * 10**decimals)
    whole, minutes = divmod(rest, 60)
    width = 3 + decimals if decimals else 2
    text = f"{seconds / 10**decimals:0{width}.{decimals}f}"
    sign = ("-" if value < 0.0 else "+") if signed else ""
    return f"{sign}{whole:02d}{marks[0]}{minutes:02d}{marks[1]}{text}{marks[2]}"
