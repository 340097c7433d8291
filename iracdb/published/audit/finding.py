"""A finding of the audit, and the registry of their codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Code:
    """A kind of finding.

    Parameters
    ----------
    name : str
        Stable; also the heading of its section in ``docs/audit.md``.
    severity : {'error', 'warning', 'note'}
        Error: numbers are wrong. Warning: they may be. Note: worth knowing.
    sentence : str
        What it is.
    """

    name: str
    severity: Severity
    sentence: str


CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code("not-reproducible", "error", "The fluxes are not what the recorded rules give."),
        Code("wrong-channel", "error", "Its words and its parameters name different channels."),
        Code("words-disagree", "warning", "Its words contradict each other."),
        Code("frames-counted-twice", "error", "Frames count in more than one average."),
        Code("aor-repeated", "error", "An AOR's row stands again in place of another's."),
        Code("flux-repeated", "error", "An AOR has the very flux of the AOR before it."),
        Code("mispaired-centres", "error", "Fluxes were corrected at another image's centre."),
        Code(
            "wrong-mission-tables", "error", "Fluxes were corrected by the other mission's tables."
        ),
        Code("no-cryogen", "error", "Channels 3 and 4 were measured after the cryogen ran out."),
        Code("rejection-blind", "warning", "Images were rejected without a look at the spread."),
        Code("no-flux-at-all", "error", "No AOR of the run has a flux."),
        Code("negative-flux", "warning", "An AOR's flux is not positive."),
        Code("outlying-flux", "warning", "An AOR's flux is far from the others of its target."),
        Code("unlike-frames", "warning", "AORs differ in read mode or frame time from the rest."),
        Code("mixed-frames", "warning", "An average is over frames that are not alike."),
        Code("mixed-fluxconv", "warning", "An average is over files of different FLUXCONV."),
        Code("marked-headers", "warning", "Frames marked as bad were measured all the same."),
        Code("saturated", "warning", "Images near full well count in averages."),
        Code("transition", "warning", "Frames are of the months when set points changed."),
        Code("aperture-correction", "warning", "An aperture correction is of no table."),
        Code("other-version", "note", "The response is not of the frames' pipeline version."),
        Code("off-aperture", "note", "The response is not of the aperture's radii."),
        Code("off-centre", "note", "The response is not of the way centres were found."),
        Code("bad-pixels", "note", "Images were left out for a bad pixel."),
        Code("no-mask", "note", "Images had no mask."),
        Code("aor-without-flux", "note", "AORs have no usable image."),
        Code("identical-tables", "note", "Its tables are bit-identical to another run's."),
        Code("superseded-files", "warning", "A newer version of a file it measured is held."),
        Code("mixed-creators", "warning", "An average is over files of different pipelines."),
        Code("files-gone", "warning", "Files that it measured are gone."),
        Code("files-changed", "error", "Files that it measured are not what they were."),
    )
}
"""Every kind of finding, by name."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one run.

    Parameters
    ----------
    code : str
        Of `CODES`.
    run_id : int
        The run.
    run : str
        Its name.
    sentence : str
        What is wrong, with the numbers.
    numbers : dict
        The numbers by name.
    rows : list of dict
        The rows it is about.
    """

    code: str
    run_id: int
    run: str
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CODES[self.code].severity

    @property
    def docs(self) -> str:
        """Where the documentation explains it."""
        return f"docs/audit.md#{self.code}"
