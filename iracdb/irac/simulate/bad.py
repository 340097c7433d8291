"""Files that an archive should not hold, and always does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iracdb.irac.names import FileName
from iracdb.irac.simulate.cards import BLOCK, CardValue, fits_bytes
from iracdb.irac.simulate.frame import simulate_frame
from iracdb.irac.simulate.spec import FrameSpec

REASONS: dict[str, str] = {
    "empty": "no bytes at all",
    "truncated-header": "the file ends before the header does",
    "not-fits": "text under the name of an image",
    "other-instrument": "the header says MIPS",
    "no-aorkey": "the header has no AORKEY",
    "other-aorkey": "the header's AORKEY is not the name's",
    "truncated-pixels": "the file ends within the pixels",
}
"""What is wrong with each bad file, in the order of their EXPID."""

_TEXT = b"<html><title>503</title>Try again later: the archive is being looked after.</html>\n"


def make_bad_files(aorkey: int) -> Iterator[tuple[FileName, str, bytes]]:
    """Make one file of each way to be bad, named like good ones.

    Parameters
    ----------
    aorkey : int
        The AOR that they are to be found in.

    Yields
    ------
    name : FileName
        Names differ by EXPID, in the order of `REASONS`.
    reason : str
        A key of `REASONS`.
    content : bytes
        The file.
    """
    for expid, reason in enumerate(REASONS):
        spec = FrameSpec(
            channel=1,
            aorkey=aorkey,
            expid=expid,
            mjd=round(56_300.5 + expid * 16.0 / 86_400.0, 7),
            label="SIM_bad_files",
            noise=False,
        )
        yield spec.name(), reason, _content(spec, reason)


def make_bad_copy(spec: FrameSpec) -> tuple[FileName, str, bytes]:
    """Make a file among good ones whose pixels end too early.

    Parameters
    ----------
    spec : FrameSpec
        An exposure of the AOR, with an EXPID of its own.

    Returns
    -------
    name : FileName
        Its name.
    reason : str
        ``'truncated-pixels'``.
    content : bytes
        The file.
    """
    reason = "truncated-pixels"
    return spec.name(), reason, _content(replace(spec, noise=False), reason)


def _content(spec: FrameSpec, reason: str) -> bytes:
    if reason == "empty":
        return b""
    if reason == "not-fits":
        return _TEXT
    changes: dict[str, dict[str, CardValue | None]] = {
        "other-instrument": {"INSTRUME": "MIPS"},
        "no-aorkey": {"AORKEY": None},
        "other-aorkey": {"AORKEY": spec.aorkey + 1},
    }
    content = fits_bytes(*simulate_frame(replace(spec, header=changes.get(reason, {}))))
    if reason == "truncated-header":
        return content[: BLOCK + 1000]  # within a card, and before END
    if reason == "truncated-pixels":
        return content[: len(content) // 2]
    return content
