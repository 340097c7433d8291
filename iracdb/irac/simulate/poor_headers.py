"""Headers of the files beside a bcd: as poor as the archive's.

What is missing is the point: a bunc or bimsk has no read mode, no pointing and no label, an unc2d,
msk2d or cov2d hardly anything but the name of the file.
"""

from __future__ import annotations

from iracdb.irac.simulate.cards import Card
from iracdb.irac.simulate.headers import (
    ORIGIN,
    data_flow_cards,
    field_name,
    identity_cards,
    origin_cards,
    proposal_cards,
    quality_cards,
    section_cards,
    serial_number,
)
from iracdb.irac.simulate.spec import FrameSpec
from iracdb.irac.simulate.times import time_cards

_PIXEL_BITS = (
    *("overall quality", "reserved", "ghost", "stray light", "saturation mended"),
    *("muxbleed", "banding", "column pulldown", "crosstalk", "radiation hit"),
    *("latent image", "no flat field", "not linear", "saturated", "bad or missing"),
)


def uncertainty_cards(spec: FrameSpec) -> list[Card]:
    """Header of a bunc: another creator, no read mode, no pointing, no label.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        The header, for `write_fits`.
    """
    times = {card.keyword: card for card in time_cards(spec.mjd, spec.ra, spec.dec)}
    kept = ("SCLK_OBS", "ET_OBS", "DATE_OBS", "MJD_OBS", "HMJD_OBS", "BMJD_OBS", "UTCS_OBS")
    array = spec.detector
    return [
        Card("EXTEND", True, "extensions would be allowed"),
        Card("TELESCOP", "Spitzer", "telescope"),
        Card("INSTRUME", "IRAC", "instrument"),
        Card("RONOISE", array.read_noise, "[electron] read noise"),
        Card("AORTIME", spec.frameset_time or spec.frame_time, "[s] template time"),
        Card("HDRMODE", spec.hdr is not None, "high dynamic range"),
        *(card for card in quality_cards() if card.keyword != "BADTRIG"),
        Card("ORIGIN", ORIGIN, "who made this file"),
        Card("CREATOR", "JPL_FOS SIS", "who made the raw file"),
        *identity_cards(spec),
        Card("OBSRVR", "iracdb", "observer"),
        Card("PROPOSID", 90_000, "proposal"),
        Card("TARGETNA", spec.target, "target"),
        Card("RDOUTMOD", "SUB" if spec.subarray else "FULL", "read mode"),
        Card("APERNAME", field_name(spec), "aperture"),
        Card("CAMPAIGN", spec.campaign, "campaign"),
        Card("AREADMOD", int(spec.subarray), "0 full array, 1 subarray"),
        *(times[keyword] for keyword in kept),
        Card("FRAMTIME", array.frame_time, "[s] frame time"),
        Card("EXPTIME", array.exposure_time, "[s] integration time"),
        Card("BUNIT", "MJy/sr", "unit"),
    ]


def mask_cards(spec: FrameSpec) -> list[Card]:
    """Header of a bimsk: no read mode, no pointing, no label.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    list of Card
        The header, for `write_fits`.
    """
    left_out = ("SPTZR_",)
    times = time_cards(spec.mjd, spec.ra, spec.dec)
    return [
        *origin_cards(spec),
        *section_cards("PROPOSAL"),
        *proposal_cards(),
        *section_cards("TIME AND EXPOSURE"),
        *(card for card in times if not card.keyword.startswith(left_out)),
        Card("AREADMOD", int(spec.subarray), "0 full array, 1 subarray"),
        *section_cards("BITS"),
        *(Card(f"BIT{n:02d}", 1 << n, text) for n, text in enumerate(_PIXEL_BITS)),
        Card("PROCBITS", 32_256, "bits looked at"),
        *section_cards("DATA FLOW"),
        *data_flow_cards(spec),
    ]


def poor_cards(spec: FrameSpec, *, coverage: bool = False) -> list[Card]:
    """Header of an unc2d, msk2d or cov2d: no time, no DCENUM, hardly anything.

    Parameters
    ----------
    spec : FrameSpec
        The frame.
    coverage : bool, optional
        Whether it is a cov2d, which says how outliers were found.

    Returns
    -------
    list of Card
        The header, for `write_fits`.
    """
    cards = [
        Card("EXTEND", True, "extensions would be allowed"),
        Card("COMMENT", "  Simulated by iracdb; no telescope took this."),
        Card("COMMENT", "  The name of the file says which exposure it belongs to."),
        Card("AORKEY", spec.aorkey, "AOR key"),
        Card("CHNLNUM", spec.channel, "channel"),
        Card("EXPID", spec.expid, "exposure"),
        Card("INSTRUME", "IRAC", "instrument"),
        Card("READMODE", "SUB", "read mode"),
        Card("DPID", serial_number(spec), "data product"),
    ]
    if coverage:
        cards += [
            Card("MASKVAL", 0, "bits that leave a pixel out"),
            Card("OLRCUTOF", 3.0, "[sigma] outliers"),
        ]
    return cards
